"""Example plug-ins for akl-bench."""
