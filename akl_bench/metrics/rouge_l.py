"""ROUGE-L F-measure, equal to rouge-score with stemmer and a multiple of its speed.

Lin (2004): with L the longest common subsequence of the stemmed tokens, P = L / |prediction|,
R = L / |reference|, F = 2 P R / (P + R); the best of several references counts.
"""

from dataclasses import dataclass

from rapidfuzz.distance import LCSseq

from akl_bench.metrics._text import ROUGE, rouge_tokens
from akl_bench.metrics.base import Metric


@dataclass(frozen=True)
class RougeL(Metric):
    """ROUGE-L in points; a text without tokens scores 0."""

    aliases = ("rougeL",)
    higher_is_better = True
    needs = frozenset({"references"})
    scale = 100.0
    format = "%.1f"
    details = ROUGE

    def score_text(self, text: str, references: tuple[str, ...], prompt: str) -> float:
        prediction = rouge_tokens(text)
        return max(_f_measure(prediction, rouge_tokens(reference)) for reference in references)


def _f_measure(prediction: list[str], reference: list[str]) -> float:
    if not prediction or not reference:
        return 0.0
    # Token ids instead of strings: rapidfuzz compares strings by hash, ids exactly.
    ids: dict[str, int] = {}
    common = LCSseq.similarity(
        [ids.setdefault(token, len(ids)) for token in prediction],
        [ids.setdefault(token, len(ids)) for token in reference],
    )
    # The order of operations is rouge-score's, so that floats agree to the last bit.
    precision = common / len(prediction)
    recall = common / len(reference)
    return 2 * precision * recall / (precision + recall) if common else 0.0
