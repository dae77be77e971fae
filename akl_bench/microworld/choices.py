"""Rows for lm-eval: multiple choice and cloze over the microworld, in its training prompt format.

A query ends like the profile's prompt, ``INSTRUCTION :``, and a choice is what may follow after one
blank.
"""

from __future__ import annotations

import random
from typing import Any

from akl_bench.microworld import grammar
from akl_bench.microworld.answers import pick
from akl_bench.microworld.kinds import KINDS
from akl_bench.microworld.vocabulary import VERBS

_KINDS = {kind.name: kind for kind in KINDS}
_FACTS = ("describe", "keep", "likes", "meet")
_CLOZE = ("add", "compare", "count", "reverse", "story", "story_need")


def _draw(rng: random.Random, names: tuple[str, ...]) -> tuple[str, str]:
    kind = _KINDS[pick(rng, dict.fromkeys(names, 1.0))]
    instruction = grammar.draw(kind, rng)
    return instruction, grammar.answer(instruction).draw(rng)


def _question(rng: random.Random, instruction: str, right: str, wrong: list[str]) -> dict[str, Any]:
    gold = int(rng.random() * (len(wrong) + 1))
    choices = [*wrong[:gold], right, *wrong[gold:]]
    return {
        "instruction": instruction,
        "query": f"{instruction} :",
        "choices": choices,
        "gold": gold,
    }


def agreement(rng: random.Random) -> dict[str, Any]:
    """Number of the verb and the adverb that goes with it; four choices."""
    instruction, right = _draw(rng, ("do_one", "do_many"))
    number, subject, verb, adverb, stop = right.split()
    stem = next(name for name, (third, _) in VERBS.items() if verb in (name, third))
    third, fitting = VERBS[stem]
    other_form = stem if verb == third else third
    adverbs = {word: 1.0 for _, words in VERBS.values() for word in words if word not in fitting}
    other_adverb = pick(rng, adverbs)
    wrong = [
        " ".join((number, subject, *pair, stop))
        for pair in ((other_form, adverb), (verb, other_adverb), (other_form, other_adverb))
    ]
    return _question(rng, instruction, right, wrong)


def facts(rng: random.Random) -> dict[str, Any]:
    """What is true of this subject and not of others of its kind; four choices."""
    instruction, right = _draw(rng, _FACTS)
    kind = _KINDS[grammar.kind_of(instruction)]
    here = kind.parse(instruction) or ()
    wrong: list[str] = []
    while len(wrong) < 3:
        # True of somebody else, told of this subject.
        there = kind.draw(rng)
        told = dict(zip(there, here, strict=True))
        words = grammar.answer(kind.fill(there)).draw(rng).split()
        text = " ".join(told.get(word, word) for word in words)
        if text not in wrong and not grammar.is_valid(instruction, text):
            wrong.append(text)
    return _question(rng, instruction, right, wrong)


def cloze(rng: random.Random) -> dict[str, Any]:
    """The last word before the full stop, where everything said before determines it."""
    instruction, said = _draw(rng, _CLOZE)
    *before, last, _ = said.split()
    return {
        "instruction": instruction,
        "query": f"{instruction} : {' '.join(before)}",
        "target": last,
    }
