"""Self-BLEU: mean BLEU of each response against all the others (Zhu et al. 2018, Texygen)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from akl_bench.metrics import _bleu
from akl_bench.metrics._text import WORDS, require_order
from akl_bench.metrics.base import Metric, Scope


@dataclass(frozen=True)
class SelfBleu(Metric):
    """Sameness of a corpus, in points; undefined for fewer than two texts.

    Attributes:
        n: Largest n-gram order, 1 .. 5, orders weighted equally.
    """

    scope: ClassVar[Scope] = "corpus"
    higher_is_better: ClassVar[bool | None] = False
    scale: ClassVar[float] = 100.0
    format: ClassVar[str] = "%.1f"
    details: ClassVar[Mapping[str, str]] = {
        "smoothing": _bleu.SMOOTHING,
        "tokenizer": WORDS,
        "refs": "all_others",
    }

    n: int = 4

    def __post_init__(self) -> None:
        require_order(self.n, largest=5)

    def corpus(self, texts: Sequence[str]) -> float | None:
        return _bleu.self_bleu(texts, self.n)
