import json
import shutil

import pytest

from akl_bench.errors import UsageError
from akl_bench.report import frame

ROUGE = ("open_test", "rouge_l")


def test_values_of_sealed_cells_are_read_seed_by_seed(write_run):
    found = frame.load(write_run()).values
    mine = found[(found["objective"] == "sft") & (found["metric"] == "rouge_l")]
    assert mine["seed"].tolist() == [1, 2, 3]
    assert mine["value"].tolist() == [0.1, 0.2, 0.3]
    assert set(mine["student"]) == {"tiny"}


def test_the_summary_is_the_textbook_s(write_run):
    summary = frame.summarise(frame.load(write_run())).reset_index()
    row = summary[(summary["objective"] == "sft") & (summary["metric"] == "rouge_l")].iloc[0]
    # mean (.1 + .2 + .3) / 3, standard deviation sqrt((.1^2 + 0 + .1^2) / 2)
    assert row["mean"] == pytest.approx(0.2)
    assert row["std"] == pytest.approx(0.1)
    assert row["count"] == 3


def test_headlines_are_shown_and_every_column_is_kept(write_run):
    found = frame.load(write_run())
    assert [(c.task, c.metric) for c in found.shown] == [ROUGE, ("fidelity", "kl_pq")]
    assert len(found.columns) == 3
    assert [c.arrow for c in found.columns] == ["\u2191", "", "\u2193"]


def test_a_headline_stands_for_itself_with_parameters(write_run):
    about = {"higher_is_better": True, "scale": 1.0, "format": "%.2f"}
    key = ("open_test", "rouge_l(x=2)")
    found = frame.load(write_run({"sft": {key: [1.0]}}, about={key: about}))
    assert [c.metric for c in found.shown] == ["rouge_l(x=2)"]


def test_a_cell_of_another_protocol_is_counted_and_left_out(write_run):
    folder = write_run(protocol_of=lambda objective, seed: "other" if seed == 2 else "p")
    found = frame.load(folder)
    assert found.stale == 4  # the second seed of every row but the untrained student
    assert set(found.values["seed"]) == {1, 3}


def test_a_cell_with_a_broken_seal_is_no_cell(write_run):
    folder = write_run()
    before = len(frame.load(folder).values)
    (seal,) = folder.glob("cells/sft-tiny-s1-*/seal.json")
    seal.write_text(seal.read_text().replace("0.1", "0.9"))
    assert len(frame.load(folder).values) == before - 3


def test_a_run_without_a_sealed_cell_has_rows_and_no_values(write_run):
    folder = write_run()
    shutil.rmtree(folder / "cells")
    found = frame.load(folder)
    assert len(found.rows) == 5
    assert found.values.empty and found.columns == []
    assert frame.summarise(found).empty


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
    assert str(caught.value) == f"{path}: training.lr: Field required"


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(UsageError, match="holds no run"):
        frame.load(tmp_path)
