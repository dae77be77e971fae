import json
import re
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from akl_bench.artifacts import store
from akl_bench.artifacts.files import write_json
from akl_bench.artifacts.records import CellRecord, Made, RunRecord, Shared
from akl_bench.artifacts.store import (
    Artifact,
    CellFolder,
    Run,
    broken_files,
    cell_name,
    folder_name,
    read_lines,
    read_seal,
)
from akl_bench.config import load
from akl_bench.errors import UsageError

MADE = Made(
    akl_bench="0.1.0",
    libraries={"torch": "2.13.0"},
    device="cpu",
    machine="x86_64",
    threads=1,
    seconds=0.5,
    peak_memory_mib=9,
)


def make(artifact, **about):
    with artifact.make(lambda seconds: MADE) as making:
        (making.folder / "model").mkdir()
        (making.folder / "model" / "weights").write_bytes(bytes(range(256)))
        (making.folder / "rows.jsonl").write_text('{"id": 1}\n')
        making.record = Shared(about=about)
    return artifact


@pytest.fixture
def artifact(tmp_path):
    """A sealed artifact."""
    return make(Artifact(tmp_path / "thing", {"lr": 0.5, "data": "a" * 64}), rows=7)


@given(
    objective=st.text(min_size=1, max_size=200),
    student=st.from_regex(r"[A-Za-z0-9_-]{1,24}", fullmatch=True) | st.just(""),
    seed=st.integers(0, 2**31 - 1),
)
def test_a_cell_s_folder_is_a_short_plain_name(objective, student, seed):
    name = cell_name(objective, student, seed, "0123456789" * 6)
    assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}", name)


def test_a_cell_is_told_apart_by_its_key_and_named_for_people():
    assert cell_name("akl(mu=0.5)", "tiny", 3, "a" * 64) == "akl-mu-0.5-tiny-s3-aaaaaaaa"
    record = CellRecord(objective="akl", student="tiny", seed=3, kind="trained", name="x")
    assert record.label == "akl, tiny, seed 3"


@given(one=st.text(max_size=99), other=st.text(max_size=99))
def test_names_of_folders_are_plain_and_as_different_as_what_they_name(one, other):
    assert re.fullmatch(r"[A-Za-z0-9_.-]*", folder_name(one))
    assert ".." not in folder_name("../../etc") and "/" not in folder_name("a/b")
    assert (folder_name(one) == folder_name(other)) == (one == other)


def test_a_plain_name_stays_as_it_is():
    assert folder_name("rouge_l") == "rouge_l"
    assert folder_name("distinct_n(n=2)").startswith("distinct_n-n-2-")


def test_a_seal_holds_the_fields_the_record_and_every_file(artifact):
    seal = artifact.sealed()
    assert seal.fields == artifact.fields and seal.key == artifact.key
    assert seal.record == Shared(about={"rows": 7})
    assert sorted(seal.files) == ["model/weights", "rows.jsonl"]
    assert seal.made == MADE
    assert broken_files(artifact.folder, seal) == []
    assert artifact.whole() == seal


def test_another_key_is_another_artifact(artifact):
    other = Artifact(artifact.folder, {**artifact.fields, "lr": 0.25})
    assert other.sealed() is None and other.whole() is None
    assert artifact.whole() is not None, "what lies there stays until it is replaced"
    make(other)
    assert artifact.sealed() is None and other.sealed() is not None


def test_a_folder_appears_with_its_seal_or_not_at_all(tmp_path):
    artifact = Artifact(tmp_path / "thing", {"x": 1})
    with pytest.raises(ZeroDivisionError), artifact.make(lambda seconds: MADE) as making:
        (making.folder / "half").write_text("x")
        raise ZeroDivisionError
    assert not artifact.folder.exists()
    assert make(artifact).sealed() is not None
    assert "half" not in artifact.sealed().files


def test_the_seconds_of_making_reach_the_seal(tmp_path):
    artifact = Artifact(tmp_path / "thing", {})
    told = []
    with artifact.make(lambda seconds: told.append(seconds) or MADE) as making:
        making.record = Shared()
    assert len(told) == 1 and 0 <= told[0] < 60


def test_a_file_that_grows_is_kept_by_key(tmp_path):
    one, other = (Artifact(tmp_path / "thing", {"x": x}) for x in (1, 2))
    assert one.part != other.part and one.part.parent == tmp_path
    assert one.part.name.startswith("."), "no artifact is taken for it"


def test_a_flipped_bit_breaks_a_seal_wherever_it_is(artifact):
    path = artifact.folder / "seal.json"
    content = path.read_bytes()
    for position in range(len(content)):
        flipped = bytearray(content)
        flipped[position] ^= 1 << position % 8
        path.write_bytes(flipped)
        # White space between values carries nothing.
        same = read_seal(artifact.folder) is None or json.loads(flipped) == json.loads(content)
        assert same, position


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"7", b'{"x": NaN}', b"\xff", b"{}"])
def test_what_is_no_seal_is_none(artifact, content):
    (artifact.folder / "seal.json").write_bytes(content)
    assert read_seal(artifact.folder) is None


