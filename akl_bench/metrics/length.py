"""Response length in words and punctuation marks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from akl_bench.metrics._text import WORDS, words
from akl_bench.metrics.base import Metric


@dataclass(frozen=True)
class Length(Metric):
    """Tokens per response; 0 for an empty one."""

    bounds: ClassVar[tuple[float, float]] = (0.0, math.inf)
    format: ClassVar[str] = "%.1f"
    details: ClassVar[Mapping[str, str]] = {"tokenizer": WORDS}

    def score_text(self, text: str, references: tuple[str, ...], prompt: str) -> float:
        return float(len(words(text)))
