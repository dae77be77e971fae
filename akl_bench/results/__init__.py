"""Runs and their sealed cells on disk."""
