"""The command line: one file per verb; a body parses, calls and prints."""
