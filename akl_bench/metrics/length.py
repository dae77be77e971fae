"""Response length in words and punctuation marks."""

import math
from dataclasses import dataclass

from akl_bench.metrics._text import WORDS, words
from akl_bench.metrics.base import Metric


@dataclass(frozen=True)
class Length(Metric):
    """Tokens per response; 0 for an empty one."""

    bounds = (0.0, math.inf)
    format = "%.1f"
    details = (WORDS,)

    def score_text(self, text: str, references: tuple[str, ...], prompt: str) -> float:
        return float(len(words(text)))
