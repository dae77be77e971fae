"""The microworld's grammar: what it understands, and an exact judge of any answer."""

import random
from collections.abc import Collection
from functools import cache, lru_cache

from akl_bench.errors import UsageError
from akl_bench.microworld.answers import Answer
from akl_bench.microworld.kinds import KINDS, Kind

GRAMMAR_VERSION = 1
"""Raised whenever a change of the world can move a score."""


@lru_cache(maxsize=20_000)
def _understand(instruction: str) -> tuple[Kind, Answer]:
    for kind in KINDS:
        words = kind.parse(instruction)
        if words is not None and (answer := kind.answer(*words)) is not None:
            return kind, answer
    raise UsageError(
        f"microworld: no kind of instruction matches {instruction!r}; "
        "`akl-bench microworld sample test` shows some that do"
    )


def answer(instruction: str) -> Answer:
    """The exact answer distribution of an instruction.

    Raises:
        UsageError: The world does not understand the instruction.
    """
    return _understand(instruction)[1]


def understands(instruction: str) -> bool:
    """Whether the world has an answer to this text."""
    try:
        return bool(_understand(instruction))
    except UsageError:
        return False


def kind_of(instruction: str) -> str:
    """Name of the kind of an instruction (UsageError where there is none)."""
    return _understand(instruction)[0].name


def is_valid(instruction: str, response: str) -> bool:
    """Whether the grammar can give this response; the amount of white space is free."""
    return mode_of(instruction, response) is not None


def mode_of(instruction: str, response: str) -> str | None:
    """The mode (meaning) of a response; None where it is invalid."""
    return answer(instruction).mode_of(response.split())


def modes(instruction: str) -> dict[str, float]:
    """Every mode with its probability."""
    return {mode.name: mode.probability for mode in answer(instruction).modes}


def draw(kind: Kind, rng: random.Random, pools: Collection[str]) -> str:
    """A random instruction of one kind from these pools."""
    while True:
        words = kind.draw(rng)
        if kind.pool(words) in pools:
            return kind.fill(words)


@cache
def instructions(kind: Kind, pool: str) -> tuple[str, ...]:
    """All instructions of one kind in a pool."""
    return tuple(kind.fill(words) for words in kind.fillings if kind.pool(words) == pool)
