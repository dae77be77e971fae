"""Share of distinct responses among all responses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from akl_bench.metrics.base import Metric, Scope


@dataclass(frozen=True)
class UniqueShare(Metric):
    """Distinct texts / texts, runs of white space being one space; 0 where there is no text."""

    scope: ClassVar[Scope] = "corpus"
    higher_is_better: ClassVar[bool | None] = True
    details: ClassVar[Mapping[str, str]] = {"normalise": "single_spaces"}

    def corpus(self, texts: Sequence[str]) -> float:
        return len({" ".join(text.split()) for text in texts}) / max(1, len(texts))
