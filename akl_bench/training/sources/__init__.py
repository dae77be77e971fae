"""Sources: what a step trains on; one file each; a name or spec gives the object."""

from akl_bench.registry import Registry
from akl_bench.training.sources.base import Source as Source

registry: Registry[Source] = Registry("source", "akl_bench.training.sources", "Source")
