"""Sealed cells -> frame -> table."""
