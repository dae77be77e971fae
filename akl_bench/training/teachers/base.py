"""What a teacher is: it gives logits for a batch, from a cache or from the model itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from transformers import PreTrainedModel

    from akl_bench.data.batches import Batch
    from akl_bench.data.examples import Example
    from akl_bench.training.logits import Head, Logits


class Open(Protocol):
    """A teacher at work."""

    def logits(self, batch: Batch) -> Logits:
        """Logits [N, V] that predict the batch's response tokens."""
        ...


@dataclass(frozen=True)
class Place:
    """What a teacher may use where a student is trained.

    Attributes:
        device: Where the student is.
        cache: Folder that `fill` has written; None where the teacher has no cache.
        head: Loads the teacher's output layer.
        model: Loads the teacher.
    """

    device: torch.device
    cache: Path | None
    head: Callable[[], Head]
    model: Callable[[], PreTrainedModel]


@dataclass(frozen=True)
class Teacher:
    """Base of all teachers: a frozen dataclass whose fields are the teacher's parameters.

    Attributes:
        aliases: Other names of the plug-in.
        has_cache: Whether `fill` is called, once per run for each set of examples.
    """

    aliases: ClassVar[tuple[str, ...]] = ()
    has_cache: ClassVar[bool] = False

    def fill(
        self,
        model: PreTrainedModel,
        examples: Sequence[Example],
        folder: Path,
        *,
        pad_id: int,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        """Write the cache of some examples.

        Args:
            model: The teacher, in eval mode.
            examples: Each with its `cache_row`.
            folder: Empty.
            pad_id: Padding token.
            progress: Called with (examples done, all examples).
        """
        raise NotImplementedError

    def open(self, place: Place) -> Open:
        """The teacher at work."""
        raise NotImplementedError
