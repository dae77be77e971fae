"""The teacher's last hidden states at every response position: cached once per run, or live."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor

from akl_bench.data.batches import Batch, Encoded, collate, length_batches
from akl_bench.models.heads import body
from akl_bench.artifacts.files import new_folder

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_FILE = "hidden.npy"


class TeacherStates(Protocol):
    """Gives the teacher's hidden states for a batch."""

    def hidden(self, batch: Batch) -> Tensor:
        """States [N, E] that predict the batch's response tokens, on any device."""
        ...


class CachedTeacher:
    """States read from a cache that `write_cache` made; memory-mapped, never loaded whole."""

    def __init__(self, folder: Path):
        array = np.load(folder / _FILE, mmap_mode="r", allow_pickle=False)
        self._bfloat16 = array.dtype == np.uint16
        self._hidden_ME = array

    def hidden(self, batch: Batch) -> Tensor:
        """States [N, E] of the batch, on the CPU."""
        hidden_NE = torch.from_numpy(self._hidden_ME[batch.cache_rows_N.numpy()])
        return hidden_NE.view(torch.bfloat16) if self._bfloat16 else hidden_NE


class LiveTeacher:
    """States computed anew for every batch; what the cache saves."""

    def __init__(self, teacher: "PreTrainedModel"):
        self._body = body(teacher)
        self._device = teacher.device

    @torch.no_grad()
    def hidden(self, batch: Batch) -> Tensor:
        """States [N, E] of the batch, on the teacher's device."""
        moved = batch.to(self._device)
        hidden_BTE = self._body(moved.input_ids_BT, moved.attention_mask_BT)
        return hidden_BTE.flatten(0, 1)[moved.positions_N]


def write_cache(
    folder: Path,
    teacher: "PreTrainedModel",
    encoded: Encoded,
    *,
    pad_id: int,
    batch_size: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Run the teacher over all examples once and keep its state at every response position.

    The states are exact: float32, or bfloat16 bit for bit, M x E values for M response tokens.

    Args:
        folder: Appears when the cache is complete.
        teacher: A model in eval mode.
        encoded: The examples.
        pad_id: Padding token.
        batch_size: Examples per forward pass.
        progress: Called with (examples done, all examples).
    """
    live = LiveTeacher(teacher)
    dtype = np.uint16 if teacher.dtype == torch.bfloat16 else np.float32
    done = 0
    with new_folder(folder) as temporary:
        hidden_ME = None
        for rows in length_batches(encoded, batch_size):
            batch = collate(encoded, rows, pad_id)
            hidden_NE = live.hidden(batch).cpu()
            if dtype is np.uint16:
                hidden_NE = hidden_NE.view(torch.uint16)
            if hidden_ME is None:
                shape = (encoded.response_tokens, hidden_NE.shape[-1])
                hidden_ME = np.lib.format.open_memmap(temporary / _FILE, "w+", dtype, shape)
            hidden_ME[batch.cache_rows_N.numpy()] = hidden_NE.numpy()
            done += len(rows)
            progress(done, len(encoded))
        assert hidden_ME is not None, "Encoded is never empty"
        hidden_ME.flush()
