"""Share of responses that are empty or white space only, in per cent."""

from dataclasses import dataclass

from akl_bench.metrics.base import Metric


@dataclass(frozen=True)
class EmptyRate(Metric):
    """1 for a response without a visible character, else 0."""

    higher_is_better = False
    scale = 100.0
    format = "%.1f"

    def score_text(self, text: str, references: tuple[str, ...], prompt: str) -> float:
        return float(not text.strip())
