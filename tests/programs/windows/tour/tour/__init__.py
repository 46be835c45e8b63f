"""A package that is run as ``python -m tour``."""
