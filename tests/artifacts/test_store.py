import json
import re
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from akl_bench.errors import UsageError
from akl_bench.artifacts import store
from akl_bench.artifacts.store import Cell, Run, broken_files, read_seal, seal

RECORD = {"cell": {"objective": "akl"}, "tasks": {"t": {"metrics": {"m": {"value": 0.5}}}}}
CELLS = [{"objective": "akl", "student": "tiny", "seed": 1, "name": "akl-tiny-s1-01234567"}]


@pytest.fixture
def cell(tmp_path):
    """The folder of a sealed cell."""
    folder = tmp_path / "cell"
    (folder / "student").mkdir(parents=True)
    (folder / "student" / "weights").write_bytes(bytes(range(256)))
    (folder / "metrics.json").write_text("{}")
    (folder / "log.txt").write_text("scratch")
    (folder / ".x.json.123.tmp").write_text("what a killed write left")
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "step-1").write_text("scratch")
    seal(folder, RECORD)
    return folder


@given(
    objective=st.text(min_size=1, max_size=200),
    student=st.from_regex(r"[A-Za-z0-9_-]{1,24}", fullmatch=True) | st.just(""),
    seed=st.integers(0, 2**31 - 1),
)
def test_a_cell_s_folder_is_a_short_plain_name_inside_the_run(tmp_path_factory, **parts):
    run = Run(tmp_path_factory.getbasetemp() / "run")
    cell = Cell(**parts, protocol="0" * 64, fingerprint="0123456789" * 6)
    assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}", cell.name)
    assert run.cell_folder(cell).resolve().parent == run.cells.resolve()


def test_a_cell_is_told_apart_by_its_fingerprint_and_named_for_people():
    one = Cell("akl(mu=0.5)", "tiny", 3, "p", "a" * 64)
    other = Cell("akl(mu=0.5)", "tiny", 3, "p", "b" * 64)
    assert (one.name, other.name) == ("akl-mu-0.5-tiny-s3-aaaaaaaa", "akl-mu-0.5-tiny-s3-bbbbbbbb")
    assert one.label == "akl(mu=0.5), tiny, seed 3"


def test_a_seal_holds_the_record_and_every_file_but_scratch(cell):
    record = read_seal(cell)
    assert {key: record[key] for key in RECORD} == RECORD
    assert sorted(record["files"]) == ["metrics.json", "student/weights"]
    assert broken_files(cell, record) == []
    shutil.rmtree(cell / "checkpoints")
    assert broken_files(cell, record) == []


def test_a_flipped_bit_breaks_a_seal_wherever_it_is(cell):
    path = cell / "seal.json"
    content = path.read_bytes()
    for position in range(len(content)):
        flipped = bytearray(content)
        flipped[position] ^= 1 << position % 8
        path.write_bytes(flipped)
        # White space between values carries nothing.
        assert read_seal(cell) is None or json.loads(flipped) == json.loads(content), position


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"7", b'{"x": NaN}', b"\xff", b"{}"])
def test_what_is_no_seal_is_none(cell, content):
    (cell / "seal.json").write_bytes(content)
    assert read_seal(cell) is None


def test_a_cut_seal_is_none(cell):
    path = cell / "seal.json"
    content = path.read_bytes()
    for size in range(len(content) - 1):
        path.write_bytes(content[:size])
        assert read_seal(cell) is None


def test_an_edited_record_breaks_the_seal(cell):
    path = cell / "seal.json"
    path.write_text(path.read_text().replace("0.5", "0.9"))
    assert read_seal(cell) is None


def test_a_file_that_changed_or_went_is_named(cell):
    record = read_seal(cell)
    (cell / "student" / "weights").write_bytes(bytes(range(255)) + b"\xfe")
    assert broken_files(cell, record) == ["student/weights"]
    (cell / "metrics.json").unlink()
    assert broken_files(cell, record) == ["metrics.json", "student/weights"]


def test_a_seal_of_another_schema_is_none(cell, monkeypatch):
    monkeypatch.setattr(store, "SCHEMA", store.SCHEMA + 1)
    assert read_seal(cell) is None


def test_a_run_is_read_back_with_the_state_of_its_cells(tmp_path, cell):
    run = Run(tmp_path / "run")
    assert not run.exists()
    names = ["sealed-1", "begun-1", "waiting-1"]
    run.write(
        {"profile": {}, "protocol": "p", "cells": [{**CELLS[0], "name": name} for name in names]}
    )
    (run.cells / "begun-1").mkdir(parents=True)
    shutil.copytree(cell, run.cells / "sealed-1")
    assert run.exists()
    assert [(c["name"], state) for c, state in run.states()] == [
        ("sealed-1", "sealed"),
        ("begun-1", "begun"),
        ("waiting-1", "waiting"),
    ]


def whole(**changes):
    return {"schema": 1, "profile": {}, "protocol": "p", "cells": CELLS} | changes


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (json.dumps(whole())[:-20], "run.json is damaged"),
        ("", "run.json is damaged"),
        ("[]", "was written with schema None"),
        ("{}", "was written with schema None"),
        (json.dumps(whole(schema=99)), "was written with schema 99; this version reads 1"),
        (json.dumps(whole(profile=None)), "run.json is damaged: keys are missing or wrong"),
        (json.dumps(whole(protocol=7)), "run.json is damaged: keys are missing or wrong"),
        (json.dumps(whole(cells={})), "run.json is damaged: keys are missing or wrong"),
        (json.dumps(whole(cells=[1])), "run.json is damaged: keys are missing or wrong"),
        (json.dumps(whole(cells=[{"name": "x"}])), "run.json is damaged: keys are missing"),
        *(
            (json.dumps(whole(cells=[CELLS[0] | {"name": name}])), "run.json is damaged: keys")
            for name in ("../x", "/etc", "a/b", "..", ".hidden", "", "x" * 81, "x\n")
        ),
    ],
)
def test_a_damaged_run_is_said_to_be_one(tmp_path, content, said):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(UsageError) as caught:
        Run(tmp_path).read()
    assert said in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_a_folder_without_a_run_is_answered_with_the_runs_beside_it(tmp_path):
    Run(tmp_path / "one").write({})
    for asked in (tmp_path / "two", tmp_path):
        with pytest.raises(UsageError, match=rf"holds no run.*Runs here: {tmp_path / 'one'}"):
            Run(asked).read()
    with pytest.raises(UsageError, match="Runs here: none"):
        Run(tmp_path / "one" / "two").read()
