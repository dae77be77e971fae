"""Self-BLEU: mean BLEU of each response against all the others (Zhu et al. 2018, Texygen)."""

from dataclasses import dataclass

from akl_bench.metrics import _bleu
from akl_bench.metrics._text import require_order
from akl_bench.metrics.base import Metric, Texts


@dataclass(frozen=True)
class SelfBleu(Metric):
    """Sameness of a corpus, in points; undefined for fewer than two texts.

    Noise scores best, as in `distinct_n`.

    Attributes:
        n: Largest n-gram order, 1 .. 5, orders weighted equally.
    """

    scope = "corpus"
    higher_is_better = False
    scale = 100.0
    format = "%.1f"
    details = (*_bleu.DETAILS, "refs:all_others")

    n: int = 4

    def __post_init__(self) -> None:
        require_order(self.n, largest=5)

    def corpus(self, texts: Texts) -> float | None:
        return _bleu.self_bleu(texts, self.n)
