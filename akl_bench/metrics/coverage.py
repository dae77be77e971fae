"""Share of the true answer modes that a prompt's samples reach: recall, judged exactly."""

from dataclasses import dataclass

from akl_bench.metrics.base import Metric, Texts
from akl_bench.microworld import GRAMMAR_VERSION, mode_of, modes, understands, world_of


@dataclass(frozen=True)
class Coverage(Metric):
    """Distinct modes among the valid samples / min(modes, samples).

    A mode is a meaning: texts that word it differently count once, invalid texts count nowhere.
    With K samples no more than K modes can be seen, hence the minimum. The modes are unequally
    likely, so that even a perfect sampler stays below 1: compare with the row of the teacher, at
    the same K. None for a prompt with one mode (there is nothing to cover) and for a prompt that is
    no instruction of the world.
    """

    scope = "group"
    higher_is_better = True
    needs = frozenset({"prompts"})
    scale = 100.0
    format = "%.1f"
    details = (f"grammar:{GRAMMAR_VERSION}", "norm:min_modes_samples")

    world: str = "one"

    def __post_init__(self) -> None:
        world_of(self.world)

    def per_group(self, prompt: str, texts: Texts, references: Texts) -> float | None:
        world = world_of(self.world)
        if not texts or not understands(prompt, world) or len(modes(prompt, world)) < 2:
            return None
        reached = {mode_of(prompt, text, world) for text in texts} - {None}
        return len(reached) / min(len(modes(prompt, world)), len(texts))
