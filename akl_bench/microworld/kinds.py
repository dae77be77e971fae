"""The kinds of instruction: a pattern with typed slots, and the exact answer for each filling.

A kind reads like its English: `pattern` is the instruction, `answer` gives all valid answers. A
hash deals the instructions of a kind into pools, so that what is tested is never trained on.
"""

import random
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations
from itertools import product as cartesian

from akl_bench.microworld.answers import Answer, Modes, normalised, pick, product
from akl_bench.microworld.worlds import ONE, World

# All worlds have the same words.
SLOT_WORDS: dict[str, tuple[str, ...]] = {
    "animal": tuple(ONE.animals),
    "animals": tuple(animal.plural for animal in ONE.animals.values()),
    "group": tuple(ONE.groups),
    "food": tuple(dict.fromkeys(f for a in ONE.animals.values() for f in a.foods)),
    "number": ONE.numbers,
    "many": ONE.numbers[1:],
    "small": ONE.numbers[:8],
    "need": tuple(ONE.needs),
    "object": tuple(ONE.objects),
    "person": tuple(ONE.people),
    "place": tuple(ONE.places),
}
SINGULAR = {animal.plural: name for name, animal in ONE.animals.items()}
COMPOSITION_SHARE = 5
"""One combination in so many is kept from the teacher, too."""
POOLS = {"train": 11, "validation": 3, "test": 6}
"""How all other instructions are shared out."""
LONGEST_ROUTE = 4
DETOUR = 8.0
"""Detours are valid but unlikely: each further road costs this factor."""


