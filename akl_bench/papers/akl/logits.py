"""A model's logits on the responses of examples."""

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor
from transformers import PreTrainedModel

from akl_bench.data.batches import collate
from akl_bench.data.examples import Example
from akl_bench.models.heads import output_head
from akl_bench.training.logits import Head, LinearLogits
from akl_bench.training.teachers.live import hidden_states

_BATCH = 8


def device() -> torch.device:
    """Where models run."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def first(examples: Sequence[Example], tokens: int) -> list[Example]:
    """The first examples that together hold that many response tokens."""
    before = accumulate((len(example.response) for example in examples), initial=0)
    return [e for e, n in zip(examples, before, strict=False) if n < tokens]


@torch.no_grad()
def logits(
    model: PreTrainedModel,
    examples: Sequence[Example],
    vocab_size: int,
    at: Tensor | slice = slice(None),
) -> LinearLogits:
    """A model's logits at the response tokens, example by example, or at some of them."""
    starts = range(0, len(examples), _BATCH)
    # What comes after a token does not change its state, so any token pads.
    batches = (collate(examples[start : start + _BATCH], pad_id=0) for start in starts)
    hidden_MD = torch.cat([hidden_states(model, batch) for batch in batches])
    return LinearLogits(hidden_MD[at], Head(*output_head(model), vocab_size))
