"""Exact match after MiniLLM: lower case, no punctuation, single spaces; articles stay."""

import string
from dataclasses import dataclass

from akl_bench.metrics.base import Metric

_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True)
class ExactMatch(Metric):
    """1 where a reference equals the text after normalisation; an empty text scores 0."""

    aliases = ("em",)
    higher_is_better = True
    needs = frozenset({"references"})
    scale = 100.0
    format = "%.1f"
    details = ("normalise:lower_no_ascii_punctuation_single_spaces", "agg:max_over_references")

    def score_text(self, text: str, references: tuple[str, ...], prompt: str) -> float:
        if not text.strip():
            return 0.0
        normal = _normalise(text)
        return float(any(_normalise(reference) == normal for reference in references))


def _normalise(text: str) -> str:
    return " ".join(text.lower().translate(_NO_PUNCTUATION).split())
