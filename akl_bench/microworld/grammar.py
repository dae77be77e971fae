"""The microworld: reproducible records of every split, and an exact judge of any answer.

Prompts of the in-distribution splits (train, validation, test, open) come from one distribution, so
that a test prompt is often a training prompt too: what is tested there is the distribution of the
answers. Prompts of ``composition`` combine parts that training shows, in combinations that it never
shows.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from akl_bench.errors import UsageError
from akl_bench.microworld.answers import EOS, Answer, pick
from akl_bench.microworld.kinds import KINDS, Kind

SPLITS = ("train", "validation", "test", "composition", "open")
HARNESS_SPLITS = ("agreement", "facts", "cloze")
MAX_REFERENCES = 4
GRAMMAR_VERSION = 1
"""Raised whenever a change of the world can move a score."""


@lru_cache(maxsize=20_000)
def _understand(instruction: str) -> tuple[Kind, Answer] | None:
    for kind in KINDS:
        words = kind.parse(instruction)
        if words is not None and (answer := kind.answer(*words)) is not None:
            return kind, answer
    return None


def answer(instruction: str) -> Answer:
    """The exact answer distribution of an instruction.

    Raises:
        UsageError: The world does not understand the instruction.
    """
    understood = _understand(instruction)
    if understood is None:
        raise UsageError(
            f"microworld: no kind of instruction matches {instruction!r}; "
            "`akl-bench microworld sample test` shows some that do"
        )
    return understood[1]


def understands(instruction: str) -> bool:
    """Whether the world has an answer to this text."""
    return _understand(instruction) is not None


def kind_of(instruction: str) -> str:
    """Name of the kind of an instruction (UsageError where there is none)."""
    answer(instruction)
    understood = _understand(instruction)
    assert understood is not None
    return understood[0].name


def answer_distribution(instruction: str) -> dict[str, float]:
    """Every valid answer text with its exact probability, likeliest first."""
    return answer(instruction).texts()


def next_token_distribution(instruction: str, prefix_words: Sequence[str]) -> dict[str, float]:
    """Exact distribution of the next word (``<eos>``: end); empty after an impossible prefix."""
    return answer(instruction).next_words(prefix_words)


def is_valid(instruction: str, response: str) -> bool:
    """Whether the grammar can give this response; the amount of white space is free."""
    return mode_of(instruction, response) is not None


def mode_of(instruction: str, response: str) -> str | None:
    """The mode (meaning) of a response; None where it is invalid."""
    return answer(instruction).mode_of(response.split())


def modes(instruction: str) -> dict[str, float]:
    """Every mode with its probability."""
    return {mode.name: mode.probability for mode in answer(instruction).modes}


def draw(kind: Kind, rng: random.Random, *, held_out: bool = False) -> str:
    """A random instruction of one kind, from its held-out combinations or from the others."""
    while True:
        words = kind.draw(rng)
        if kind.held_out(words) == held_out:
            return kind.fill(words)


def records(split: str, n: int, seed: int = 0) -> list[dict[str, Any]]:
    """The first ``n`` rows of a split; a pure function of (split, n, seed).

    Args:
        split: One of `SPLITS` for instruction rows, or of `HARNESS_SPLITS` for lm-eval rows.
        n: Number of rows; the rows of a smaller n are a prefix of those of a larger.
        seed: Another seed gives other rows of the same distribution.

    Returns:
        Instruction rows ``{"id", "instruction", "input", "output", "references"}``: ``output`` is a
        draw from the exact answer distribution, ``references`` starts with it and adds the best
        wording of the likeliest modes.

    Raises:
        UsageError: Unknown split or negative ``n``.
    """
    if split not in SPLITS + HARNESS_SPLITS or n < 0:
        raise UsageError(
            f"microworld: no rows for split={split!r}, n={n}; "
            f"splits are {', '.join(SPLITS + HARNESS_SPLITS)} and n is at least 0"
        )
    rng = random.Random(f"microworld {split} {seed}")
    if split in HARNESS_SPLITS:
        from akl_bench.microworld import choices

        make = getattr(choices, split)
        return [{"id": f"{split}-{seed}-{i:05d}", **make(rng)} for i in range(n)]
    kinds = {
        kind.name: kind
        for kind in KINDS
        if (split != "composition" or kind.compositional) and (split != "open" or kind.open)
    }
    weights = {name: kind.weight for name, kind in kinds.items()}
    held_out = split == "composition"
    rows = []
    for index in range(n):
        instruction = draw(kinds[pick(rng, weights)], rng, held_out=held_out)
        output = answer(instruction).draw(rng)
        ranked = sorted(answer(instruction).modes, key=lambda mode: -mode.probability)
        likely = dict.fromkeys([output, *(mode.best() for mode in ranked[:MAX_REFERENCES])])
        rows.append(
            {
                "id": f"{split}-{seed}-{index:05d}",
                "instruction": instruction,
                "input": "",
                "output": output,
                "references": list(likely)[:MAX_REFERENCES],
            }
        )
    return rows


def vocabulary() -> list[str]:
    """Every word that an instruction or an answer can contain, sorted, without special tokens."""
    words = {":"}
    for kind in KINDS:
        for slot_words in kind.fillings():
            instruction = kind.fill(slot_words)
            words.update(instruction.split())
            for mode in answer(instruction).modes:
                words.update(w for slot in mode.slots for phrase, _ in slot for w in phrase)
    return sorted(words - {EOS})
