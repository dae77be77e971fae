"""Rows for lm-eval: multiple choice and cloze over the microworld, in its training prompt format.

A query ends like the profile's prompt, ``INSTRUCTION :``, and a choice is what may follow after one
blank.
"""

import random
from typing import Any

from akl_bench.microworld import grammar
from akl_bench.microworld.answers import pick
from akl_bench.microworld.kinds import KINDS, SLOT_WORDS
from akl_bench.microworld.worlds import World

_SPLICES = 200
_KINDS = {kind.name: kind for kind in KINDS}


def _ask(rng: random.Random, world: World, pool: str, *names: str) -> str:
    return grammar.draw(_KINDS[pick(rng, dict.fromkeys(names, 1.0))], rng, (pool,), world)


def _question(rng: random.Random, instruction: str, right: str, wrong: list[str]) -> dict[str, Any]:
    gold = int(rng.random() * (len(wrong) + 1))
    choices = [*wrong[:gold], right, *wrong[gold:]]
    query = f"{instruction} :"
    return {"instruction": instruction, "query": query, "choices": choices, "gold": gold}


def agreement(rng: random.Random, world: World) -> dict[str, Any]:
    """Parts that go together; each other choice begins as one valid answer and ends as another.

    The right answer is a mode drawn evenly, so that rare modes count as much as likely ones.
    """
    while True:
        instruction = _ask(rng, world, "test", "do_many", "keep", "meet", "story", "story_need")
        answer = grammar.answer(instruction, world)
        right = answer.modes[int(rng.random() * len(answer.modes))].best()
        wrong: list[str] = []
        # Of some answers all splices are valid.
        for _ in range(_SPLICES):
            begins, ends = answer.draw(rng).split(), answer.draw(rng).split()
            cut = 1 + int(rng.random() * (len(begins) - 1))
            spliced = " ".join([*begins[:cut], *ends[cut:]])
            if spliced not in wrong and not grammar.is_valid(instruction, spliced, world):
                wrong.append(spliced)
            if len(wrong) == 3:
                return _question(rng, instruction, right, wrong)


def facts(rng: random.Random, world: World) -> dict[str, Any]:
    """What is true of an unseen combination; the other choice is true of a neighbour of it.

    A neighbour is an instruction that differs in one word.
    """
    while True:
        instruction = _ask(rng, world, "composition", "compare", "count", "meet", "route")
        kind = _KINDS[grammar.kind_of(instruction, world)]
        here = kind.parse(instruction) or ()
        there = list(here)
        at = int(rng.random() * len(here))
        there[at] = pick(rng, dict.fromkeys(SLOT_WORDS[kind.slots()[at]], 1.0))
        neighbour = kind.answer(world, *there)
        if neighbour is None:
            continue
        said = neighbour.draw(rng).split()
        told = " ".join(here[at] if word == there[at] else word for word in said)
        if not grammar.is_valid(instruction, told, world):
            right = grammar.answer(instruction, world).draw(rng)
            return _question(rng, instruction, right, [told])


def cloze(rng: random.Random, world: World) -> dict[str, Any]:
    """The last word before the full stop, where everything said before determines it."""
    instruction = _ask(
        rng, world, "test", "add", "compare", "count", "reverse", "story", "story_need"
    )
    *before, last, _ = grammar.answer(instruction, world).draw(rng).split()
    return {
        "instruction": instruction,
        "query": f"{instruction} : {' '.join(before)}",
        "target": last,
    }
