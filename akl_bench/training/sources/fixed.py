"""The data set's own responses."""

from dataclasses import dataclass

from akl_bench.training.sources.base import Source


@dataclass(frozen=True)
class Fixed(Source):
    """The data set as it is."""
