"""The facts of the microworld: who lives where, eats what, and what goes with what.

The tables lie in world.yaml. Parts of an answer are tied to each other (a spot to its room, an
event to a need, an adverb to a verb), so that averaging two valid answers is seldom a valid answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Weights = Mapping[str, float]
_TABLES: dict[str, Any] = yaml.safe_load(
    Path(__file__).with_name("world.yaml").read_text(encoding="utf-8")
)


@dataclass(frozen=True)
class Animal:
    """One animal: every field is a fact that some instruction asks for."""

    plural: str
    group: str
    size: int
    looks: Weights
    foods: Weights
    homes: Weights
    verbs: Weights


ANIMALS = {name: Animal(**facts) for name, facts in _TABLES["animals"].items()}
GROUPS: dict[str, Weights] = _TABLES["groups"]
VERBS: dict[str, tuple[str, Weights]] = {k: (s, adv) for k, (s, adv) in _TABLES["verbs"].items()}
PLACES: dict[str, Weights] = _TABLES["places"]
ROADS: dict[tuple[str, str], float] = {(a, b): liked for a, b, liked in _TABLES["roads"]}
SHELTERS: dict[str, str] = _TABLES["shelters"]
NEEDS: dict[str, tuple[float, str]] = {k: (w, end) for k, (w, end) in _TABLES["needs"].items()}
OPENINGS: dict[str, str] = _TABLES["openings"]
ROOMS: dict[str, tuple[str, str]] = {k: (a, b) for k, (a, b) in _TABLES["rooms"].items()}
OBJECTS: dict[str, float] = _TABLES["objects"]
PEOPLE: dict[str, Weights] = _TABLES["people"]
NUMBERS: tuple[str, ...] = tuple(_TABLES["numbers"])
