"""Divergences: one file each; a name or spec gives the object."""

from akl_bench.divergences.base import Divergence as Divergence
from akl_bench.divergences.base import Pair as Pair
from akl_bench.registry import Registry

registry: Registry[Divergence] = Registry("divergence", "akl_bench.divergences", "Divergence")


def names() -> list[str]:
    """Canonical names of all divergences, built in and installed."""
    return registry.names()


def get(spec: str) -> Divergence:
    """The divergence that a spec describes, as `akl(mu=0.5)` or `./mine.py:Mine`.

    Raises:
        UsageError: Unknown name or parameter, or a value out of range.
    """
    divergence: Divergence = registry.create(spec)
    return divergence
