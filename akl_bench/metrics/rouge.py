"""ROUGE-1, ROUGE-2 and ROUGE-Lsum F-measure, computed by rouge-score itself."""

from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from akl_bench.errors import UsageError
from akl_bench.metrics._text import ROUGE, rouge_tokens
from akl_bench.metrics.base import Metric

_TYPES = {"1": "rouge1", "2": "rouge2", "lsum": "rougeLsum"}


@dataclass(frozen=True)
class Rouge(Metric):
    """ROUGE of another kind than L, in points; a text without tokens scores 0.

    Attributes:
        variant: "1", "2" or "lsum" (sentences are lines; see `rouge_l` for ROUGE-L).
    """

    higher_is_better = True
    needs = frozenset({"references"})
    scale = 100.0
    format = "%.1f"
    details = ROUGE

    variant: str | int = "1"

    def __post_init__(self) -> None:
        # A spec reads rouge(variant=1) as a number; equal metrics must be equal objects.
        object.__setattr__(self, "variant", str(self.variant).lower())
        if self.variant not in _TYPES:
            raise UsageError(f"variant must be one of {', '.join(_TYPES)}, not {self.variant!r}")

    def score_text(self, text: str, references: tuple[str, ...], prompt: str) -> float:
        rouge_type = _TYPES[str(self.variant)]
        scorer = _scorer(rouge_type)
        return max(float(scorer.score(r, text)[rouge_type].fmeasure) for r in references)


@lru_cache
def _scorer(rouge_type: str) -> Any:
    # Imports nltk, which takes a second.
    from rouge_score.rouge_scorer import RougeScorer

    # Its own tokenizer would stem each word again in each text.
    return RougeScorer([rouge_type], tokenizer=SimpleNamespace(tokenize=rouge_tokens))
