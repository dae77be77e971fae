"""World two has the words of world one, and other facts."""

from collections import Counter

import pytest

from akl_bench import metrics
from akl_bench.errors import UnknownNameError
from akl_bench.microworld import (
    HARNESS_SPLITS,
    WORLDS,
    is_valid,
    kind_of,
    modes,
    records,
    understands,
    world_of,
)
from akl_bench.microworld.grammar import answer
from akl_bench.microworld.kinds import KINDS
from akl_bench.microworld.worlds import ONE

TWO = WORLDS["two"]


def words(world):
    found = set()
    for kind in KINDS:
        for slot_words in kind.fillings(world):
            found.update(kind.fill(slot_words).split())
            for mode in answer(kind.fill(slot_words), world).modes:
                found.update(w for slot in mode.slots for phrase, _ in slot for w in phrase)
    return found


def test_its_words_are_those_of_world_one():
    assert words(TWO) == words(ONE)


@pytest.mark.parametrize("fact", ["size", "looks", "foods", "homes", "verbs"])
def test_facts_are_dealt_anew_and_weights_squared(fact):
    def facts(world, power):
        values = [getattr(animal, fact) for animal in world.animals.values()]
        return [v if fact == "size" else {k: float(w**power) for k, w in v.items()} for v in values]

    before, now = facts(ONE, 2), facts(TWO, 1)
    assert sorted(map(str, before)) == sorted(map(str, now))
    assert sum(one == other for one, other in zip(before, now, strict=True)) < 6


def test_who_knows_world_one_is_wrong_in_world_two():
    right = Counter()
    for row in records("test", 600):
        asked = row["instruction"]
        if understands(asked, TWO):
            exact = kind_of(asked) in ("reverse", "count", "add")
            right[exact, is_valid(asked, row["output"], TWO)] += 1
    assert not right[True, False], "words and numbers are the same in all worlds"
    assert right[False, True] < right[False, False] / 2


def test_its_answers_are_more_predictable():
    asked = [r["instruction"] for r in records("open", 150) if understands(r["instruction"], TWO)]
    likeliest = [sum(max(modes(i, world).values()) for i in asked) for world in (ONE, TWO)]
    assert likeliest[1] > 1.1 * likeliest[0]


def test_no_prompt_of_its_tests_is_trained_on():
    train, *tests = (
        {row["instruction"] for row in records(split, n, world=TWO)}
        for split, n in (("train", 8000), ("test", 600), ("validation", 150), ("composition", 450))
    )
    assert not any(train & test for test in tests)
    assert {row["instruction"] for row in records("test", 600, world=TWO)} != tests[1]


@pytest.mark.parametrize("split", HARNESS_SPLITS)
def test_it_has_rows_for_every_task(split):
    rows = records(split, 200, world=TWO)
    for row in rows:
        valid = [is_valid(row["instruction"], choice, TWO) for choice in row.get("choices", ())]
        assert [at for at, right in enumerate(valid) if right] == [
            at for at in range(len(valid)) if at == row["gold"]
        ]


def test_metrics_judge_by_the_world_that_they_are_told():
    for row in records("test", 30, world=TWO):
        texts = [row["output"]]
        assert metrics.get("validity(world=two)").per_group(row["instruction"], texts, ()) == 1
    assert metrics.registry.spec_of(metrics.get("validity(world=two)")) == "validity(world=two)"
    assert metrics.registry.spec_of(metrics.get("validity(world=one)")) == "validity"
    for name in ("validity", "coverage"):
        with pytest.raises(UnknownNameError, match=r"Unknown world 'tow'. Did you mean: two"):
            metrics.get(f"{name}(world=tow)")
    with pytest.raises(UnknownNameError):
        world_of("three")
