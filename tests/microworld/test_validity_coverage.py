import random

import pytest

from akl_bench import metrics
from akl_bench.metrics.base import Sample, evaluate
from akl_bench.microworld import grammar, records
from akl_bench.testing import check_metric

# Modes: "bigger" (3/4) and "smaller" (1/4).
PROMPT = "compare the fox and the bear"
BIGGER = "the bear is bigger than the fox ."
SMALLER = "the fox is smaller than the bear ."
WRONG = "the fox is bigger than the bear ."


@pytest.mark.parametrize(
    ("texts", "validity", "coverage"),
    [
        ([BIGGER, SMALLER, WRONG, BIGGER], 3 / 4, 1.0),
        ([BIGGER, BIGGER, BIGGER, BIGGER], 1.0, 1 / 2),
        ([WRONG, WRONG], 0.0, 0.0),
        ([SMALLER], 1.0, 1.0),
        (["", f"  {BIGGER} "], 1 / 2, 1 / 2),
    ],
)
def test_by_hand(texts: list[str], validity: float, coverage: float) -> None:
    assert metrics.get("validity").per_group(PROMPT, texts, ()) == pytest.approx(validity)
    assert metrics.get("coverage").per_group(PROMPT, texts, ()) == pytest.approx(coverage)


def test_validity_tells_each_sample_s_value_and_coverage_cannot() -> None:
    samples = [Sample("a", text, (), PROMPT, i) for i, text in enumerate([BIGGER, WRONG, SMALLER])]
    samples += [Sample("b", text, (), "write a haiku", i) for i, text in enumerate("xyz")]
    score = evaluate(metrics.get("validity"), samples)
    assert score.per_sample == {"a": (1.0, 0.0, 1.0)} and score.draws == (1.0, 0.0, 1.0)
    assert (score.value, score.n) == (pytest.approx(2 / 3), 1)
    other = evaluate(metrics.get("coverage"), samples)
    assert other.per_sample is None and other.draws == ()


def test_two_wordings_of_one_meaning_cover_one_mode() -> None:
    prompt = "where does anna keep the key"
    same = [
        "anna keeps it in the kitchen on the table .",
        "anna keeps it on the table in the kitchen .",
    ]
    assert metrics.get("coverage").per_group(prompt, same, ()) == 1 / 2
    other = "anna keeps it in the hall on the hook ."
    assert metrics.get("coverage").per_group(prompt, [*same, other], ()) == 2 / 3


def test_undefined_where_there_is_nothing_to_judge() -> None:
    assert (
        metrics.get("coverage").per_group("add two and three", ["two and three make five ."], ())
        is None
    )
    for name in ("validity", "coverage"):
        assert metrics.get(name).per_group("write a haiku", ["the cow ."], ()) is None


def test_a_perfect_sampler_is_valid_and_covers_what_chance_allows() -> None:
    rng = random.Random(0)
    k = 8
    rows = records("test", 300)
    samples = [
        Sample(
            row["id"], grammar.answer(row["instruction"]).draw(rng), (), row["instruction"], draw
        )
        for row in rows
        for draw in range(k)
    ]
    assert evaluate(metrics.get("validity"), samples).value == 1.0
    # E[modes reached] = sum of 1 - (1 - p)^K, by hand from the exact mode probabilities.
    expected = []
    for row in rows:
        shares = grammar.modes(row["instruction"]).values()
        if len(shares) > 1:
            reached = sum(1 - (1 - share) ** k for share in shares)
            expected.append(reached / min(len(shares), k))
    score = evaluate(metrics.get("coverage"), samples)
    assert score.n == len(expected)
    assert score.value == pytest.approx(sum(expected) / len(expected), abs=0.02)


@pytest.mark.parametrize("name", ["validity", "coverage"])
def test_laws_on_prompts_that_are_understood(name: str) -> None:
    rows = [row for row in records("test", 40) if len(grammar.modes(row["instruction"])) > 1][:5]
    samples = [
        Sample(row["id"], text, tuple(row["references"]), row["instruction"], draw)
        for row in rows
        for draw, text in enumerate([row["output"], "nonsense", row["references"][-1]])
    ]
    assert check_metric(name, samples).failures == ()
