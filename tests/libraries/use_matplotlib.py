# /// script
# dependencies = ["matplotlib"]
# [tool.libraries]
# environment = "science"
# ///
import io

import matplotlib.pyplot as plt

figure, axes = plt.subplots()
axes.plot([1, 2, 3], label="é $\\alpha^2$")
axes.legend()
for kind in ("png", "svg", "pdf"):
    stream = io.BytesIO()
    figure.savefig(stream, format=kind)
    assert len(stream.getvalue()) > 3000, kind
figure.canvas.draw()
assert plt.get_backend().lower() == "agg", plt.get_backend()
plt.style.use("ggplot")
