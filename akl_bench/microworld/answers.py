"""The exact probability distribution of the answers to one instruction.

An answer is a mixture of *modes* (what is said); a mode is a sequence of slots, each an independent
choice of phrase (how it is said). Sums over this structure are exact and cheap, so validity, modes
and next-token probabilities need no enumeration of texts.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

EOS = "<eos>"

Words = tuple[str, ...]
Phrases = str | Mapping[str, float]
"""A fixed phrase, or phrases with weights."""
Slot = tuple[tuple[Words, float], ...]


def normalised(weights: Mapping[str, float]) -> dict[str, float]:
    """Scale positive weights to probabilities."""
    total = math.fsum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def product(*factors: Mapping[str, float]) -> dict[str, float]:
    """Pointwise product over the common names, normalised; empty where no name is common to all."""
    common = [name for name in factors[0] if all(name in factor for factor in factors)]
    weights = {name: math.prod(factor[name] for factor in factors) for name in common}
    return normalised(weights) if weights else {}


def pick(rng: random.Random, weights: Mapping[str, float]) -> str:
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

    def likelihood(self, words: Sequence[str]) -> float:
        """Probability of these words, and no more, given the mode."""
        return dict(self._after(words)).get((len(self.slots), 0, 0), 0.0)

    def next_words(self, prefix: Sequence[str]) -> dict[str, float]:
        """Joint probability, given the mode, of the prefix and each next word (`EOS`: end)."""
        out: dict[str, float] = {}
        for (at, choice, offset), weight in self._after(prefix):
            word = EOS if at == len(self.slots) else self.slots[at][choice][0][offset]
            out[word] = out.get(word, 0.0) + weight
        return out

    def _after(self, words: Sequence[str]) -> Iterable[tuple[tuple[int, int, int], float]]:
        """Positions (slot, phrase, offset) that the words may lead to, with probabilities."""
        alive = dict(self._enter(0, 1.0))
        for word in words:
            moved: dict[tuple[int, int, int], float] = {}
            for (at, choice, offset), weight in alive.items():
                if at == len(self.slots) or self.slots[at][choice][0][offset] != word:
                    continue
                if offset + 1 < len(self.slots[at][choice][0]):
                    arrivals: Iterable[tuple[tuple[int, int, int], float]] = [
                        ((at, choice, offset + 1), weight)
                    ]
                else:
                    arrivals = self._enter(at + 1, weight)
                for position, share in arrivals:
                    moved[position] = moved.get(position, 0.0) + share
            alive = moved
        return alive.items()

    def _enter(self, at: int, weight: float) -> Iterator[tuple[tuple[int, int, int], float]]:
        if at == len(self.slots):
            yield (at, 0, 0), weight
            return
        for choice, (_, share) in enumerate(self.slots[at]):
            yield (at, choice, 0), weight * share

    def best(self) -> str:
        """The most probable wording."""
        return " ".join(" ".join(max(slot, key=lambda item: item[1])[0]) for slot in self.slots)


@dataclass(frozen=True)
class Answer:
    """All valid answers to one instruction; a text belongs to at most one mode (tested)."""

    modes: tuple[Mode, ...]

    @classmethod
    def of(cls, modes: Mapping[str, tuple[float, Sequence[Phrases]]]) -> Answer:
        """Build from ``{mode: (weight, [phrase or {phrase: weight}, ...])}``."""
        shares = normalised({name: weight for name, (weight, _) in modes.items()})
        return cls(
            tuple(
                Mode(name, shares[name], tuple(_slot(slot) for slot in slots))
                for name, (_, slots) in modes.items()
            )
        )

    def probability(self, words: Sequence[str]) -> float:
        """Probability of exactly these words."""
        return math.fsum(mode.probability * mode.likelihood(words) for mode in self.modes)

    def mode_of(self, words: Sequence[str]) -> str | None:
        """Name of the mode that can say these words; None where no mode can (an invalid answer)."""
        return next((mode.name for mode in self.modes if mode.likelihood(words) > 0), None)

    def next_words(self, prefix: Sequence[str]) -> dict[str, float]:
        """Distribution of the word after the prefix; empty where the prefix is impossible."""
        joint: dict[str, float] = {}
        for mode in self.modes:
            for word, share in mode.next_words(prefix).items():
                joint[word] = joint.get(word, 0.0) + mode.probability * share
        return normalised(joint) if joint else {}

    def texts(self) -> dict[str, float]:
        """Every valid text with its probability, likeliest first."""
        out: dict[str, float] = {}
        for mode in self.modes:
            partial: dict[Words, float] = {(): mode.probability}
            for slot in mode.slots:
                grown: dict[Words, float] = {}
                for said, weight in partial.items():
                    for phrase, share in slot:
                        text = said + phrase
                        grown[text] = grown.get(text, 0.0) + weight * share
                partial = grown
            for said, weight in partial.items():
                text_said = " ".join(said)
                out[text_said] = out.get(text_said, 0.0) + weight
        return dict(sorted(out.items(), key=lambda item: -item[1]))

    def draw(self, rng: random.Random) -> str:
        """Sample one text."""
        shares = {str(index): mode.probability for index, mode in enumerate(self.modes)}
        mode = self.modes[int(pick(rng, shares))]
        said: list[str] = []
        for slot in mode.slots:
            share = {str(index): weight for index, (_, weight) in enumerate(slot)}
            said.extend(slot[int(pick(rng, share))][0])
        return " ".join(said)
