"""Examples: a prompt and a response as token ids."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from akl_bench.errors import DataError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from akl_bench.data.prompts import Prompt
    from akl_bench.data.records import Record


@dataclass(frozen=True)
class Example:
    """What a student is trained on.

    Attributes:
        id: The record's id.
        prompt: Token ids, tokenised apart from the response so that no boundary shifts.
        response: Token ids, the end token included where it has one.
        cache_row: Row of its first response token in the teacher's cache; None: in no cache.
    """

    id: str
    prompt: tuple[int, ...]
    response: tuple[int, ...]
    cache_row: int | None = None

    def __len__(self) -> int:
        """Tokens of prompt and response together."""
        return len(self.prompt) + len(self.response)


def encode(
    records: "Sequence[Record]",
    prompt: "Prompt",
    tokenizer: "PreTrainedTokenizerBase",
    *,
    max_prompt_tokens: int,
    max_response_tokens: int,
) -> list[Example]:
    """Tokenise records; those whose prompt or response is too long are left out.

    Raises:
        DataError: None of the records fits.
    """
    examples = []
    for record in records:
        prompt_ids = token_ids(tokenizer, prompt.render(record))
        response_ids = (*token_ids(tokenizer, record.outputs[0]), eos_id(tokenizer))
        fits = len(prompt_ids) <= max_prompt_tokens and len(response_ids) <= max_response_tokens
        if prompt_ids and fits:
            examples.append(Example(record.id, prompt_ids, response_ids))
    if not examples:
        raise DataError(
            [
                f"none of {len(records)} records fits data.max_prompt_tokens={max_prompt_tokens} "
                f"and data.max_response_tokens={max_response_tokens}; raise them"
            ]
        )
    return in_cache(examples)


def in_cache(examples: Sequence[Example]) -> list[Example]:
    """The examples with the rows that they have in a cache of all of their response tokens."""
    starts = accumulate((len(example.response) for example in examples), initial=0)
    return [replace(e, cache_row=start) for e, start in zip(examples, starts, strict=False)]


def response_tokens(examples: Sequence[Example]) -> int:
    """Number of response tokens of all examples together."""
    return sum(len(example.response) for example in examples)


def token_ids(tokenizer: "PreTrainedTokenizerBase", text: str) -> tuple[int, ...]:
    """Ids of a text without special tokens."""
    ids: Any = tokenizer(text, add_special_tokens=False)["input_ids"]
    return tuple(ids)


def eos_id(tokenizer: "PreTrainedTokenizerBase") -> int:
    """The id that ends a response."""
    token = tokenizer.eos_token_id
    assert isinstance(token, int), "models.load_tokenizer guarantees an end-of-sequence token"
    return token


def write_examples(path: Path, examples: Sequence[Example]) -> None:
    """Write examples as flat arrays."""
    arrays: dict[str, Any] = {"ids": np.array([example.id for example in examples])}
    for name in ("prompt", "response"):
        rows = [getattr(example, name) for example in examples]
        arrays[name] = np.concatenate([np.array(row, np.int64) for row in rows])
        arrays[f"{name}_lengths"] = np.array([len(row) for row in rows])
    np.savez(path, **arrays)


def read_examples(path: Path) -> list[Example]:
    """Read what `write_examples` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        prompts, responses = (
            np.split(arrays[name], arrays[f"{name}_lengths"].cumsum()[:-1])
            for name in ("prompt", "response")
        )
        rows = zip(arrays["ids"].tolist(), prompts, responses, strict=True)
        return in_cache([Example(i, tuple(p.tolist()), tuple(r.tolist())) for i, p, r in rows])
