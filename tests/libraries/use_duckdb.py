# /// script
# dependencies = ["duckdb"]
# [tool.libraries]
# environment = "science"
# ///
import duckdb

connection = duckdb.connect()
connection.execute("create table t as select range n from range(100)")
assert connection.execute("select sum(n) from t").fetchone() == (4950,)
assert connection.execute("select json_extract('{\"a\": 1}', '$.a')").fetchone() == ("1",)
