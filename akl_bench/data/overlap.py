"""What of validation and tasks training has seen: prompts, prompts with an answer, and 13-grams.

A 13-gram is one of words, of a prompt and an answer one after the other, without regard to case and
punctuation (Brown et al. 2020, arXiv 2005.14165, appendix C). A shorter text has none.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from akl_bench.artifacts.records import Overlap
from akl_bench.data.records import Record

NGRAM = 13
# Where documents for lm-eval have what they ask.
_PROMPTS = ("instruction", "query", "question")
Row = Record | Mapping[str, Any]


def overlaps(train: Sequence[Record], others: Mapping[str, Sequence[Row]]) -> dict[str, Overlap]:
    """Count the rows of each of `others` that share something with the training records."""
    asked = {name: [*map(_Text, rows)] for name, rows in others.items()}
    wanted = {gram for texts in asked.values() for text in texts for gram in text.ngrams}
    prompts, pairs, ngrams = set(), set(), set()
    for seen in map(_Text, train):
        prompts.add(seen.prompt)
        pairs |= seen.pairs
        ngrams |= wanted & seen.ngrams
    return {
        name: Overlap(
            rows=len(texts),
            prompts=sum(text.prompt in prompts for text in texts),
            pairs=sum(not pairs.isdisjoint(text.pairs) for text in texts),
            ngrams=sum(not ngrams.isdisjoint(text.ngrams) for text in texts),
        )
        for name, texts in asked.items()
    }


def note(overlap: Mapping[str, Overlap], run: str) -> list[str]:
    """A footnote on what a run's data shares with its training data; none where that is nothing."""
    shares = {
        name: [f"{what} {share:.1f} %" for what, share in each.shares.items() if share]
        for name, each in overlap.items()
    }
    said = "; ".join(f"{name} {', '.join(parts)}" for name, parts in shares.items() if parts)
    of_run = f" of {run}" if run else ""
    return [f"rows that share text with the training data{of_run}: {said}"] if said else []


class _Text:
    """What a row asks and what it says besides: a record's outputs, or a document's other texts."""

    def __init__(self, row: Row):
        if isinstance(row, Record):
            prompt, others = f"{row.instruction} {row.input}", [*row.outputs]
        else:
            name = next((name for name in _PROMPTS if isinstance(row.get(name), str)), "")
            prompt = row.get(name, "")
            others = [*_strings({k: v for k, v in row.items() if k not in ("id", name)})]
        self.prompt = " ".join(prompt.split())
        self.pairs = {(self.prompt, " ".join(text.split())) for text in others}
        self.ngrams = set(chain.from_iterable(_ngrams(f"{prompt} {text}") for text in others))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


def _ngrams(text: str) -> Iterator[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return zip(*(words[i:] for i in range(NGRAM)), strict=False)
