"""What a program asks `sys` and `os` about itself."""

import json as stdlib_package
import os
import sys
import textwrap as stdlib_module

import __main__
import shapes
import shapes.deep.leaf

from . import tell


def show_argv(*_arguments):
    """Every argument as its bytes in hexadecimal, `argv[0]` among them."""
    tell(argv=[os.fsencode(argument).hex() for argument in sys.argv], orig=len(getattr(sys, "orig_argv", [])))


def show_facts():
    """The attributes PyInstaller's users rely on."""
    tell(
        frozen=getattr(sys, "frozen", None),
        meipass=sys._MEIPASS,
        executable=sys.executable,
        argv0=sys.argv[0],
        prefixes=[sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix],
        path=sys.path,
        version=list(sys.version_info[:3]),
        main_name=__main__.__name__,
        main_file=__main__.__file__,
        main_spec=__main__.__spec__ is None,
        main_filename=__main__.main.__code__.co_filename,
        package_file=shapes.__file__,
        package_path=list(shapes.__path__),
        leaf_file=shapes.deep.leaf.__file__,
        stdlib_module_file=stdlib_module.__file__,
        stdlib_package_file=stdlib_package.__file__,
        main_is_loaded=sys.modules["__main__"] is __main__,
        pack=hasattr(sys, "_pack"),
        cwd=os.getcwd(),
        flags={name: getattr(sys.flags, name) for name in ("isolated", "ignore_environment", "no_user_site")},
        encodings=[sys.getfilesystemencoding(), sys.stdout.encoding],
    )


def show_environment():
    """The environment the program sees."""
    tell(environment=dict(os.environ))


ACTIONS = {"argv": show_argv, "facts": show_facts, "environment": show_environment}
