# /// script
# dependencies = ["loguru"]
# [tool.libraries]
# environment = "core"
# ///
import io

from loguru import logger

stream = io.StringIO()
logger.remove()
logger.add(stream, backtrace=True, diagnose=True, enqueue=True)


@logger.catch
def divide(a, b):
    return a / b


divide(1, 0)
logger.complete()
assert "ZeroDivisionError" in stream.getvalue() and "return a / b" in stream.getvalue()
