"""The teacher itself, run at every step."""

from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from akl_bench.data.batches import Batch
from akl_bench.models.heads import last_hidden
from akl_bench.training.logits import Head, LinearLogits
from akl_bench.training.teachers.base import Open, Place, Teacher


@dataclass(frozen=True)
class Live(Teacher):
    """Logits computed anew for every batch; what a cache saves."""

    def open(self, place: Place) -> Open:
        return _Running(place.model(), place.head())


@torch.no_grad()
def hidden_states(model: PreTrainedModel, batch: Batch) -> Tensor:
    """Last hidden states [N, D] that predict the batch's response tokens, on the model's device."""
    moved = batch.to(model.device)
    hidden_BTD = last_hidden(model, moved.input_ids_BT)
    return hidden_BTD.flatten(0, 1)[moved.positions_N]


class _Running:
    def __init__(self, model: PreTrainedModel, head: Head):
        self._model, self._head = model, head

    def logits(self, batch: Batch) -> LinearLogits:
        return LinearLogits(hidden_states(self._model, batch), self._head, of="teacher")
