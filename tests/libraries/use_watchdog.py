# /// script
# dependencies = ["watchdog"]
# [tool.libraries]
# environment = "web"
# ///
import pathlib
import tempfile
import threading

from watchdog.events import FileSystemEventHandler
from watchdog.observers import Observer

seen = threading.Event()


class Handler(FileSystemEventHandler):
    def on_created(self, event):
        seen.set()


with tempfile.TemporaryDirectory() as folder:
    observer = Observer()
    observer.schedule(Handler(), folder)
    observer.start()
    pathlib.Path(folder, "a").write_text("x")
    assert seen.wait(20)
    observer.stop()
    observer.join()
