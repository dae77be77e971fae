"""Share of responses that end in a question mark."""

from dataclasses import dataclass
from typing import ClassVar

from akl_bench.metrics import Metric


@dataclass(frozen=True)
class QuestionRate(Metric):
    """1 for a response that ends in a question mark, else 0; neither direction is better."""

    scale: ClassVar[float] = 100.0
    format: ClassVar[str] = "%.1f"

    def score_text(self, text: str, references: tuple[str, ...], prompt: str) -> float:
        return float(text.rstrip().endswith("?"))
