from collections import Counter

import pytest

from akl_bench.errors import UsageError
from akl_bench.microworld import HARNESS_SPLITS, choices, is_valid, records
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


def test_no_question_comes_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    for split in HARNESS_SPLITS:
        rows = records(split, 300)
        assert len({(row["query"], *sorted(row.get("choices", ()))) for row in rows}) == 300
    row = records("cloze", 1)[0]
    monkeypatch.setattr(choices, "cloze", lambda rng, world: row)
    assert len(records("cloze", 1)) == 1
    with pytest.raises(UsageError, match="split cloze has fewer than 2 rows"):
        records("cloze", 2)


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
