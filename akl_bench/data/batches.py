"""Token sequences and the seeded order in which training sees them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from akl_bench.data.prompts import Prompt
from akl_bench.data.records import Record
from akl_bench.errors import DataError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Encoded:
    """Prompts and responses as token ids, tokenised apart so that no boundary shifts.

    Attributes:
        ids: Record ids.
        prompts: Token ids of each prompt.
        responses: Token ids of each response, end-of-sequence included.
        offsets: Where each example's response tokens start in the flat list of all of them.
        dropped: Records left out because they are too long.
    """

    ids: tuple[str, ...]
    prompts: tuple[tuple[int, ...], ...]
    responses: tuple[tuple[int, ...], ...]
    offsets: tuple[int, ...]
    dropped: int

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def response_tokens(self) -> int:
        """Number of response tokens of all examples together."""
        return sum(map(len, self.responses))


@dataclass(frozen=True)
class Batch:
    """Right-padded sequences; `positions_N` picks the states that predict a response token.

    Attributes:
        input_ids_BT: Token ids.
        attention_mask_BT: 1 on real tokens.
        positions_N: Flat indices into [B * T] of the state before each response token.
        labels_N: The response tokens.
        cache_rows_N: Row of each response token in the teacher cache.
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


def encode(
    records: Sequence[Record],
    prompt: Prompt,
    tokenizer: "PreTrainedTokenizerBase",
    *,
    max_prompt_tokens: int,
    max_response_tokens: int,
) -> Encoded:
    """Tokenise records; those whose prompt or response is too long are left out and counted.

    Raises:
        DataError: None of the records fits.
    """
    ids: list[str] = []
    prompts: list[tuple[int, ...]] = []
    responses: list[tuple[int, ...]] = []
    for record in records:
        prompt_ids = token_ids(tokenizer, prompt.render(record))
        response_ids = (*token_ids(tokenizer, record.outputs[0]), eos_id(tokenizer))
        fits = len(prompt_ids) <= max_prompt_tokens and len(response_ids) <= max_response_tokens
        if prompt_ids and fits:
            ids.append(record.id)
            prompts.append(prompt_ids)
            responses.append(response_ids)
    if not ids:
        raise DataError(
            [
                f"none of {len(records)} records fits data.max_prompt_tokens={max_prompt_tokens} "
                f"and data.max_response_tokens={max_response_tokens}; raise them"
            ]
        )
    lengths = [len(response) for response in responses]
    offsets = tuple(int(offset) for offset in np.cumsum([0, *lengths[:-1]]))
    return Encoded(tuple(ids), tuple(prompts), tuple(responses), offsets, len(records) - len(ids))


def token_ids(tokenizer: "PreTrainedTokenizerBase", text: str) -> tuple[int, ...]:
    """Ids of a text without special tokens."""
    ids: Any = tokenizer(text, add_special_tokens=False)["input_ids"]
    return tuple(ids)


def eos_id(tokenizer: "PreTrainedTokenizerBase") -> int:
    """The id that ends a response."""
    token = tokenizer.eos_token_id
    assert isinstance(token, int), "models.load_tokenizer guarantees an end-of-sequence token"
    return token


def collate(encoded: Encoded, rows: Sequence[int], pad_id: int) -> Batch:
    """Build the batch of those examples.

    The last response token is never an input: nothing is predicted from it.
    """
    sequences = [(encoded.prompts[row] + encoded.responses[row])[:-1] for row in rows]
    width = max(map(len, sequences))
    input_ids = np.full((len(rows), width), pad_id, dtype=np.int64)
    mask = np.zeros((len(rows), width), dtype=np.int64)
    positions, labels, cache_rows = [], [], []
    for index, (row, sequence) in enumerate(zip(rows, sequences, strict=True)):
        input_ids[index, : len(sequence)] = sequence
        mask[index, : len(sequence)] = 1
        n = len(encoded.responses[row])
        start = index * width + len(encoded.prompts[row]) - 1
        positions.append(np.arange(start, start + n))
        labels.append(encoded.responses[row])
        cache_rows.append(np.arange(encoded.offsets[row], encoded.offsets[row] + n))
    return Batch(
        torch.from_numpy(input_ids),
        torch.from_numpy(mask),
        torch.from_numpy(np.concatenate(positions)),
        torch.from_numpy(np.concatenate(labels).astype(np.int64)),
        torch.from_numpy(np.concatenate(cache_rows)),
    )


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


def length_batches(encoded: Encoded, batch_size: int) -> list[list[int]]:
    """All examples in batches of similar length, longest first (an out-of-memory comes at once)."""
    order = sorted(
        range(len(encoded)),
        key=lambda row: (-len(encoded.prompts[row]) - len(encoded.responses[row]), row),
    )
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
