from collections import Counter

import pytest

from akl_bench.microworld import is_valid, records
from akl_bench.microworld.grammar import answer


@pytest.mark.parametrize(("split", "choices"), [("agreement", 4), ("facts", 2)])
def test_exactly_the_gold_choice_is_valid(split: str, choices: int) -> None:
    rows = records(split, 300)
    for row in rows:
        valid = [is_valid(row["instruction"], choice) for choice in row["choices"]]
        assert valid == [at == row["gold"] for at in range(choices)]
        assert len(set(row["choices"])) == choices
        assert row["query"] == f"{row['instruction']} :"
    gold = Counter(row["gold"] for row in rows)
    assert set(gold) == set(range(choices))
    assert max(gold.values()) < 1.4 * 300 / choices


def test_facts_are_asked_of_combinations_that_training_never_shows() -> None:
    shown = {row["instruction"] for row in records("train", 12_000)}
    assert not shown & {row["instruction"] for row in records("facts", 300)}


def test_a_cloze_target_is_determined(texts_of) -> None:
    targets = Counter()
    for row in records("cloze", 300):
        start = f"{row['instruction']} : "
        assert row["query"].startswith(start)
        said = row["query"].removeprefix(start).split()
        every = [text.split() for text in texts_of(answer(row["instruction"]))]
        after = {text[len(said)] for text in every if text[: len(said)] == said}
        assert after == {row["target"]}
        targets[row["target"]] += 1
    assert max(targets.values()) < 60, "a constant guess would score"
