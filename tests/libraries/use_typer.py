# /// script
# dependencies = ["typer"]
# [tool.libraries]
# environment = "core"
# ///
import typer
from typer.testing import CliRunner

app = typer.Typer()


@app.command()
def hello(name: str, loud: bool = False):
    """Greets NAME."""
    typer.echo(f"Hello {name.upper() if loud else name}")


assert CliRunner().invoke(app, ["ada", "--loud"]).output == "Hello ADA\n"
assert "Greets" in CliRunner().invoke(app, ["--help"]).output
