"""A module that warns whoever imports it, and then fails."""

import warnings

warnings.warn("not finished", stacklevel=2)
raise LookupError("raised by a module's own code")
