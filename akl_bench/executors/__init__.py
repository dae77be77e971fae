"""Where cells run: local child processes, or Ray."""
