"""The third stage of a cell: scores of completions, or of the model itself; one file each."""
