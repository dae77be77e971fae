"""Share of responses that are empty or white space only, in per cent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from akl_bench.metrics.base import Metric


@dataclass(frozen=True)
class EmptyRate(Metric):
    """1 for a response without a visible character, else 0."""

    higher_is_better: ClassVar[bool | None] = False
    scale: ClassVar[float] = 100.0
    format: ClassVar[str] = "%.1f"

    def score_text(self, text: str, references: tuple[str, ...], prompt: str) -> float:
        return float(not text.strip())
