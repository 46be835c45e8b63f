# /// script
# dependencies = ["psycopg[binary]", "sqlalchemy"]
# [tool.libraries]
# environment = "web"
# system = ["postgresql"]
# ///
import psycopg
import sqlalchemy as sa
from servers import postgres

with postgres() as url:
    with psycopg.connect(url) as connection:
        connection.execute("create table t (n int, j jsonb)")
        connection.execute("insert into t values (%s, %s)", (1, psycopg.types.json.Jsonb({"a": [1]})))
        assert connection.execute("select j from t").fetchone() == ({"a": [1]},)
    # The driver is named in a URL only.
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        assert connection.scalar(sa.text("select sum(n) from t")) == 1
    engine.dispose()
assert psycopg.pq.__impl__ == "binary"
