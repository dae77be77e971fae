"""The exact probability distribution of the answers to one instruction.

An answer is a mixture of *modes* (what is said); a mode is a sequence of slots, each an independent
choice of phrase (how it is said). Validity and modes need no enumeration of texts.
"""

import math
import random
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)
Words = tuple[str, ...]
Phrases = str | Mapping[str, float]
"""A fixed phrase, or phrases with weights."""
Slot = tuple[tuple[Words, float], ...]
Modes = dict[str, tuple[float, list[Phrases]]]
"""What can be said -> its weight and the phrases that word it, slot by slot."""


def normalised(weights: Mapping[str, float]) -> dict[str, float]:
    """Scale positive weights to probabilities."""
    total = math.fsum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def product(*factors: Mapping[str, float]) -> dict[str, float]:
    """Pointwise product over the common names, normalised; empty where no name is common to all."""
    common = [name for name in factors[0] if all(name in factor for factor in factors)]
    weights = {name: math.prod(factor[name] for factor in factors) for name in common}
    return normalised(weights) if weights else {}


def pick(rng: random.Random, weights: Mapping[Name, float]) -> Name:
    """Draw one name.

    Only ``random()`` is used: Python promises its sequence across versions, but not that of
    ``choices``.
    """
    mark = rng.random() * math.fsum(weights.values())
    for name, weight in weights.items():
        mark -= weight
        if mark < 0:
            return name
    return next(reversed(list(weights)))


def _slot(phrases: Phrases) -> Slot:
    choices = {phrases: 1.0} if isinstance(phrases, str) else normalised(phrases)
    return tuple((tuple(phrase.split()), share) for phrase, share in choices.items())


@dataclass(frozen=True)
class Mode:
    """One meaning of an answer: its probability and the slots that word it."""

    name: str
    probability: float
    slots: tuple[Slot, ...]

    def can_say(self, words: Words, at: int = 0) -> bool:
        """Whether these words, and no more, word the slots from the `at`-th on."""
        if at == len(self.slots):
            return not words
        return any(
            words[: len(phrase)] == phrase and self.can_say(words[len(phrase) :], at + 1)
            for phrase, _ in self.slots[at]
        )

    def best(self) -> str:
        """The most probable wording."""
        return " ".join(" ".join(max(slot, key=lambda item: item[1])[0]) for slot in self.slots)


@dataclass(frozen=True)
class Answer:
    """All valid answers to one instruction; a text belongs to at most one mode (tested)."""

    modes: tuple[Mode, ...]

    @classmethod
    def of(cls, modes: Modes) -> "Answer":
        """Build from weighted modes."""
        shares = normalised({name: weight for name, (weight, _) in modes.items()})
        made = (Mode(name, shares[name], tuple(map(_slot, modes[name][1]))) for name in modes)
        return cls(tuple(made))

    def mode_of(self, words: Sequence[str]) -> str | None:
        """Name of the mode that can say these words; None where no mode can (an invalid answer)."""
        return next((mode.name for mode in self.modes if mode.can_say(tuple(words))), None)

    def draw(self, rng: random.Random) -> str:
        """Sample one text."""
        mode = self.modes[pick(rng, dict(enumerate(mode.probability for mode in self.modes)))]
        return " ".join(word for slot in mode.slots for word in pick(rng, dict(slot)))
