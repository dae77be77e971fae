"""Distinct-n of the several samples of one prompt, then the mean over prompts."""

from dataclasses import dataclass

from akl_bench.metrics._text import WORDS, pooled_ngrams, require_order
from akl_bench.metrics.base import Metric, Texts


@dataclass(frozen=True)
class PromptDistinctN(Metric):
    """Diversity of the answers to one prompt; 0 where there is no n-gram.

    Noise scores best: read it beside a quality, or take `quality_diversity`.
    """

    scope = "group"
    higher_is_better = True
    details = (WORDS,)

    n: int = 2

    def __post_init__(self) -> None:
        require_order(self.n, largest=10)

    def per_group(self, prompt: str, texts: Texts, references: Texts) -> float:
        counts = pooled_ngrams(texts, self.n)
        return len(counts) / max(1, sum(counts.values()))
