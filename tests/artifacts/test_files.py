import json
import os
import re

import pytest

from akl_bench.artifacts import files
from akl_bench.errors import UsageError

ROWS = [{"id": f"row-{i}", "text": "\u00e9\u2028\n" * (i % 3), "x": [i]} for i in range(20)]


class _Cut(Exception):
    """The moment at which the process is gone."""


@pytest.fixture
def cut_at(monkeypatch):
    """Let the n-th call of a file-system function be the end."""

    def arm(owner, name, call=1):
        original, left = getattr(owner, name), [call]

        def guarded(*arguments, **keywords):
            left[0] -= 1
            if left[0] == 0:
                raise _Cut
            return original(*arguments, **keywords)

        monkeypatch.setattr(owner, name, guarded)

    return arm


def tree(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_is_written_is_read_back_and_nothing_else_is_left(tmp_path):
    value = {"b": [1, 2.5, None, True], "a": "\u00e9\u2028"}
    files.write_json(tmp_path / "x.json", value)
    assert files.read_json(tmp_path / "x.json") == value
    assert list(files.read_json(tmp_path / "x.json")) == ["b", "a"]
    files.write_jsonl(tmp_path / "x.jsonl", ROWS)
    assert files.read_jsonl(tmp_path / "x.jsonl") == ROWS
    assert tree(tmp_path) == ["x.json", "x.jsonl"]


@pytest.mark.parametrize(("owner", "name"), [(os, "fsync"), (files.Path, "replace")])
def test_a_write_that_is_cut_leaves_the_old_content(tmp_path, cut_at, owner, name):
    path = tmp_path / "x.json"
    files.write_json(path, "old")
    cut_at(owner, name)
    with pytest.raises(_Cut):
        files.write_json(path, "new")
    assert files.read_json(path) == "old"
    assert tree(tmp_path) == ["x.json"], "nothing is left that fills the disk"


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"x": -float("inf")}])
def test_no_number_that_is_none_reaches_a_file(tmp_path, value):
    for write in (files.write_json, lambda path, value: files.write_jsonl(path, [{"x": value}])):
        with pytest.raises(ValueError, match="not JSON compliant"):
            write(tmp_path / "x", value)
    assert tree(tmp_path) == []


def test_a_torn_file_is_the_same_after_recovery_wherever_it_was_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # two thousand of them take long
    path = tmp_path / "x.jsonl"
    lines = [json.dumps(row) + "\n" for row in ROWS]
    whole = "".join(lines).encode()
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        rows = files.recover_jsonl(path)
        assert rows == ROWS[: len(rows)]
        assert len(rows) == whole[:size].count(b"\n")
        files.append_jsonl(path, ROWS[len(rows) :])
        assert path.read_bytes() == whole


@pytest.mark.parametrize("torn", [b"[1]\n", b"7\n", b'{"id": \n', b"\xff\n", b"\0" * 4096 + b"\n"])
def test_recovery_goes_on_before_the_first_line_that_is_no_row(tmp_path, torn):
    path = tmp_path / "x.jsonl"
    files.write_jsonl(path, ROWS[:2])
    good = path.read_bytes()
    path.write_bytes(good + torn + b'{"id": "late"}\n')
    assert files.recover_jsonl(path) == ROWS[:2]
    assert path.read_bytes() == good


def test_recovery_of_nothing_is_nothing(tmp_path):
    assert files.recover_jsonl(tmp_path / "absent.jsonl") == []


def test_a_new_folder_appears_whole_and_replaces_the_old_one(tmp_path):
    target = tmp_path / "x"
    target.mkdir()
    (target / "old").write_text("old")
    with files.new_folder(target) as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "new").write_text("new")
        assert tree(target) == ["old"]
    assert tree(target) == ["sub"]
    assert (target / "sub" / "new").read_text() == "new"
    assert tree(tmp_path) == ["x"]


def test_a_new_folder_that_is_cut_leaves_the_old_one_and_is_begun_again(tmp_path):
    target = tmp_path / "x"
    with files.new_folder(target) as folder:
        (folder / "old").write_text("old")
    with pytest.raises(_Cut), files.new_folder(target) as folder:
        (folder / "half").write_text("ha")
        raise _Cut
    assert tree(target) == ["old"]
    with files.new_folder(target) as folder:
        assert tree(folder) == []
    assert tree(tmp_path) == ["x"]


def test_a_nested_mapping_is_flattened_and_lists_stay():
    nested = {"a": {"b": 1, "c": {"d": [1, {"e": 2}]}}, 3: None}
    assert files.flat(nested) == {"a.b": 1, "a.c.d": [1, {"e": 2}], "3": None}


def test_digests(tmp_path):
    # By coreutils: printf '{"a": 1}' | sha256sum; head -c 3000000 /dev/zero | sha256sum
    known = "f9d86028c6e0d64e225186f96acb69338b2c59764df79162107f5c4bb34d1310"
    assert files.digest({"a": 1}) == known
    (tmp_path / "zeros").write_bytes(bytes(3_000_000))
    known = "35bce4eae54ec8e6cc2868baa8d157914d6ae2858811b4cc0c078c94460fa26f"
    assert files.file_digest(tmp_path / "zeros") == known
    assert files.digest({"a": 1, "b": [1.5, "x"]}) == files.digest({"b": [1.5, "x"], "a": 1})
    assert files.digest([1, 2]) != files.digest([2, 1])
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.digest(float("nan"))


@pytest.mark.parametrize("content", [b"", b'{"x": 1', b"\xff", b'{"x": 1}\n{"x": \n'])
@pytest.mark.parametrize("read", [files.read_json, files.read_jsonl])
def test_a_file_of_ours_that_was_damaged_is_named(tmp_path, read, content):
    path = tmp_path / "x"
    path.write_bytes(content)
    if read is files.read_jsonl and not content:
        assert read(path) == []
        return
    with pytest.raises(UsageError, match=re.escape(f"{path} is damaged: ")):
        read(path)
