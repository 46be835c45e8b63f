"""In a package without `__init__`."""

NAME = "lone.inside"
