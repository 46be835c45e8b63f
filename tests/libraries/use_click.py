# /// script
# dependencies = ["click"]
# [tool.libraries]
# environment = "core"
# ///
import click
from click.testing import CliRunner


@click.group()
def main():
    """A program."""


@main.command()
@click.option("--n", type=click.IntRange(1, 5), default=2, show_default=True)
def repeat(n):
    click.secho("x" * n, fg="red")


assert CliRunner().invoke(main, ["repeat", "--n", "3"]).output == "xxx\n"
assert "1<=x<=5" in CliRunner().invoke(main, ["repeat", "--help"]).output
assert CliRunner().invoke(main, ["repeat", "--n", "9"]).exit_code == 2
from click.shell_completion import get_completion_class
assert "_PROG_COMPLETE" in get_completion_class("bash")(main, {}, "prog", "_PROG_COMPLETE").source()
