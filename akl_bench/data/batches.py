"""Examples as batches, and the seeded order in which training sees them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from akl_bench.data.examples import Example


@dataclass(frozen=True)
class Batch:
    """Right-padded sequences; `positions_N` picks the states that predict a response token.

    Attributes:
        input_ids_BT: Token ids.
        attention_mask_BT: 1 on real tokens.
        positions_N: Flat indices into [B * T] of the state before each response token.
        labels_N: The response tokens.
        cache_rows_N: Row of each response token in the teacher's cache; -1: in no cache.
    """

    input_ids_BT: Tensor
    attention_mask_BT: Tensor
    positions_N: Tensor
    labels_N: Tensor
    cache_rows_N: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The same batch on a device (the cache rows stay: the cache lies on the CPU)."""
        return Batch(
            self.input_ids_BT.to(device),
            self.attention_mask_BT.to(device),
            self.positions_N.to(device),
            self.labels_N.to(device),
            self.cache_rows_N,
        )


def collate(examples: Sequence[Example], pad_id: int) -> Batch:
    """Build the batch of those examples.

    The last response token is never an input: nothing is predicted from it.
    """
    sequences = [torch.tensor((example.prompt + example.response)[:-1]) for example in examples]
    input_ids_BT = pad_sequence(sequences, batch_first=True, padding_value=pad_id)
    mask_BT = pad_sequence([torch.ones_like(ids) for ids in sequences], batch_first=True)
    positions, labels, cache_rows = [], [], []
    for index, example in enumerate(examples):
        n, row = len(example.response), example.cache_row
        start = index * input_ids_BT.shape[1] + len(example.prompt) - 1
        positions.append(torch.arange(start, start + n))
        labels.append(torch.tensor(example.response, dtype=torch.long))
        cache_rows.append(torch.full((n,), -1) if row is None else torch.arange(row, row + n))
    return Batch(input_ids_BT, mask_BT, *map(torch.cat, (positions, labels, cache_rows)))


def step_rows(n: int, batch_size: int, step: int, seed: int) -> list[int]:
    """The examples of an optimiser step: each epoch is a permutation drawn from (seed, epoch).

    Every batch has `batch_size` examples; one that crosses the end of an epoch goes on in the next,
    so that no example is left out and no batch is short.
    """
    first = step * batch_size
    rows: list[int] = []
    for epoch in range(first // n, (first + batch_size - 1) // n + 1):
        order = np.random.default_rng((seed, epoch)).permutation(n)
        start = max(first - epoch * n, 0)
        end = min(first + batch_size - epoch * n, n)
        rows.extend(int(row) for row in order[start:end])
    return rows


def length_batches(examples: Sequence[Example], batch_size: int) -> list[list[Example]]:
    """All examples in batches of similar length, longest first (an out-of-memory comes at once)."""
    ordered = sorted(examples, key=len, reverse=True)
    return [ordered[start : start + batch_size] for start in range(0, len(ordered), batch_size)]
