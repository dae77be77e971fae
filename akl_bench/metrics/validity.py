"""Share of a prompt's samples that the microworld's grammar can give: precision, judged exactly."""

from dataclasses import dataclass

from akl_bench.metrics.base import Metric, Texts
from akl_bench.microworld import GRAMMAR_VERSION, is_valid, understands


@dataclass(frozen=True)
class Validity(Metric):
    """Valid samples / samples. None for a prompt that is no instruction of the microworld."""

    scope = "group"
    higher_is_better = True
    needs = frozenset({"prompts"})
    scale = 100.0
    format = "%.1f"
    details = (f"grammar:{GRAMMAR_VERSION}",)

    def per_group(self, prompt: str, texts: Texts, references: Texts) -> float | None:
        valid = self.per_draw(prompt, texts, references)
        return None if valid is None else sum(valid) / max(1, len(valid))

    def per_draw(self, prompt: str, texts: Texts, references: Texts) -> list[float] | None:
        return [float(is_valid(prompt, text)) for text in texts] if understands(prompt) else None
