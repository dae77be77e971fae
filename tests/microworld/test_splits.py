import hashlib
import json
import os
import subprocess
import sys

import pytest

from akl_bench.errors import UsageError
from akl_bench.microworld import HARNESS_SPLITS, SPLITS, kind_of, mode_of, modes, records


@pytest.mark.parametrize("split", SPLITS + HARNESS_SPLITS)
def test_rows_are_reproducible_prefixes_with_unique_ids(split: str) -> None:
    rows = records(split, 300, seed=5)
    assert rows == records(split, 300, seed=5)
    assert rows[:120] == records(split, 120, seed=5)
    assert len({row["id"] for row in rows}) == 300
    strip = [{**row, "id": None} for row in rows]
    assert strip != [{**row, "id": None} for row in records(split, 300, seed=6)]


def test_rows_do_not_depend_on_the_hash_seed() -> None:
    code = (
        "import hashlib, json; from akl_bench.microworld import records; "
        "print(hashlib.sha256(json.dumps([records(s, 50) for s in "
        f"{SPLITS + HARNESS_SPLITS!r}]).encode()).hexdigest())"
    )
    here = json.dumps([records(split, 50) for split in SPLITS + HARNESS_SPLITS])
    for hash_seed in ("0", "1"):
        env = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        out = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
        assert out.stdout.strip() == hashlib.sha256(here.encode()).hexdigest(), out.stderr


@pytest.mark.parametrize("split", SPLITS)
def test_outputs_and_references_are_valid(split: str) -> None:
    for row in records(split, 400):
        assert row["references"][0] == row["output"]
        assert len(set(row["references"])) == len(row["references"]) <= 4
        for text in row["references"]:
            assert mode_of(row["instruction"], text) in modes(row["instruction"])
            assert 3 <= len(text.split()) <= 24


def test_composition_shows_seen_parts_in_unseen_combinations() -> None:
    train = records("train", 12_000)
    composition = records("composition", 500)
    asked = {row["instruction"] for row in train}
    assert not asked & {row["instruction"] for row in composition}
    parts = {
        (kind_of(row["instruction"]), word) for row in train for word in row["instruction"].split()
    }
    for row in composition:
        for word in row["instruction"].split():
            assert (kind_of(row["instruction"]), word) in parts
    # Both orders of a pair are held out together.
    assert not asked & {
        f"compare the {b} and the {a}"
        for row in composition
        if (words := row["instruction"].split())[0] == "compare"
        for a, b in [(words[2], words[5])]
    }


@pytest.mark.parametrize(("split", "n"), [("nosuch", 3), ("train", -1)])
def test_unknown_split(split: str, n: int) -> None:
    with pytest.raises(UsageError, match="splits are train, validation"):
        records(split, n)
