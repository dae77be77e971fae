"""The items that fell most, of a baseline that kept its items."""

import pytest

from akl_bench.errors import UsageError
from akl_bench.gate import baseline
from akl_bench.gate.check import check
from akl_bench.gate.errors import BaselineError
from akl_bench.gate.explain import explain
from akl_bench.gate.snapshot import measure

NEW = (11, 12, 13)


def scores(seeds, fallen=0.0):
    """Twenty items; number i fell by i / 100 of `fallen`."""
    return {
        "akl": {
            seed: [
                {
                    "task": "quiz",
                    "metric": "rouge_l",
                    "id": f"q{i:02}",
                    "value": 0.5 + 0.001 * seed - fallen * i / 100,
                    "text": f"\x1b[31manswer {i}",
                }
                for i in range(20)
            ]
            for seed in seeds
        }
    }


@pytest.fixture
def kept(make_run, make_rows, tmp_path):
    path = tmp_path / "b.json"
    seeds = range(1, 11)
    run = make_run("main", make_rows(seeds), scores=scores(seeds))
    baseline.create(run, path, with_items=True)
    return path


def test_the_ten_items_that_fell_most_with_their_answers(make_run, make_rows, kept):
    base = baseline.read(kept)
    folder = make_run("pr", make_rows(NEW, shift=3.0), scores=scores(NEW, fallen=1.0))
    run = measure(folder)
    report = check(base, run, base.policy)
    shown = explain(report, "akl", baseline.read_items(base, kept), folder, run)
    assert shown == explain(report, "akl/tiny", baseline.read_items(base, kept), folder, run)
    lines = shown.splitlines()
    assert lines[0] == "akl/tiny: 1 metrics fell"
    # Seeds 11 .. 13 are 0.0065 above seeds 1 .. 10, so the first item rose.
    assert lines[1] == "  quiz/rouge_l: 19 of 20 items fell"
    assert lines[2] == "    q19: 50.5 -> 32.2 (-18.3)"
    assert lines[3] == "      > <U+001B>[31manswer 19"
    assert [line.split(":")[0].strip() for line in lines[2::2]] == [
        f"q{i}" for i in range(19, 9, -1)
    ]
    assert "\x1b" not in shown


def test_an_unknown_row_and_a_baseline_without_items_are_errors(
    make_run, make_rows, kept, tmp_path
):
    base = baseline.read(kept)
    folder = make_run("pr", make_rows(NEW), scores=scores(NEW))
    run = measure(folder)
    report = check(base, run, base.policy)
    items = baseline.read_items(base, kept)
    with pytest.raises(UsageError, match=r"--explain fkl: no such row. Rows here: akl/tiny"):
        explain(report, "fkl", items, folder, run)
    bare = tmp_path / "bare.json"
    without = baseline.create(tmp_path / "main", bare)
    with pytest.raises(UsageError, match="has no items"):
        baseline.read_items(without, bare)


def test_items_that_are_not_those_of_the_baseline_are_refused(kept):
    base = baseline.read(kept)
    beside = kept.with_name(base.items.file)
    beside.write_bytes(beside.read_bytes() + b"x")
    with pytest.raises(BaselineError, match="sha256 does not match"):
        baseline.read_items(base, kept)
    beside.unlink()
    with pytest.raises(UsageError, match="cannot be read"):
        baseline.read_items(base, kept)


def test_scores_that_changed_since_the_seal_are_refused(make_run, make_rows, kept):
    base = baseline.read(kept)
    folder = make_run("pr", make_rows(NEW), scores=scores(NEW))
    run = measure(folder)
    next(folder.glob("cells/*/scores.jsonl")).write_text("{}\n")
    with pytest.raises(UsageError, match="changed since the seal"):
        explain(check(base, run, base.policy), "akl", {}, folder, run)
