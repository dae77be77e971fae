"""The microworld's rows: reproducible records of every split.

Students are trained on ``train``, chosen by ``validation`` and tested on ``test``, ``open`` and
``composition``; what they are asked there, training never shows. The teacher was trained on
``teacher``, which has the prompts of all of these but ``composition``: it has seen more than its
students. ``open`` are the prompts of ``test`` with several right answers.
"""

import random
from collections.abc import Iterator
from typing import Any

from akl_bench.errors import UsageError
from akl_bench.microworld import choices, grammar
from akl_bench.microworld.answers import pick
from akl_bench.microworld.kinds import KINDS, POOLS
from akl_bench.microworld.worlds import ONE, World

_TRAINING = {"train": ("train",), "teacher": tuple(POOLS)}
# Split -> its pool, and how many meanings an answer must have at least.
_UNSEEN = {
    "validation": ("validation", 1),
    "test": ("test", 1),
    "open": ("test", 3),
    "composition": ("composition", 1),
}
SPLITS = (*_TRAINING, *_UNSEEN)
HARNESS_SPLITS = ("agreement", "facts", "cloze")
_MAX_REFERENCES = 4
_TRIES = 1000  # in vain, until there is no new question


def records(split: str, n: int, seed: int = 0, world: World = ONE) -> list[dict[str, Any]]:
    """The first ``n`` rows of a split; a pure function of (split, n, seed, world).

    Rows of ``train`` and ``teacher`` come from a distribution, so that prompts come again with
    other answers. No other row comes twice, nor does a prompt outside of `HARNESS_SPLITS`.

    Args:
        split: One of `SPLITS` for instruction rows, or of `HARNESS_SPLITS` for lm-eval rows.
        n: Number of rows; the rows of a smaller n are a prefix of those of a larger.
        seed: Another seed gives other rows of the same distribution, or another order.
        world: Whose facts are asked for.

    Returns:
        Instruction rows ``{"id", "instruction", "input", "output", "references"}``: ``output`` is a
        draw from the exact answer distribution, ``references`` starts with it and adds the best
        wording of the likeliest modes.

    Raises:
        UsageError: Unknown split, negative ``n``, or more rows than the split has.
    """
    if split not in SPLITS + HARNESS_SPLITS or n < 0:
        raise UsageError(
            f"microworld: no rows for split={split!r}, n={n}; "
            f"splits are {', '.join(SPLITS + HARNESS_SPLITS)} and n is at least 0"
        )
    # The names under which the shipped teachers' rows were drawn.
    place = "microworld" if world is ONE else f"microworld {world.name}"
    rng = random.Random(f"{place} {'train' if split == 'teacher' else split} {seed}")
    if split in HARNESS_SPLITS:
        rows = _questions(split, n, rng, world)
    else:
        asked = _instructions(split, n, rng, world)
        rows = [_record(instruction, rng, world) for instruction in asked]
    return [{"id": f"{split}-{seed}-{i:05d}", **row} for i, row in enumerate(rows)]


def _instructions(split: str, n: int, rng: random.Random, world: World) -> Iterator[str]:
    if split in _TRAINING:
        weights = {kind: kind.weight for kind in KINDS}
        for _ in range(n):
            yield grammar.draw(pick(rng, weights), rng, _TRAINING[split], world)
        return
    pool, meanings = _UNSEEN[split]
    left = {
        kind: [
            instruction
            for instruction in grammar.instructions(kind, pool, world)
            if len(grammar.modes(instruction, world)) >= meanings
        ]
        for kind in KINDS
    }
    if n > (count := sum(map(len, left.values()))):
        raise UsageError(f"microworld: split {split} has {count} rows, not {n}.")
    for _ in range(n):
        kind = pick(rng, {kind: kind.weight for kind, rest in left.items() if rest})
        yield left[kind].pop(int(rng.random() * len(left[kind])))


def _record(instruction: str, rng: random.Random, world: World) -> dict[str, Any]:
    answer = grammar.answer(instruction, world)
    output = answer.draw(rng)
    ranked = sorted(answer.modes, key=lambda mode: -mode.probability)
    likely = dict.fromkeys([output, *(mode.best() for mode in ranked[:_MAX_REFERENCES])])
    references = list(likely)[:_MAX_REFERENCES]
    return {"instruction": instruction, "input": "", "output": output, "references": references}


def _questions(split: str, n: int, rng: random.Random, world: World) -> list[dict[str, Any]]:
    make = getattr(choices, split)
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    known = 0
    while len(rows) < n:
        row = make(rng, world)
        question = (row["query"], *sorted(row.get("choices", ())))
        known = known + 1 if question in rows else 0
        if known == _TRIES:
            raise UsageError(f"microworld: split {split} has fewer than {n} rows.")
        rows.setdefault(question, row)
    return list(rows.values())
