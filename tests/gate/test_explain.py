"""The items that fell most, of a baseline that kept its items."""

import pytest

from akl_bench.errors import BaselineError, UsageError
from akl_bench.gate import baseline
from akl_bench.gate.check import check
from akl_bench.gate.explain import explain
from akl_bench.gate.snapshot import measure
from akl_bench.report.frame import load

NEW = (11, 12, 13)


def items(seeds, fallen=0.0):
    """Twenty items and their answers; number i fell by i / 100 of `fallen`."""
    ids = {i: f"q{i:02}" for i in range(20)}
    examples = {
        seed: {
            ("quiz", "rouge_l"): [
                {"id": id_, "value": 0.5 + 0.001 * seed - fallen * i / 100}
                for i, id_ in ids.items()
            ]
        }
        for seed in seeds
    }
    answers = [
        {"id": id_, "sample": sample, "text": f"\x1b[31manswer {i}{', again' * sample}"}
        for i, id_ in ids.items()
        for sample in (0, 1)
    ]
    return {
        "examples": {"akl": examples},
        "answers": {"akl": {seed: {"quiz": answers} for seed in seeds}},
    }


@pytest.fixture
def kept(make_run, make_rows, tmp_path):
    path = tmp_path / "b.json"
    seeds = range(1, 11)
    baseline.create(make_run("main", make_rows(seeds), **items(seeds)), path, with_items=True)
    return path


def checked(base, folder):
    """The report on a run, and the run."""
    frame = load(folder)
    return check(base, measure(frame), base.policy), frame


def test_the_ten_items_that_fell_most_with_their_answers(make_run, make_rows, kept):
    base = baseline.read(kept)
    before = baseline.read_items(base, kept)
    folder = make_run("pr", make_rows(NEW, shift=3.0), **items(NEW, fallen=1.0))
    report, frame = checked(base, folder)
    shown = explain(report, "akl", before, frame)
    assert shown == explain(report, "akl/tiny", before, frame)
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
    report, frame = checked(base, make_run("pr", make_rows(NEW), **items(NEW)))
    before = baseline.read_items(base, kept)
    with pytest.raises(UsageError, match=r"--explain fkl: no such row. Rows here: akl/tiny"):
        explain(report, "fkl", before, frame)
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


@pytest.mark.parametrize("name", ["rows.jsonl", "completions.jsonl"])
def test_files_that_changed_since_the_seal_are_refused(make_run, make_rows, kept, name):
    folder = make_run("pr", make_rows(NEW, shift=3.0), **items(NEW))
    report, frame = checked(baseline.read(kept), folder)
    for path in folder.rglob(name):
        path.write_text("{}\n")
    with pytest.raises(UsageError, match=f"{name} is not what was sealed"):
        explain(report, "akl", {}, frame)


def test_scores_that_changed_since_the_seal_make_no_baseline(make_run, make_rows, tmp_path):
    seeds = range(1, 11)
    folder = make_run("main", make_rows(seeds), **items(seeds))
    next(folder.glob("cells/*/scores/quiz/rouge_l/rows.jsonl")).write_text("{}\n")
    with pytest.raises(UsageError, match=r"rows\.jsonl is not what was sealed"):
        baseline.create(folder, tmp_path / "b.json", with_items=True)


def test_a_run_copied_without_its_rows_has_no_items(make_run, make_rows, kept):
    base = baseline.read(kept)
    folder = make_run("pr", make_rows(NEW, shift=3.0), **items(NEW))
    for path in folder.rglob("rows.jsonl"):
        path.unlink()
    report, frame = checked(base, folder)
    shown = explain(report, "akl", baseline.read_items(base, kept), frame)
    assert "quiz/rouge_l: no single items" in shown
