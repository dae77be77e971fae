"""Teachers and students: where a checkpoint is, what is in it, how it is loaded, pruned or made.

`locate` and `census` read files only and import no torch; everything else does.
"""
