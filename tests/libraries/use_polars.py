# /// script
# dependencies = ["polars"]
# [tool.libraries]
# environment = "science"
# ///
import polars as pl

frame = pl.DataFrame({"city": ["a", "b", "a"], "n": [1, 2, 3]})
assert frame.lazy().group_by("city").agg(pl.col("n").sum()).sort("city").collect()["n"].to_list() == [4, 2]
assert pl.read_csv(frame.write_csv().encode()).equals(frame)
assert pl.SQLContext(t=frame).execute("select max(n) m from t").collect()["m"][0] == 3
