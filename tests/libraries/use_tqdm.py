# /// script
# dependencies = ["tqdm"]
# [tool.libraries]
# environment = "core"
# ///
import io

import tqdm
from tqdm.auto import trange

stream = io.StringIO()
for _ in tqdm.tqdm(range(5), file=stream, desc="work"):
    pass
assert "5/5" in stream.getvalue()
assert list(trange(3, file=stream)) == [0, 1, 2]
