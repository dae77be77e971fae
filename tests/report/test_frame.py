import json
import shutil

import pytest

from akl_bench.artifacts.store import Run
from akl_bench.errors import UsageError
from akl_bench.report import frame
from akl_bench.report.layout import build

ROUGE = ("open_test", "rouge_l")


def test_values_of_sealed_cells_are_read_seed_by_seed(write_run):
    values = frame.load(write_run()).seed_values()
    assert values[frame.Row("sft", "tiny"), "open_test", "rouge_l"] == {1: 0.1, 2: 0.2, 3: 0.3}
    assert {row.student for row, *_ in values if row.objective == "sft"} == {"tiny"}


def test_the_summary_is_the_textbook_s(write_run):
    summary = frame.load(write_run()).summary()
    spread = summary[frame.Row("sft", "tiny"), "open_test", "rouge_l"]
    # mean (.1 + .2 + .3) / 3, standard deviation sqrt((.1^2 + 0 + .1^2) / 2)
    assert spread.mean == pytest.approx(0.2)
    assert spread.std == pytest.approx(0.1)
    assert spread.seeds == 3
    assert (frame.Row("teacher", ""), "fidelity", "kl_pq") not in summary


def test_headlines_are_shown_and_every_column_is_kept(write_run):
    run = frame.load(write_run())
    assert [column.key for column in run.shown] == [ROUGE, ("fidelity", "kl_pq")]
    assert len(run.columns) == 3
    assert [c.arrow for c in run.columns] == ["\u2191", "", "\u2193"]


def test_a_headline_stands_for_itself_with_parameters(write_run):
    about = {"higher_is_better": True, "scale": 1.0, "format": "%.2f"}
    key = ("open_test", "rouge_l(x=2)")
    run = frame.load(write_run({"sft": {key: [1.0]}}, about={key: about}))
    assert [c.metric for c in run.shown] == ["rouge_l(x=2)"]


def test_a_stale_number_is_counted_and_left_out(write_run):
    folder = write_run(measure_of=lambda objective, seed: "old" if seed == 2 else "m")
    run = frame.load(folder)
    assert run.stale == 4  # the second seed of every row but the untrained student
    assert {cell.seed for cell, *_ in run.numbers()} == {1, 3}
    sft = frame.Row("sft", "tiny")
    assert (len(run.finished(sft)), run.seeds[sft]) == (2, 3)
    assert [cell.seed for cell in run.of(sft)] == [1, 3]
    (note,) = (note for note in build(run).notes if "left out" in note)
    assert note.startswith("4 cells made with other code")


def test_a_cell_that_lacks_one_score_has_its_other_numbers(run_writer, write_run, tmp_path):
    writer = run_writer(tmp_path / "run", Run(write_run()).read().profile)
    rouge, kl = {ROUGE: {"value": 0.5}}, {("fidelity", "kl_pq"): {"value": 0.1}}
    writer.cell("sft", 1, rouge | kl)
    writer.cell("sft", 2, rouge | kl)
    (seal,) = (tmp_path / "run").glob("cells/sft-tiny-s2-*/scores/fidelity/fidelity/seal.json")
    seal.unlink()
    run = frame.load(writer.write())
    row = frame.Row("sft", "tiny")
    assert len(run.finished(row)) == 1 and run.stale == 0
    (line,) = build(run).rows
    # The head says 1/2 seeds; the number that has more says so.
    assert line.seeds == "1/2"
    assert [cell.seeds for cell in line.cells[:2]] == [2, None]


def test_a_number_whose_seal_was_edited_is_no_number(write_run):
    folder = write_run()
    before = len([*frame.load(folder).numbers()])
    (seal,) = folder.glob("cells/sft-tiny-s1-*/scores/open_test/rouge_l/seal.json")
    seal.write_text(seal.read_text().replace("0.1", "0.9"))
    run = frame.load(folder)
    assert len([*run.numbers()]) == before - 1
    (cell,) = (c for c in run.cells if c.row.objective == "sft" and c.seed == 1)
    assert cell.missing == ["open_test/rouge_l"] and not cell.is_done


def test_a_run_without_a_sealed_cell_has_rows_and_no_values(write_run):
    folder = write_run()
    shutil.rmtree(folder / "cells")
    run = frame.load(folder)
    assert len(run.rows) == 5
    assert not [*run.numbers()] and run.columns == []
    assert run.summary() == {}
    assert [run.finished(row) for row in run.rows] == [[]] * 5


