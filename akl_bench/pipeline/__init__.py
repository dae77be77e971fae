"""Plan a run, prepare what its cells share, and run the cells."""
