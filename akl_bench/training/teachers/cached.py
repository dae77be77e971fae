"""The teacher's last hidden states, kept on disk, times its own output layer: exact, and cheap."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from transformers import PreTrainedModel

from akl_bench.data.batches import Batch, collate, length_batches
from akl_bench.data.examples import Example, response_tokens
from akl_bench.errors import AklBenchError
from akl_bench.training.logits import LinearLogits
from akl_bench.training.teachers.base import Open, Place, Teacher
from akl_bench.training.teachers.live import hidden_states

_FILE = "hidden.npy"
_BATCH = 32


@dataclass(frozen=True)
class Cached(Teacher):
    """Every state once for the whole run: float32, or bfloat16 bit for bit."""

    has_cache: ClassVar[bool] = True

    def fill(
        self,
        model: PreTrainedModel,
        examples: Sequence[Example],
        folder: Path,
        *,
        pad_id: int,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        """See `Teacher.fill`; writes M x E values for M response tokens."""
        dtype = np.uint16 if model.dtype == torch.bfloat16 else np.float32
        done = 0
        hidden_ME = None
        for rows in length_batches(examples, _BATCH):
            batch = collate(rows, pad_id)
            hidden_NE = hidden_states(model, batch).cpu()
            if dtype is np.uint16:
                hidden_NE = hidden_NE.view(torch.uint16)
            if hidden_ME is None:
                shape = (response_tokens(examples), hidden_NE.shape[-1])
                hidden_ME = np.lib.format.open_memmap(folder / _FILE, "w+", dtype, shape)
            hidden_ME[batch.cache_rows_N.numpy()] = hidden_NE.numpy()
            done += len(rows)
            progress(done, len(examples))
        assert hidden_ME is not None, "there is at least one example"
        hidden_ME.flush()

    def open(self, place: Place) -> Open:
        return _Reading(place)


class _Reading:
    """Memory-mapped, never loaded whole."""

    def __init__(self, place: Place):
        assert place.cache is not None, "`has_cache` asks for it"
        self._hidden_ME = np.load(place.cache / _FILE, mmap_mode="r", allow_pickle=False)
        self._device, self._head = place.device, place.head()

    def logits(self, batch: Batch) -> LinearLogits:
        rows_N = batch.cache_rows_N.numpy()
        if (rows_N < 0).any():
            raise AklBenchError("no states are cached for a response; set training.teacher=live.")
        hidden_NE = torch.from_numpy(self._hidden_ME[rows_N])
        if self._hidden_ME.dtype == np.uint16:
            hidden_NE = hidden_NE.view(torch.bfloat16)
        return LinearLogits(hidden_NE.to(self._device), self._head, of="teacher")
