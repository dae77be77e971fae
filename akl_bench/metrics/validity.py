"""Share of a prompt's samples that the microworld's grammar can give: precision, judged exactly."""

from dataclasses import dataclass

from akl_bench.metrics.base import Metric, Texts
from akl_bench.microworld import GRAMMAR_VERSION, is_valid, understands, world_of


@dataclass(frozen=True)
class Validity(Metric):
    """Valid samples / samples. None for a prompt that is no instruction of the world."""

    scope = "group"
    higher_is_better = True
    needs = frozenset({"prompts"})
    scale = 100.0
    format = "%.1f"
    details = (f"grammar:{GRAMMAR_VERSION}",)

    world: str = "one"

    def __post_init__(self) -> None:
        world_of(self.world)

    def per_group(self, prompt: str, texts: Texts, references: Texts) -> float | None:
        valid = self.per_draw(prompt, texts, references)
        return None if valid is None else sum(valid) / max(1, len(valid))

    def per_draw(self, prompt: str, texts: Texts, references: Texts) -> list[float] | None:
        world = world_of(self.world)
        if not understands(prompt, world):
            return None
        return [float(is_valid(prompt, text, world)) for text in texts]
