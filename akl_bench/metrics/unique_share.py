"""Share of distinct responses among all responses."""

from dataclasses import dataclass

from akl_bench.metrics.base import Metric, Texts


@dataclass(frozen=True)
class UniqueShare(Metric):
    """Distinct texts / texts, runs of white space being one space; 0 where there is no text."""

    scope = "corpus"
    higher_is_better = True
    details = ("normalise:single_spaces",)

    def corpus(self, texts: Texts) -> float:
        return len({" ".join(text.split()) for text in texts}) / max(1, len(texts))
