"""Distinct-n of all responses together: distinct n-grams / n-grams (Li et al. 2016)."""

from dataclasses import dataclass

from akl_bench.metrics._text import WORDS, pooled_ngrams, require_order
from akl_bench.metrics.base import Metric, Texts


@dataclass(frozen=True)
class DistinctN(Metric):
    """Diversity of a corpus; 0 where there is no n-gram. It falls as the corpus grows.

    Noise scores best, and answers that are all alike score well where the prompts differ: it cannot
    say whether a model has several good answers to one prompt. `coverage` and `quality_diversity`
    look at each prompt, and count only what is good.
    """

    aliases = ("distinct",)
    scope = "corpus"
    higher_is_better = True
    details = (WORDS,)

    n: int = 2

    def __post_init__(self) -> None:
        require_order(self.n, largest=10)

    def corpus(self, texts: Texts) -> float:
        counts = pooled_ngrams(texts, self.n)
        return len(counts) / max(1, sum(counts.values()))
