# /// script
# dependencies = ["rich"]
# [tool.libraries]
# environment = "core"
# ///
import io

from rich.console import Console
from rich.markdown import Markdown
from rich.syntax import Syntax
from rich.table import Table

console = Console(file=io.StringIO(), width=40, force_terminal=True)
table = Table("name", "n")
table.add_row("[bold]a[/bold]", "1")
console.print(table, Markdown("# head\n\n* item"), Syntax("def f(): pass", "python"), ":smile:")
text = console.file.getvalue()
assert "\x1b[1ma" in text and "head" in text and "😄" in text
try:
    1 / 0
except ZeroDivisionError:
    console.print_exception(show_locals=True)
assert "ZeroDivisionError" in console.file.getvalue() and "locals" in console.file.getvalue()
