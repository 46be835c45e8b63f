"""Imported by nobody: a plug-in that a scan finds."""
