"""The facts of the microworld: who lives where, eats what, and what goes with what.

Everything is a small literal table. Weights are unnormalised and deliberately unequal, so that an
answer has likely and unlikely valid forms. Parts of an answer are tied to each other (a spot to its
room, an event to a need, an adverb to a verb), so that averaging two valid answers is seldom a
valid answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Weights = Mapping[str, float]


@dataclass(frozen=True)
class Animal:
    """One animal: every field is a fact that some instruction asks for."""

    plural: str
    group: str
    size: int
    """Rank of the size; unique, so that any two animals can be compared."""
    looks: Weights
    foods: Weights
    homes: Weights
    verbs: Weights


ANIMALS: dict[str, Animal] = {
    "bear": Animal(
        "bears", "wild", 19, {"big and brown": 6, "huge and black": 3, "round and white": 1},
        {"honey": 6, "berries": 3}, {"forest": 5, "river": 3, "hill": 1},
        {"climb": 5, "sleep": 3, "swim": 1},
    ),
    "fox": Animal(
        "foxes", "wild", 10, {"small and red": 6, "thin and grey": 2, "quick and white": 1},
        {"berries": 5, "meat": 4}, {"forest": 5, "field": 3, "farm": 2},
        {"hunt": 5, "hide": 3, "run": 2},
    ),
    "wolf": Animal(
        "wolves", "wild", 15, {"thin and grey": 6, "big and black": 3, "quick and white": 1},
        {"meat": 8, "fish": 1}, {"hill": 5, "forest": 4, "field": 1},
        {"hunt": 6, "sing": 3, "run": 2},
    ),
    "stag": Animal(
        "stags", "wild", 16, {"tall and brown": 6, "quick and red": 3},
        {"grass": 6, "berries": 3}, {"forest": 5, "field": 3, "hill": 2},
        {"jump": 5, "run": 4, "hide": 1},
    ),
    "cow": Animal(
        "cows", "farm", 18, {"big and brown": 5, "round and white": 4, "huge and black": 2},
        {"grass": 8, "corn": 2}, {"farm": 5, "field": 4, "lake": 1},
        {"sleep": 5, "walk": 4},
    ),
    "horse": Animal(
        "horses", "farm", 20, {"tall and brown": 6, "huge and black": 3, "quick and white": 1},
        {"corn": 5, "grass": 4}, {"farm": 6, "field": 3, "village": 2},
        {"run": 6, "jump": 3, "walk": 1},
    ),
    "pig": Animal(
        "pigs", "farm", 13, {"round and pink": 7, "big and black": 2},
        {"corn": 6, "seeds": 2}, {"farm": 7, "forest": 2, "village": 1},
        {"sleep": 6, "dig": 3},
    ),
    "goat": Animal(
        "goats", "farm", 14, {"thin and white": 5, "quick and brown": 3, "tall and grey": 1},
        {"grass": 4, "seeds": 3, "corn": 1}, {"hill": 5, "farm": 4, "garden": 1},
        {"climb": 6, "jump": 4, "walk": 1},
    ),
    "owl": Animal(
        "owls", "bird", 7, {"round and brown": 5, "tall and grey": 3, "round and white": 2},
        {"meat": 5, "seeds": 1}, {"forest": 6, "farm": 3, "hill": 1},
        {"fly": 5, "hunt": 4, "sing": 1},
    ),
    "eagle": Animal(
        "eagles", "bird", 11, {"huge and brown": 6, "big and black": 2, "quick and white": 1},
        {"fish": 6, "meat": 4}, {"hill": 6, "lake": 3, "river": 2},
        {"fly": 7, "hunt": 3},
    ),
    "robin": Animal(
        "robins", "bird", 2, {"small and red": 7, "round and brown": 2},
        {"seeds": 5, "berries": 4, "flies": 1}, {"garden": 6, "village": 3, "forest": 2},
        {"sing": 6, "fly": 3, "jump": 1},
    ),
    "crow": Animal(
        "crows", "bird", 6, {"big and black": 5, "thin and black": 3, "quick and grey": 1},
        {"corn": 5, "seeds": 3}, {"field": 5, "village": 4, "farm": 2},
        {"fly": 5, "walk": 2, "hide": 1},
    ),
    "cat": Animal(
        "cats", "pet", 8, {"quick and black": 5, "small and grey": 4, "round and red": 2},
        {"milk": 6, "fish": 4}, {"village": 5, "garden": 3, "farm": 3},
        {"sleep": 5, "climb": 3, "hunt": 2},
    ),
    "dog": Animal(
        "dogs", "pet", 12, {"big and brown": 5, "thin and white": 3, "small and black": 2},
        {"meat": 7, "milk": 2}, {"village": 6, "farm": 3, "lake": 1},
        {"run": 6, "dig": 3, "swim": 1},
    ),
    "rabbit": Animal(
        "rabbits", "pet", 5, {"small and grey": 5, "round and white": 4, "quick and brown": 2},
        {"grass": 5, "seeds": 2}, {"field": 5, "garden": 4, "hill": 1},
        {"jump": 5, "dig": 4, "hide": 2},
    ),
    "pony": Animal(
        "ponies", "pet", 17, {"round and brown": 5, "small and white": 4, "tall and grey": 1},
        {"grass": 4, "corn": 3, "milk": 1}, {"field": 5, "farm": 4, "village": 1},
        {"walk": 5, "run": 4, "jump": 1},
    ),
    "frog": Animal(
        "frogs", "water", 1, {"small and green": 7, "round and brown": 2},
        {"flies": 8, "seeds": 1}, {"lake": 6, "river": 3, "garden": 1},
        {"jump": 6, "swim": 3, "sing": 2},
    ),
    "otter": Animal(
        "otters", "water", 9, {"quick and brown": 6, "thin and grey": 3},
        {"fish": 8, "berries": 1}, {"river": 7, "lake": 3},
        {"swim": 7, "dig": 2, "hide": 1},
    ),
    "turtle": Animal(
        "turtles", "water", 4, {"round and green": 6, "small and brown": 2},
        {"berries": 4, "flies": 3, "fish": 1}, {"lake": 5, "river": 2, "garden": 2},
        {"swim": 4, "walk": 4, "sleep": 2},
    ),
    "duck": Animal(
        "ducks", "water", 3, {"small and white": 5, "round and green": 3, "thin and brown": 1},
        {"seeds": 4, "flies": 3, "corn": 2}, {"lake": 5, "river": 4, "farm": 2},
        {"swim": 5, "fly": 4, "walk": 1},
    ),
}  # fmt: skip

GROUPS: dict[str, Weights] = {
    "wild": {"bear": 8, "fox": 4, "wolf": 2, "stag": 1},
    "farm": {"cow": 8, "pig": 4, "horse": 3, "goat": 1},
    "bird": {"robin": 6, "crow": 4, "owl": 3, "eagle": 1},
    "pet": {"dog": 7, "cat": 6, "rabbit": 2, "pony": 1},
    "water": {"frog": 6, "duck": 5, "turtle": 2, "otter": 1},
}

VERBS: dict[str, tuple[str, Weights]] = {
    "run": ("runs", {"fast": 6, "home": 2}),
    "jump": ("jumps", {"up": 5, "around": 3}),
    "walk": ("walks", {"slowly": 5, "home": 2}),
    "swim": ("swims", {"deep": 5, "around": 2}),
    "fly": ("flies", {"high": 6, "away": 3}),
    "climb": ("climbs", {"high": 4, "up": 4}),
    "hunt": ("hunts", {"alone": 5, "together": 3}),
    "hide": ("hides", {"alone": 4, "away": 2}),
    "sing": ("sings", {"loudly": 6, "together": 2}),
    "sleep": ("sleeps", {"quietly": 6, "alone": 1}),
    "dig": ("digs", {"deep": 5, "slowly": 2}),
}
"""Stem -> third person singular and the adverbs that go with it."""

PLACES: dict[str, Weights] = {
    "forest": {"at night": 6, "at dawn": 2},
    "river": {"at dawn": 5, "at noon": 3},
    "hill": {"at noon": 6, "at night": 1},
    "field": {"at noon": 4, "at dusk": 3},
    "farm": {"at dawn": 6, "at dusk": 3},
    "village": {"at dusk": 6, "at noon": 2},
    "garden": {"at noon": 5, "at dawn": 2},
    "lake": {"at dusk": 4, "at night": 3},
}
"""Place -> the times of day at which something happens there."""

ROADS: dict[tuple[str, str], float] = {
    ("farm", "field"): 3, ("field", "forest"): 2, ("forest", "hill"): 3, ("hill", "river"): 1,
    ("river", "lake"): 3, ("lake", "garden"): 2, ("garden", "village"): 3, ("village", "farm"): 2,
    ("field", "river"): 2, ("forest", "lake"): 1, ("hill", "village"): 1,
}  # fmt: skip
"""Roads, both ways -> how gladly one takes them."""

SHELTERS: dict[str, str] = {
    "forest": "behind a tree", "river": "under the bridge", "hill": "behind a rock",
    "field": "in the grass", "farm": "in the barn", "village": "near a wall",
    "garden": "under a bush", "lake": "near the boat",
}  # fmt: skip

NEEDS: dict[str, tuple[float, str]] = {
    "hungry": (6, "full"),
    "tired": (4, "awake"),
    "lonely": (3, "happy"),
    "scared": (2, "safe"),
}
"""What moves a story -> its weight and how the story ends."""

OPENINGS: dict[str, str] = {
    "at dawn": "one morning", "at noon": "one day",
    "at dusk": "one evening", "at night": "one night",
}  # fmt: skip
"""Time of day -> how a story that happens then begins."""

ROOMS: dict[str, tuple[str, str]] = {
    "kitchen": ("on the table", "in the drawer"),
    "bedroom": ("on the pillow", "under the bed"),
    "hall": ("on the hook", "behind the door"),
    "study": ("on the desk", "in the safe"),
    "attic": ("on the beam", "in the trunk"),
    "cellar": ("on the stairs", "in the barrel"),
}
"""Room -> its open and its hidden spot."""

OBJECTS: dict[str, float] = {
    "key": 0.2, "book": 0.8, "cup": 0.9, "hat": 0.7, "lamp": 0.9, "ball": 0.3,
    "coat": 0.6, "spoon": 0.3, "letter": 0.4, "clock": 0.8, "ring": 0.1, "map": 0.5,
}  # fmt: skip
"""Object -> how likely it lies in the open spot of a room."""

PEOPLE: dict[str, Weights] = {
    "anna": {"kitchen": 6, "hall": 3, "attic": 1}, "ben": {"study": 6, "cellar": 3, "hall": 1},
    "clara": {"bedroom": 5, "kitchen": 4, "study": 1}, "david": {"cellar": 6, "attic": 3},
    "emma": {"hall": 5, "bedroom": 3, "cellar": 2}, "felix": {"attic": 6, "study": 3, "kitchen": 1},
    "grace": {"study": 5, "hall": 3, "bedroom": 1}, "hugo": {"kitchen": 5, "cellar": 3, "attic": 2},
}  # fmt: skip
"""Person -> the rooms in which that person keeps things."""

NUMBERS: tuple[str, ...] = (
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve",
)  # fmt: skip
