"""Examples as batches, and the seeded order in which training sees them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from akl_bench.data.examples import Example


@dataclass(frozen=True)
class Batch:
    """Right-padded sequences; `positions_N` picks the states that predict a response token.

    There is no attention mask: a causal model's states do not depend on what follows them.

    Attributes:
        input_ids_BT: Token ids.
        positions_N: Flat indices into [B * T] of the state before each response token.
        labels_N: The response tokens.
        cache_rows_N: Row of each response token in the teacher's cache; -1: in no cache.
    """

    input_ids_BT: Tensor
    positions_N: Tensor
    labels_N: Tensor
    cache_rows_N: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The same batch on a device (the cache rows stay: the cache lies on the CPU)."""
        return Batch(
            self.input_ids_BT.to(device),
            self.positions_N.to(device),
            self.labels_N.to(device),
            self.cache_rows_N,
        )


def collate(examples: Sequence[Example], pad_id: int) -> Batch:
    """Build the batch of those examples.

    The last response token is never an input: nothing is predicted from it.
    """
    # NumPy makes hundreds of small arrays in a tenth of torch's time.
    width = max(map(len, examples)) - 1
    input_ids_BT = np.full((len(examples), width), pad_id)
    positions, labels, cache_rows = [], [], []
    for index, example in enumerate(examples):
        n, row = len(example.response), example.cache_row
        input_ids_BT[index, : len(example) - 1] = (example.prompt + example.response)[:-1]
        start = index * width + len(example.prompt) - 1
        positions.append(np.arange(start, start + n))
        labels.append(np.array(example.response, np.int64))
        cache_rows.append(np.full(n, -1) if row is None else np.arange(row, row + n))
    flat = map(np.concatenate, (positions, labels, cache_rows))
    return Batch(*map(torch.from_numpy, (input_ids_BT, *flat)))


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
