# /// script
# dependencies = ["pandas"]
# [tool.libraries]
# environment = "core"
# ///
import io

import pandas as pd

frame = pd.read_csv(io.StringIO("day,city,n\n2026-01-01,a,1\n2026-01-02,b,2\n2026-01-03,a,3\n"), parse_dates=["day"])
assert frame.groupby("city")["n"].sum().to_dict() == {"a": 4, "b": 2}
local = frame["day"].dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin")
assert str(local[0]) == "2026-01-01 01:00:00+01:00"
assert "<table" in frame.to_html()
assert frame.query("n > 1").shape == (2, 3)
