# /// script
# dependencies = ["xarray", "h5netcdf", "h5py"]
# [tool.libraries]
# environment = "science"
# ///
import tempfile

import numpy as np
import xarray as xr

data = xr.Dataset({"t": (("x", "y"), np.arange(6.0).reshape(2, 3))}, coords={"x": [10, 20]})
assert float(data.t.sel(x=20).mean()) == 4
# h5netcdf is named by a string, and by an entry point.
with tempfile.NamedTemporaryFile(suffix=".nc") as file:
    data.to_netcdf(file.name, engine="h5netcdf")
    assert xr.open_dataset(file.name, engine="h5netcdf").equals(data)
