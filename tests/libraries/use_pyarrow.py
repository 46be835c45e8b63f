# /// script
# dependencies = ["pyarrow"]
# [tool.libraries]
# environment = "science"
# ///
import io

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.parquet as pq

table = pa.table({"a": [1, 2, 3], "b": ["x", "y", None]})
stream = io.BytesIO()
pq.write_table(table, stream, compression="zstd")
assert pq.read_table(io.BytesIO(stream.getvalue())).equals(table)
assert pc.sum(table["a"]).as_py() == 6
assert pyarrow.dataset.dataset(table).to_table(filter=pc.field("a") > 1).num_rows == 2
