"""Programs started by the program."""

import json
import os
import subprocess
import sys

from . import tell


def run(*command, **options):
    """The output and status of `command`."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, **options)
    return {"status": done.returncode, "stdout": done.stdout, "stderr": done.stderr}


def system_program():
    """The environment and the open files of a system program."""
    environment = run("/usr/bin/env")["stdout"].splitlines()
    shell = run("/bin/sh", "-c", "ls /proc/self/fd | wc -l; cat /proc/self/status | grep -E '^Sig(Ign|Blk)'")
    tell(environment=sorted(environment), files=shell["stdout"].split()[0], signals=shell["stdout"].splitlines()[1:],
         own=sorted(f"{key}={value}" for key, value in os.environ.items()))


def as_python():
    """`sys.executable` used as the Python that it stands for."""
    me = sys.executable
    script = os.path.join(os.environ["SCRATCH"], "script.py")
    with open(script, "w", encoding="utf-8") as file:
        file.write("import sys, json; print(json.dumps([sys.argv, __name__, __file__]))\n")
    tell(
        code=run(me, "-c", "import sys; print(sys.argv, __name__); sys.exit(4)", "a", "-b"),
        module=run(me, "-m", "json.tool", "--sort-keys", input='{"b": 1, "a": 2}'),
        own_module=run(me, "-m", "shapes.runnable", "x"),
        package=run(me, "-m", "shapes"),
        script=run(me, script, "x", "y"),
        flags=run(me, "-u", "-I", "-X", "utf8", "-c", "print('flags')"),
        unbuffered=run(me, "-Sc", "print('joined')"),
        failing=run(me, "-c", "1/0"),
        absent=run(me, "-m", "no_such_module"),
        shell=run("sh", "-c", '"$0" -c "print(6 * 7)" | cat', me),
        xargs=run("xargs", me, "-c", "import sys; print(sys.argv)", input="a b"),
        script_path=script,
    )


def again():
    """An instance of itself with arguments of its own, started by its name."""
    tell(argv=json.loads(run(sys.executable, "argv", "one", "two words")["stdout"]))


def anew(*arguments):
    """The program started anew as Python programs do: at first in its place, then as a child."""
    if arguments[:1] == ("child",):
        tell(argv=sys.argv[2:])
    elif arguments[:1] == ("replaced",):
        subprocess.run([sys.executable, "-Werror", "-X", "dev", sys.argv[0], "anew", "child", "a", "-b"], check=True)
    else:
        os.execv(sys.executable, [sys.executable, *sys.argv, "replaced"])


def shell():
    """`os.system` and `os.popen`."""
    status = os.system("exit 3")
    with os.popen("echo from the shell") as pipe:
        tell(status=os.WEXITSTATUS(status), text=pipe.read())


ACTIONS = {"system-program": system_program, "as-python": as_python, "again": again, "anew": anew, "shell": shell}
