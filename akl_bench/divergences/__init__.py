"""Divergences: one file each; a name or spec gives the object."""

from akl_bench.divergences.base import Divergence as Divergence
from akl_bench.divergences.base import Pair as Pair
from akl_bench.registry import Registry

registry: Registry[Divergence] = Registry("divergence", "akl_bench.divergences", "Divergence")

names, get = registry.names, registry.create