def test_a_cut_seal_is_none(artifact):
    path = artifact.folder / "seal.json"
    content = path.read_bytes()
    for size in range(len(content) - 1):
        path.write_bytes(content[:size])
        assert read_seal(artifact.folder) is None


def test_an_edited_record_breaks_the_seal(artifact):
    path = artifact.folder / "seal.json"
    path.write_text(path.read_text().replace('"rows": 7', '"rows": 8'))
    assert read_seal(artifact.folder) is None


def test_a_seal_of_another_schema_is_none(artifact):
    content = json.loads((artifact.folder / "seal.json").read_text())
    content.pop("sha256")
    content["schema_version"] = store.SCHEMA + 1
    write_json(artifact.folder / "seal.json", {**content, "sha256": store.digest(content)})
    assert read_seal(artifact.folder) is None


def test_files_that_changed_or_went_are_named_and_the_artifact_is_set_aside(artifact):
    seal = artifact.sealed()
    (artifact.folder / "model" / "weights").write_bytes(bytes(range(255)) + b"\xfe")
    assert broken_files(artifact.folder, seal) == ["model/weights"]
    (artifact.folder / "rows.jsonl").unlink()
    assert broken_files(artifact.folder, seal) == ["model/weights", "rows.jsonl"]
    assert artifact.whole() is None
    assert not artifact.folder.exists()
    assert (artifact.folder.parent / ".thing.corrupt" / "seal.json").exists()


def test_rows_are_read_as_they_were_sealed_or_not_at_all(artifact):
    seal = artifact.sealed()
    assert read_lines(artifact.folder, seal, "rows.jsonl") == [{"id": 1}]
    assert read_lines(artifact.folder, seal, "other.jsonl") == []
    (artifact.folder / "rows.jsonl").write_text('{"id": 2}\n')
    with pytest.raises(UsageError, match=r"rows.jsonl is not what was sealed"):
        read_lines(artifact.folder, seal, "rows.jsonl")
    (artifact.folder / "rows.jsonl").unlink()
    assert read_lines(artifact.folder, seal, "rows.jsonl") == [], "copied without it"


def test_a_cell_s_artifacts_have_places_of_their_own(tmp_path):
    cell = CellFolder(tmp_path)
    places = [cell.student, cell.completions("t"), cell.scores("t", "m"), cell.checkpoints]
    assert len({str(place.relative_to(tmp_path)) for place in places}) == 4
    assert cell.model.parent == cell.student


CELL = {"objective": "akl", "student": "tiny", "seed": 1, "kind": "trained", "name": "akl-s1"}


def whole(**changes):
    record = RunRecord(profile=load("micro"), cells=[CellRecord(**CELL)], completions={}, scores={})
    return {**record.model_dump(mode="json"), **changes}


def test_a_run_is_read_back(tmp_path):
    run = Run(tmp_path / "run")
    assert not run.exists()
    run.write(RunRecord.model_validate(whole()))
    assert run.exists()
    assert run.read() == RunRecord.model_validate(whole())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (json.dumps(whole())[:-20], "run.json is damaged"),
        ("", "run.json is damaged"),
        ("[]", "was written with schema None"),
        ("{}", "was written with schema None"),
        ('{"schema": 1}', "was written with schema 1; this version reads 2. Give the same command"),
        (json.dumps(whole(schema_version=99)), "was written with schema 99; this version reads 2"),
        (json.dumps(whole(profile=None)), "run.json is damaged: profile"),
        (json.dumps(whole(cells={})), "run.json is damaged: cells"),
        (json.dumps(whole(cells=[1])), "run.json is damaged: cells.0"),
        (json.dumps(whole(cells=[{"name": "x"}])), "run.json is damaged: cells.0"),
        (json.dumps(whole(extra=1)), "run.json is damaged: unknown key extra"),
        *(
            (json.dumps(whole(cells=[CELL | {"name": name}])), "run.json is damaged: cells.0.name")
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
    Run(tmp_path / "one").write(RunRecord.model_validate(whole()))
    for asked in (tmp_path / "two", tmp_path):
        with pytest.raises(UsageError, match=rf"holds no run.*Runs here: {tmp_path / 'one'}"):
            Run(asked).read()
    with pytest.raises(UsageError, match="Runs here: none"):
        Run(tmp_path / "one" / "two").read()


def test_rows_of_a_task_are_read_where_the_run_has_them(tmp_path):
    run = Run(tmp_path)
    assert run.task_rows("quiz") == []
    folder = run.shared / "rows-quiz-01234567"
    folder.mkdir(parents=True)
    (folder / "rows.jsonl").write_text('{"id": "a"}\n')
    assert run.task_rows("quiz") == [{"id": "a"}]
    shutil.rmtree(folder)
    assert run.task_rows("quiz") == []
