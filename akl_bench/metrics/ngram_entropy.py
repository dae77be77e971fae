"""Entropy of the n-gram distribution of all responses together, in nats (Zhang et al. 2018)."""

import math
from dataclasses import dataclass

from akl_bench.metrics._text import WORDS, pooled_ngrams, require_order
from akl_bench.metrics.base import Metric, Texts


@dataclass(frozen=True)
class NgramEntropy(Metric):
    """-sum_g f_g log f_g over n-gram frequencies f; 0 where there is no n-gram."""

    scope = "corpus"
    higher_is_better = True
    bounds = (0.0, math.inf)
    format = "%.2f"
    details = (WORDS,)

    n: int = 4

    def __post_init__(self) -> None:
        require_order(self.n, largest=10)

    def corpus(self, texts: Texts) -> float:
        counts = pooled_ngrams(texts, self.n).values()
        total = sum(counts)
        return math.fsum(count / total * math.log(total / count) for count in counts)