def test_what_the_trained_students_have_in_common_is_told(run_writer, write_run, tmp_path):
    writer = run_writer(tmp_path / "run", Run(write_run()).read().profile)
    writer.cell("teacher", 1, {ROUGE: {"value": 0.5}})
    for seed in (1, 2):
        fields = {"seed": seed, "training": {"lr": 0.1, "warmup": None}}
        writer.cell("sft", seed, {ROUGE: {"value": 0.5}}, fields=fields)
    assert frame.load(writer.write()).subject == {"training.lr": 0.1, "training.warmup": None}


@pytest.mark.parametrize(
    ("options", "stamp"),
    [({}, []), ({"smoke": True}, ["smoke run"]), ({"dry_models": True}, ["dry models"])],
)
def test_numbers_that_are_no_evidence_are_stamped(write_run, options, stamp):
    stamps = frame.load(write_run(**options)).stamps
    assert [text.partition(":")[0] for text in stamps] == stamp
    assert all("no evidence" in text for text in stamps)


def test_a_profile_of_another_shape_is_named_with_its_key(write_run):
    folder = write_run()
    path = folder / "run.json"
    content = json.loads(path.read_text())
    del content["profile"]["training"]["lr"]
    path.write_text(json.dumps(content))
    with pytest.raises(UsageError) as caught:
        frame.load(folder)
    assert str(caught.value) == f"{path} is damaged: profile.training.lr: Field required"


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(UsageError, match="holds no run"):
        frame.load(tmp_path)


@pytest.mark.parametrize("larger", ["first", "second"])
def test_of_a_cell_in_two_runs_the_one_with_more_numbers_counts(
    run_writer, write_run, tmp_path, larger
):
    profile = Run(write_run()).read().profile
    rouge, kl = {ROUGE: {"value": 0.5}}, {("fidelity", "kl_pq"): {"value": 0.1}}
    folders = []
    for name in ("first", "second"):
        writer = run_writer(tmp_path / name, profile)
        writer.cell("untrained", 1, rouge | kl if name == larger else rouge)
        writer.cell("sft", 1, rouge | kl)
        folders.append(writer.write())
    run = frame.load(*folders)
    (untrained,) = (cell for cell in run.cells if cell.record.kind == "untrained")
    assert (untrained.row.run, len(untrained.metrics)) == (larger, 2)
    assert run.left_out == []


def test_answers_of_another_model_are_missing_and_so_is_their_score(
    run_writer, write_run, tmp_path
):
    writer = run_writer(tmp_path / "run", Run(write_run()).read().profile)
    answers = {"open_test": [{"id": "a", "sample": 0, "text": "yes"}]}
    for seed in (1, 2):
        writer.cell("sft", seed, {ROUGE: {"value": 0.5}}, answers=answers)
    run = Run(writer.write())
    one, other = (run.cells / record.name for record in run.read().cells)
    shutil.rmtree(one / "student")
    shutil.copytree(other / "student", one / "student")
    first, second = frame.load(run.folder).cells
    assert (first.stale, first.metrics, second.stale) == (1, {}, 0)


@pytest.mark.parametrize("name", ["/somewhere/mine.py:MyOwn", "/somewhere/mine.py:MyOwn(n=2)"])
def test_a_column_may_be_named_by_the_file_of_its_metric(name):
    assert frame.is_named("my_own(n=2)" if "(" in name else "my_own", [name])
    assert not frame.is_named("my_other", [name])


def test_a_student_whose_seal_is_damaged_has_no_numbers(run_writer, write_run, tmp_path):
    writer = run_writer(tmp_path / "run", Run(write_run()).read().profile)
    answers = {"open_test": [{"id": "a", "sample": 0, "text": "yes"}]}
    kl = {("fidelity", "kl_pq"): {"value": 0.1}}
    record = writer.cell("sft", 1, {ROUGE: {"value": 0.5}} | kl, answers=answers)
    run = Run(writer.write())
    (cell,) = frame.load(run.folder).cells
    assert len(cell.metrics) == 2
    (run.cells / record.name / "student" / "seal.json").write_text("{}")
    (cell,) = frame.load(run.folder).cells
    assert (cell.metrics, cell.is_done) == ({}, False)
    assert cell.broken() == ["student/seal.json"]
