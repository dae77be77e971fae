"""Adaptive KL (arXiv 2404.02657): its claims tested, and the losses under its name compared."""
