# /// script
# dependencies = ["h5py"]
# [tool.libraries]
# environment = "science"
# ///
import io

import h5py

stream = io.BytesIO()
with h5py.File(stream, "w") as file:
    file.create_dataset("a", data=list(range(100)), compression="gzip")
    file["a"].attrs["unit"] = "m"
with h5py.File(stream) as file:
    assert file["a"][:].sum() == 4950 and file["a"].attrs["unit"] == "m"
