"""The tools of a paper each: only its claims and what public code made of it."""
