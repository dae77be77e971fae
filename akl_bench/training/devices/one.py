"""One device: all of it is here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from akl_bench.training.devices.base import Devices, T

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class One(Devices):
    """A single process with a single device."""

    @property
    def is_first(self) -> bool:
        return True

    def share(self, rows: Sequence[T]) -> Sequence[T]:
        return rows

    def total(self, value: float) -> float:
        return value

    def sum_grads(self, parameters: Iterable[nn.Parameter]) -> None:
        pass
