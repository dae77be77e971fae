"""One device: all of it is here."""

from dataclasses import dataclass

from akl_bench.training.devices.base import Devices


@dataclass(frozen=True)
class One(Devices):
    """A single process with a single device."""
