"""Seeded batched decoding into resumable completions."""
