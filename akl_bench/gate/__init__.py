"""The gate: a baseline file made from a run, and the check of another run against it.

Reads finished cells and the baseline; needs neither torch nor the models.
"""
