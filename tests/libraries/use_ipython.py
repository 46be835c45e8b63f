# /// script
# dependencies = ["ipython"]
# [tool.libraries]
# environment = "web"
# ///
import IPython
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
assert shell.run_cell("a = 20 + 1\n2 * a").result == 42
assert shell.run_cell("%timeit -n1 -r1 pass").success
assert shell.run_cell("!echo pack").success
assert "a" in shell.Completer.all_completions("a") or shell.complete("a")[1]
info = shell.object_inspect("print")
assert info["found"]
assert IPython.__version__
