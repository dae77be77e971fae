"""The facts of the microworlds: who lives where, eats what, and what goes with what.

Those of world one lie in world.yaml. Parts of an answer are tied to each other (a spot to its room,
an event to a need, an adverb to a verb), so that averaging two valid answers is seldom a valid
answer. World two has the same words and other facts, and its answers are more predictable.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import yaml

from akl_bench.errors import UnknownNameError

Name = TypeVar("Name")
Fact = TypeVar("Fact")
Weights = Mapping[str, float]


@dataclass(frozen=True)
class Animal:
    """One animal: every field is a fact that some instruction asks for."""

    plural: str
    size: int
    looks: Weights
    foods: Weights
    homes: Weights
    verbs: Weights


@dataclass(frozen=True, eq=False)
class World:
    """All facts of a world; world.yaml says what each table is."""

    name: str
    animals: Mapping[str, Animal]
    groups: Mapping[str, Weights]
    verbs: Mapping[str, tuple[str, Weights]]
    places: Mapping[str, Weights]
    roads: Mapping[tuple[str, str], float]
    shelters: Mapping[str, str]
    needs: Mapping[str, tuple[float, str]]
    openings: Mapping[str, str]
    rooms: Mapping[str, tuple[str, str]]
    objects: Mapping[str, float]
    people: Mapping[str, Weights]
    numbers: tuple[str, ...]


def _read() -> World:
    tables: dict[str, Any] = yaml.safe_load(
        Path(__file__).with_name("world.yaml").read_text(encoding="utf-8")
    )
    return World(
        "one",
        **tables
        | {
            "animals": {name: Animal(**facts) for name, facts in tables["animals"].items()},
            "verbs": {verb: (s, adverbs) for verb, (s, adverbs) in tables["verbs"].items()},
            "roads": {(a, b): liked for a, b, liked in tables["roads"]},
            "needs": {need: (weight, end) for need, (weight, end) in tables["needs"].items()},
            "rooms": {room: (a, b) for room, (a, b) in tables["rooms"].items()},
            "numbers": tuple(tables["numbers"]),
        },
    )


def _other(one: World, name: str, power: float) -> World:
    """A world of the same words: each table's facts are dealt anew, weights raised to a power."""
    rng = random.Random(f"microworld {name}")

    def deal(table: Mapping[Name, Fact]) -> dict[Name, Fact]:
        # Of a random generator only random() is promised to stay as it is.
        return dict(zip(table, sorted(table.values(), key=lambda _: rng.random()), strict=True))

    def weigh(weights: Mapping[Name, float]) -> dict[Name, float]:
        return {key: weight**power for key, weight in weights.items()}

    dealt: dict[str, dict[str, Any]] = {
        fact: deal({animal: getattr(facts, fact) for animal, facts in one.animals.items()})
        for fact in ("size", "looks", "foods", "homes", "verbs")
    }
    animals = {}
    for animal, facts in one.animals.items():
        own = {fact: of[animal] for fact, of in dealt.items()}
        weighed = {fact: weigh(own[fact]) for fact in own if fact != "size"}
        animals[animal] = replace(facts, **own | weighed)
    who, where = deal({a: a for a in one.animals}), deal({place: place for place in one.places})
    adverbs = deal({verb: adverbs for verb, (_, adverbs) in one.verbs.items()})
    return replace(
        one,
        name=name,
        animals=animals,
        groups={g: weigh({who[a]: w for a, w in of.items()}) for g, of in one.groups.items()},
        verbs={verb: (says, weigh(adverbs[verb])) for verb, (says, _) in one.verbs.items()},
        places={place: weigh(times) for place, times in deal(one.places).items()},
        roads=weigh({(where[a], where[b]): liked for (a, b), liked in one.roads.items()}),
        shelters=deal(one.shelters),
        needs={need: (w**power, end) for need, (w, end) in deal(one.needs).items()},
        rooms=deal(one.rooms),
        objects=deal(one.objects),
        people={person: weigh(rooms) for person, rooms in deal(one.people).items()},
    )


ONE = _read()
WORLDS = {"one": ONE, "two": _other(ONE, "two", power=2.0)}


def world_of(name: str) -> World:
    """The world of that name.

    Raises:
        UnknownNameError: There is none.
    """
    if name not in WORLDS:
        raise UnknownNameError("world", name, WORLDS)
    return WORLDS[name]
