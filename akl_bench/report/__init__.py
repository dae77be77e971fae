"""Sealed cells -> frame -> table; and text that every room prints with."""
