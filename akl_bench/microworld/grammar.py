"""The microworld's grammar: what it understands, and an exact judge of any answer."""

import random
from collections.abc import Collection
from functools import cache, lru_cache

from akl_bench.errors import UsageError
from akl_bench.microworld.answers import Answer
from akl_bench.microworld.kinds import KINDS, Kind
from akl_bench.microworld.worlds import ONE, World

GRAMMAR_VERSION = 1
"""Raised whenever a change of the world can move a score."""


@lru_cache(maxsize=20_000)
def _understand(instruction: str, world: World) -> tuple[Kind, Answer]:
    for kind in KINDS:
        words = kind.parse(instruction)
        if words is not None and (answer := kind.answer(world, *words)) is not None:
            return kind, answer
    raise UsageError(
        f"microworld: no kind of instruction matches {instruction!r}; "
        "`akl-bench microworld sample test` shows some that do"
    )


def answer(instruction: str, world: World = ONE) -> Answer:
    """The exact answer distribution of an instruction.

    Raises:
        UsageError: The world does not understand the instruction.
    """
    return _understand(instruction, world)[1]


def understands(instruction: str, world: World = ONE) -> bool:
    """Whether the world has an answer to this text."""
    try:
        return bool(_understand(instruction, world))
    except UsageError:
        return False


def kind_of(instruction: str, world: World = ONE) -> str:
    """Name of the kind of an instruction (UsageError where there is none)."""
    return _understand(instruction, world)[0].name


def is_valid(instruction: str, response: str, world: World = ONE) -> bool:
    """Whether the grammar can give this response; the amount of white space is free."""
    return mode_of(instruction, response, world) is not None


def mode_of(instruction: str, response: str, world: World = ONE) -> str | None:
    """The mode (meaning) of a response; None where it is invalid."""
    return answer(instruction, world).mode_of(response.split())


def modes(instruction: str, world: World = ONE) -> dict[str, float]:
    """Every mode with its probability."""
    return {mode.name: mode.probability for mode in answer(instruction, world).modes}


def draw(kind: Kind, rng: random.Random, pools: Collection[str], world: World) -> str:
    """A random instruction of one kind from these pools."""
    while True:
        words = kind.draw(rng, world)
        if kind.pool(words) in pools:
            return kind.fill(words)


@cache
def instructions(kind: Kind, pool: str, world: World) -> tuple[str, ...]:
    """All instructions of one kind in a pool."""
    return tuple(kind.fill(words) for words in kind.fillings(world) if kind.pool(words) == pool)
