"""Extension modules: parts.c, compiled once for each."""
