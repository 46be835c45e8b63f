# Makes an environment that holds one library and what it requires, as `pip install LIBRARY` would, out of a larger one that
# holds many: hard links cost neither time nor room. Runs in the larger one.
#
#     python environment.py FOLDER REQUIREMENT...
#
# Prints a line `NAME VERSION` for each distribution that it holds, the first requirement's first.
import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig

from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import canonicalize_name


def closure(requirements):
    """The distributions of `requirements`, with their extras, and all that these require."""
    pending = [Requirement(text) for text in requirements]
    extras, found = {}, {}
    while pending:
        requirement = pending.pop(0)
        name = canonicalize_name(requirement.name)
        known = extras.setdefault(name, set())
        if name in found and requirement.extras <= known:
            continue
        known |= requirement.extras
        found[name] = importlib.metadata.distribution(name)
        for text in found[name].requires or ():
            wanted = Requirement(text)
            if wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in known | {""}):
                pending.append(wanted)
    return found


def link(distribution, prefix, folder):
    """Links the files of `distribution` to the same places below `folder`."""
    for file in distribution.files or ():
        source = os.path.normpath(distribution.locate_file(file))
        target = os.path.join(folder, os.path.relpath(source, prefix))
        if not os.path.isfile(source) or os.path.exists(target):
            continue
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.link(source, target)


def main(folder, *requirements):
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    found = closure(requirements)
    for name, distribution in found.items():
        link(distribution, sysconfig.get_path("data"), folder)
        print(name, distribution.version)


main(*sys.argv[1:])
