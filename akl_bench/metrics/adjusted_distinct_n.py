"""Expectation-adjusted distinct-n, free of distinct-n's fall with length (Liu et al. 2022).

With N distinct n-grams among C, and V n-gram types that a uniform source would draw from,
EAD = N / (V (1 - ((V - 1) / V)^C)): distinct n-grams seen over those expected.
"""

import math
from dataclasses import dataclass

from akl_bench.errors import UsageError
from akl_bench.metrics._text import WORDS, pooled_ngrams, require_order
from akl_bench.metrics.base import Metric, Texts


@dataclass(frozen=True)
class AdjustedDistinctN(Metric):
    """Diversity of a corpus; 0 where there is no n-gram.

    Attributes:
        n: N-gram order.
        vocabulary: V above; the paper takes the model's vocabulary size for every n.
    """

    aliases = ("ead",)
    scope = "corpus"
    higher_is_better = True
    bounds = (0.0, math.inf)
    details = (WORDS,)

    n: int = 1
    vocabulary: int = 50257

    def __post_init__(self) -> None:
        require_order(self.n, largest=10)
        if type(self.vocabulary) is not int or self.vocabulary < 2:
            raise UsageError(f"vocabulary must be a whole number >= 2, not {self.vocabulary!r}")

    def corpus(self, texts: Texts) -> float:
        counts = pooled_ngrams(texts, self.n)
        if not counts:
            return 0.0
        total = sum(counts.values())
        # V (1 - (1 - 1/V)^C) without the cancellation that a large V brings.
        expected = -self.vocabulary * math.expm1(total * math.log1p(-1 / self.vocabulary))
        return len(counts) / expected
