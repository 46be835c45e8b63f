"""Prints what the editable distributions beside it say."""

from importlib.metadata import version

import acme.core

print(acme.core.greeting(), *acme.core.parts(), version("acme-core"), version("acme-tools"))
