"""Quality and diversity of the samples of one prompt in one number: their harmonic mean.

Quality is the mean ROUGE-L of the samples, diversity 1 - self-BLEU among them. Either alone is
easily had (one good answer always; noise), their harmonic mean is not.
"""

import math
from dataclasses import dataclass

from akl_bench.metrics import _bleu
from akl_bench.metrics._text import require_order
from akl_bench.metrics.base import Metric, Texts
from akl_bench.metrics.prompt_self_bleu import PromptSelfBleu
from akl_bench.metrics.rouge_l import RougeL


@dataclass(frozen=True)
class QualityDiversity(Metric):
    """2 Q D / (Q + D), 0 where Q + D = 0; undefined for fewer than two samples.

    Attributes:
        n: Largest n-gram order of the self-BLEU.
    """

    scope = "group"
    higher_is_better = True
    needs = frozenset({"references"})
    scale = 100.0
    format = "%.1f"
    details = (
        f"quality:rouge_l_v{RougeL.version}",
        f"diversity:1-prompt_self_bleu_v{PromptSelfBleu.version}",
    )

    n: int = 4

    def __post_init__(self) -> None:
        require_order(self.n, largest=5)

    def per_group(self, prompt: str, texts: Texts, references: Texts) -> float | None:
        sameness = _bleu.self_bleu(texts, self.n)
        if sameness is None:
            return None
        scores = RougeL().per_example(texts, [references] * len(texts))
        quality, diversity = math.fsum(scores) / len(scores), 1 - sameness
        both = quality + diversity
        return 2 * quality * diversity / both if both else 0.0
