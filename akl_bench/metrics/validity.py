"""Share of a prompt's samples that the microworld's grammar can give: precision, judged exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from akl_bench.metrics.base import Metric, Scope
from akl_bench.microworld import GRAMMAR_VERSION, is_valid, understands


@dataclass(frozen=True)
class Validity(Metric):
    """Valid samples / samples. None for a prompt that is no instruction of the microworld."""

    scope: ClassVar[Scope] = "group"
    higher_is_better: ClassVar[bool | None] = True
    needs: ClassVar[frozenset[str]] = frozenset({"prompts"})
    scale: ClassVar[float] = 100.0
    format: ClassVar[str] = "%.1f"
    details: ClassVar[Mapping[str, str]] = {"grammar": str(GRAMMAR_VERSION)}

    def per_group(
        self, prompt: str, texts: Sequence[str], references: Sequence[str]
    ) -> float | None:
        if not understands(prompt):
            return None
        return sum(is_valid(prompt, text) for text in texts) / max(1, len(texts))
