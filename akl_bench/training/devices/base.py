"""What devices are: they share a step's examples and add up its gradients."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeVar

if TYPE_CHECKING:
    from torch import nn

T = TypeVar("T")


@dataclass(frozen=True)
class Devices:
    """Base of all devices; the training loop does not know how many there are.

    As it stands it is one device.

    Attributes:
        aliases: Other names of the plug-in.
    """

    aliases: ClassVar[tuple[str, ...]] = ()

    @property
    def is_first(self) -> bool:
        """Whether this process writes what all of them made."""
        return True

    def share(self, rows: Sequence[T]) -> Sequence[T]:
        """This process's part of a step's rows."""
        return rows

    def total(self, value: float) -> float:
        """Sum of a number over all processes."""
        return value

    def sum_grads(self, parameters: Iterable[nn.Parameter]) -> None:
        """Put the sum over all processes into each parameter's gradient."""
