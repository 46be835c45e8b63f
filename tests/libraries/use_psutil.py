# /// script
# dependencies = ["psutil"]
# [tool.libraries]
# environment = "core"
# ///
import os

import psutil

own = psutil.Process()
assert own.pid == os.getpid() and own.memory_info().rss > 1_000_000
assert psutil.cpu_count() >= 1 and psutil.virtual_memory().total > 0
assert any(item.path for item in own.memory_maps())
