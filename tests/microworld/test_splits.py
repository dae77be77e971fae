import hashlib
import itertools
import json
import os
import subprocess
import sys

import pytest

from akl_bench.errors import UsageError
from akl_bench.microworld import HARNESS_SPLITS, SPLITS, kind_of, mode_of, modes, records


@pytest.mark.parametrize("split", SPLITS + HARNESS_SPLITS)
def test_rows_are_reproducible_prefixes_with_unique_ids(split: str) -> None:
    rows = records(split, 150, seed=5)
    assert rows == records(split, 150, seed=5)
    assert rows[:70] == records(split, 70, seed=5)
    assert len({row["id"] for row in rows}) == 150
    strip = [{**row, "id": None} for row in rows]
    assert strip != [{**row, "id": None} for row in records(split, 150, seed=6)]


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
    for row in records(split, 150):
        assert row["references"][0] == row["output"]
        assert len(set(row["references"])) == len(row["references"]) <= 4
        for text in row["references"]:
            assert mode_of(row["instruction"], text) in modes(row["instruction"])
            assert 3 <= len(text.split()) <= 24


def prompts(split: str, n: int) -> set[str]:
    return {row["instruction"] for row in records(split, n)}


def turned(instructions: set[str]) -> set[tuple[str, ...]]:
    """Their words in any order: who knows the way back knows the way."""
    return {tuple(sorted(instruction.split())) for instruction in instructions}


def test_what_is_asked_was_never_trained_on() -> None:
    train, validation = prompts("train", 12_000), prompts("validation", 240)
    test = prompts("test", 600) | prompts("open", 150)
    test |= prompts("agreement", 300) | prompts("cloze", 300)
    composition = prompts("composition", 480) | prompts("facts", 300)
    pools = [train, validation, test, composition]
    for one, other in itertools.combinations(map(turned, pools), 2):
        assert not one & other
    # What the teacher was trained on, and no more.
    teacher = prompts("teacher", 12_000)
    assert not turned(teacher) & turned(composition)
    assert test & teacher and validation & teacher and train & teacher


@pytest.mark.parametrize("split", ["validation", "test", "open", "composition"])
def test_an_unseen_prompt_never_comes_twice(split: str) -> None:
    with pytest.raises(UsageError, match=rf"split {split} has \d+ rows, not 9999") as error:
        records(split, 9999)
    every = int(str(error.value).split()[4])
    assert len(prompts(split, every)) == every >= 150


def test_open_prompts_have_several_meanings() -> None:
    assert min(len(modes(row["instruction"])) for row in records("open", 150)) == 3


def test_whatever_is_asked_training_shows_in_parts() -> None:
    rows = records("train", 4096)
    said = {(kind_of(row["instruction"]), w) for row in rows for w in row["instruction"].split()}
    told = {word for row in rows for word in row["output"].split()}
    alone = set()
    for row in records("test", 600) + records("composition", 480):
        kind = kind_of(row["instruction"])
        assert kind not in ("name", "describe"), "their facts are nowhere else"
        alone |= {(kind, word) for word in row["instruction"].split()} - said
    # Where instructions of this kind leave a word out, answers to others have it.
    assert len(alone) < 20 and {word for _, word in alone} <= told


def test_the_teacher_learnt_the_rows_that_it_always_learnt() -> None:
    # Of the rows drawn at commit 417b06d as split "train", from which its weights come.
    rows = [{**row, "id": ""} for row in records("teacher", 3000)]
    digest = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
    assert digest == "2e8749700eb0093e64ba2641cc6053c23d2f89d01dee39df37bdb0c3726a0708"


@pytest.mark.parametrize(("split", "n"), [("nosuch", 3), ("train", -1)])
def test_unknown_split(split: str, n: int) -> None:
    with pytest.raises(UsageError, match="splits are train, teacher, validation"):
        records(split, n)