@dataclass(frozen=True)
class Kind:
    """One kind of instruction."""

    name: str
    pattern: str
    """Words; ``{animal}`` and the like are slots."""
    modes: Callable[..., Modes | None]
    """World and slot words -> modes, or None for what that world does not ask about."""
    weight: float = 1.0
    compositional: bool = False
    """Whether some of its combinations are kept from the teacher."""
    sole: bool = False
    """Whether no other instruction tells its facts. To ask what nobody has told would test nothing,
    so all of them are for training."""

    def slots(self) -> list[str]:
        """Slot types in order."""
        return re.findall(r"{(\w+)}", self.pattern)

    def fill(self, words: Sequence[str]) -> str:
        """The instruction with these slot words."""
        return re.sub(r"{\w+}", "{}", self.pattern).format(*words)

    def parse(self, instruction: str) -> tuple[str, ...] | None:
        """Slot words of an instruction of this kind; None for any other text."""
        match = self._regex.fullmatch(" ".join(instruction.split()))
        return match.groups() if match else None

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        return re.compile(
            re.sub(r"{(\w+)}", lambda m: f"({'|'.join(SLOT_WORDS[m[1]])})", self.pattern)
        )

    def draw(self, rng: random.Random, world: World) -> tuple[str, ...]:
        """Slot words for a random instruction that has an answer."""
        while True:
            words = tuple(pick(rng, dict.fromkeys(SLOT_WORDS[slot], 1.0)) for slot in self.slots())
            if self.modes(world, *words) is not None:
                return words

    def answer(self, world: World, *words: str) -> Answer | None:
        """The answer for these slot words, or None where the world does not ask about them."""
        modes = self.modes(world, *words)
        return None if modes is None else Answer.of(modes)

    def fillings(self, world: World) -> list[tuple[str, ...]]:
        """All slot words that have an answer."""
        every = cartesian(*(SLOT_WORDS[slot] for slot in self.slots()))
        return [words for words in every if self.modes(world, *words) is not None]

    def pool(self, words: Sequence[str]) -> str:
        """Where this instruction belongs: "composition" or one of `POOLS`.

        Slot words in another order belong to the same pool: who comes from the farm to the lake has
        learnt the way back.
        """
        if self.sole:
            return "train"
        place = zlib.crc32(" ".join([self.name, *sorted(words)]).encode())
        if self.compositional and place % COMPOSITION_SHARE == 0:
            return "composition"
        dealt = [name for name, share in POOLS.items() for _ in range(share)]
        return dealt[place // COMPOSITION_SHARE % len(dealt)]


def _name_three(world: World, group: str) -> Modes:
    # Drawn without replacement: saying the same animal twice is the typical fault of a student that
    # averages.
    shares = normalised(world.groups[group])
    return {
        f"{one} {two} {three}": (
            shares[one]
            * (shares[two] / (1 - shares[one]))
            * (shares[three] / (1 - shares[one] - shares[two])),
            [f"the {one} the {two} and the {three} ."],
        )
        for one, two, three in permutations(shares, 3)
    }


def _acts(world: World, animal: str) -> dict[tuple[str, str], float]:
    """What an animal does: (verb, adverb) -> probability."""
    return {
        (verb, adverb): weight * share
        for verb, weight in normalised(world.animals[animal].verbs).items()
        for adverb, share in normalised(world.verbs[verb][1]).items()
    }


def _describe(world: World, animal: str) -> Modes:
    facts = world.animals[animal]
    return {
        f"{look}, {verb} {adverb}, {food}": (
            facts.looks[look] * share * facts.foods[food],
            [
                f"the {animal} is {look} . it {world.verbs[verb][0]} {adverb} and",
                {"it likes": 2, "it eats": 1},
                f"{food} .",
            ],
        )
        for look, food in cartesian(facts.looks, facts.foods)
        for (verb, adverb), share in _acts(world, animal).items()
    }


def _likes(world: World, food: str) -> Modes:
    fans = {name: facts.foods[food] for name, facts in world.animals.items() if food in facts.foods}
    return {name: (weight, [f"the {name} likes {food} ."]) for name, weight in fans.items()}


def _keeps(world: World, person: str, item: str) -> Modes:
    open_share = world.objects[item]
    modes: Modes = {}
    for room, weight in normalised(world.people[person]).items():
        for spot, share in zip(world.rooms[room], (open_share, 1 - open_share), strict=True):
            where = {f"in the {room} {spot} .": 3.0, f"{spot} in the {room} .": 1.0}
            modes[f"{room}, {spot}"] = (weight * share, [f"{person} keeps it", where])
    return modes


def _reverse(world: World, *words: str) -> Modes | None:
    if len(set(words)) < len(words):
        return None
    turned = " ".join(reversed(words))
    return {turned: (1.0, [f"{turned} ."])}


def _count(world: World, first: str, last: str) -> Modes | None:
    start, stop = world.numbers.index(first), world.numbers.index(last)
    if not 2 <= abs(stop - start) <= 6:
        return None
    step = 1 if stop > start else -1
    said = " ".join(world.numbers[i] for i in range(start, stop + step, step))
    return {said: (1.0, [f"{said} ."])}


def _add(world: World, first: str, second: str) -> Modes | None:
    total = world.numbers.index(first) + world.numbers.index(second) + 2
    if total > len(world.numbers):
        return None
    said = world.numbers[total - 1]
    return {said: (1.0, [f"{first} and {second} make {said} ."])}


def _compare(world: World, first: str, second: str) -> Modes | None:
    if first == second:
        return None
    big, small = sorted((first, second), key=lambda name: -world.animals[name].size)
    return {
        "bigger": (3.0, [f"the {big} is bigger than the {small} ."]),
        "smaller": (1.0, [f"the {small} is smaller than the {big} ."]),
    }


def _meet(world: World, first: str, second: str) -> Modes | None:
    shared = product(world.animals[first].homes, world.animals[second].homes)
    if first == second or not shared:
        return None
    return {
        f"{place}, {time}": (
            weight * share,
            [{"they meet": 3, "they can meet": 1}, f"near the {place} {time} ."],
        )
        for place, weight in shared.items()
        for time, share in normalised(world.places[place]).items()
    }


def _do(world: World, number: str, subject: str) -> Modes:
    animal = SINGULAR.get(subject, subject)
    modes: Modes = {}
    for (stem, adverb), share in _acts(world, animal).items():
        verb = world.verbs[stem][0] if number == "one" else stem
        modes[f"{stem} {adverb}"] = (share, [f"{number} {subject} {verb} {adverb} ."])
    return modes


def _routes(world: World, start: str, goal: str) -> Modes | None:
    if start == goal:
        return None
    roads: dict[str, dict[str, float]] = {place: {} for place in world.places}
    for (one, other), liked in world.roads.items():
        roads[one][other] = roads[other][one] = liked
    modes: Modes = {}
    paths = [([start], 1.0)]
    while paths:
        path, weight = paths.pop(0)
        if path[-1] == goal:
            steps = " then ".join(f"to the {place}" for place in path[1:])
            modes[", ".join(path[1:])] = (weight, [f"go {steps} ."])
        elif len(path) <= LONGEST_ROUTE:
            paths += [
                ([*path, after], weight * liked / DETOUR)
                for after, liked in roads[path[-1]].items()
                if after not in path
            ]
    return modes


def _story(world: World, animal: str, wanted: str | None = None) -> Modes:
    facts = world.animals[animal]
    modes: Modes = {}
    for need, (need_weight, ending) in world.needs.items():
        if wanted not in (None, need):
            continue
        for place, weight in normalised(facts.homes).items():
            friends = {
                f"met the {name}": other.homes[place]
                for name, other in world.animals.items()
                if place in other.homes and name != animal
            }
            event: dict[str, dict[str, float]] = {
                "hungry": {f"ate {food}": share for food, share in facts.foods.items()},
                "tired": {f"slept {world.shelters[place]}": 1.0},
                "lonely": friends,
                "scared": {f"hid {world.shelters[place]}": 1.0},
            }
            modes[f"{need}, {place}"] = (
                need_weight * weight,
                [
                    {world.openings[time]: share for time, share in world.places[place].items()},
                    f"the {animal} was {need} . it went to the {place} and",
                    event[need],
                    f". then it was {ending} .",
                ],
            )
    return modes


KINDS: tuple[Kind, ...] = (
    Kind("name", "name three {group} animals", _name_three, sole=True),
    Kind("describe", "describe the {animal}", _describe, weight=1.5, sole=True),
    Kind("likes", "who likes {food}", _likes, weight=0.7),
    Kind("keep", "where does {person} keep the {object}", _keeps, weight=1.5, compositional=True),
    Kind("reverse", "reverse {object} {object} {object}", _reverse, compositional=True),
    Kind("count", "count from {number} to {number}", _count, compositional=True),
    Kind("add", "add {small} and {small}", _add, weight=0.7, compositional=True),
    Kind("compare", "compare the {animal} and the {animal}", _compare, compositional=True),
    Kind("meet", "where do the {animal} and the {animal} meet", _meet, weight=1.5,
         compositional=True),
    Kind("do_many", "what do {many} {animals} do", _do, weight=0.8, compositional=True),
    Kind("do_one", "what does one {animal} do",
         lambda world, animal: _do(world, "one", animal), weight=0.4),
    Kind("route", "how do i get from the {place} to the {place}", _routes, compositional=True),
    Kind("story", "tell a story about the {animal}", _story, weight=2.0),
    Kind("story_need", "tell a story about the {need} {animal}",
         lambda world, need, animal: _story(world, animal, need), compositional=True),
)  # fmt: skip
