"""The microworld's rows: reproducible records of every split.

Prompts of the in-distribution splits (train, validation, test, open) come from one distribution, so
that a test prompt is often a training prompt too: what is tested there is the distribution of the
answers. Prompts of ``composition`` combine parts that training shows, in combinations that it never
shows.
"""

import random
from typing import Any

from akl_bench.errors import UsageError
from akl_bench.microworld import choices, grammar
from akl_bench.microworld.answers import pick
from akl_bench.microworld.kinds import KINDS

SPLITS = ("train", "validation", "test", "composition", "open")
HARNESS_SPLITS = ("agreement", "facts", "cloze")
_MAX_REFERENCES = 4


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
        make = getattr(choices, split)
        return [{"id": f"{split}-{seed}-{i:05d}", **make(rng)} for i in range(n)]
    weights = {
        kind: kind.weight
        for kind in KINDS
        if (split != "composition" or kind.compositional) and (split != "open" or kind.open)
    }
    held_out = split == "composition"
    rows = []
    for index in range(n):
        instruction = grammar.draw(pick(rng, weights), rng, held_out=held_out)
        answer = grammar.answer(instruction)
        output = answer.draw(rng)
        ranked = sorted(answer.modes, key=lambda mode: -mode.probability)
        likely = dict.fromkeys([output, *(mode.best() for mode in ranked[:_MAX_REFERENCES])])
        rows.append(
            {
                "id": f"{split}-{seed}-{index:05d}",
                "instruction": instruction,
                "input": "",
                "output": output,
                "references": list(likely)[:_MAX_REFERENCES],
            }
        )
    return rows
