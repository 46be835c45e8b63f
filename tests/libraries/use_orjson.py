# /// script
# dependencies = ["orjson"]
# [tool.libraries]
# environment = "core"
# ///
import datetime
import uuid

import orjson

value = {"a": datetime.date(2026, 1, 2), "b": uuid.UUID(int=1), "c": [1.5, None, "é"]}
assert orjson.loads(orjson.dumps(value))["a"] == "2026-01-02"
