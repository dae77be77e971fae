"""Self-BLEU among the several samples of one prompt, then the mean over prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from akl_bench.metrics import _bleu
from akl_bench.metrics._text import WORDS, require_order
from akl_bench.metrics.base import Metric, Scope


@dataclass(frozen=True)
class PromptSelfBleu(Metric):
    """Sameness of the answers to one prompt, in points; undefined for fewer than two samples."""

    scope: ClassVar[Scope] = "group"
    higher_is_better: ClassVar[bool | None] = False
    scale: ClassVar[float] = 100.0
    format: ClassVar[str] = "%.1f"
    details: ClassVar[Mapping[str, str]] = {
        "smoothing": _bleu.SMOOTHING,
        "tokenizer": WORDS,
        "refs": "other_samples_of_the_prompt",
    }

    n: int = 4

    def __post_init__(self) -> None:
        require_order(self.n, largest=5)

    def per_group(
        self, prompt: str, texts: Sequence[str], references: Sequence[str]
    ) -> float | None:
        return _bleu.self_bleu(texts, self.n)
