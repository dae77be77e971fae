"""Self-BLEU among the several samples of one prompt, then the mean over prompts."""

from dataclasses import dataclass

from akl_bench.metrics import _bleu
from akl_bench.metrics._text import require_order
from akl_bench.metrics.base import Metric, Texts


@dataclass(frozen=True)
class PromptSelfBleu(Metric):
    """Sameness of the answers to one prompt, in points; undefined for fewer than two samples.

    Noise scores best: read it beside a quality, or take `quality_diversity`.
    """

    scope = "group"
    higher_is_better = False
    scale = 100.0
    format = "%.1f"
    details = (*_bleu.DETAILS, "refs:other_samples_of_the_prompt")

    n: int = 4

    def __post_init__(self) -> None:
        require_order(self.n, largest=5)

    def per_group(self, prompt: str, texts: Texts, references: Texts) -> float | None:
        return _bleu.self_bleu(texts, self.n)
