"""Artifacts on disk: their keys, their typed records, and the seal that says one is whole."""
