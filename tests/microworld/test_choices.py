from collections import Counter

import pytest

from akl_bench.microworld import is_valid, next_token_distribution, records


@pytest.mark.parametrize("split", ["agreement", "facts"])
def test_exactly_the_gold_choice_is_valid(split: str) -> None:
    rows = records(split, 300)
    for row in rows:
        valid = [is_valid(row["instruction"], choice) for choice in row["choices"]]
        assert valid == [at == row["gold"] for at in range(4)]
        assert len(set(row["choices"])) == 4
        assert row["query"] == f"{row['instruction']} :"
    gold = Counter(row["gold"] for row in rows)
    assert set(gold) == {0, 1, 2, 3}
    assert max(gold.values()) < 110


def test_a_cloze_target_is_determined() -> None:
    targets = Counter()
    for row in records("cloze", 300):
        start = f"{row['instruction']} : "
        assert row["query"].startswith(start)
        said = row["query"].removeprefix(start).split()
        assert next_token_distribution(row["instruction"], said) == {row["target"]: 1.0}
        targets[row["target"]] += 1
    assert max(targets.values()) < 60, "a constant guess would score"
