import json

import pytest

from akl_bench.data.records import Record, load_records, load_rows
from akl_bench.errors import DataError, UsageError
from akl_bench.tasks import DataSource


@pytest.fixture
def source(tmp_path):
    """Write rows to a file; gives its source."""

    def write(*rows, **options):
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return DataSource(path=str(path), **options)

    return write


def row(**changes):
    return {"id": "a", "instruction": "Say it.", "input": "this", "output": "it"} | changes


def test_a_record_is_read_as_it_stands(source):
    records = load_records(
        source(
            row(),
            row(id="b", output=["one", "two"]),
            row(id="c", output="one", references=["two", "one"]),
            {"instruction": "Go.", "output": ""},
        ),
        "data.train",
    )
    assert records == [
        Record("a", "Say it.", "this", ("it",)),
        Record("b", "Say it.", "this", ("one", "two")),
        Record("c", "Say it.", "this", ("one", "two")),
        Record("line-4", "Go.", "", ("",)),
    ]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"id": "a", "output": "x"}, "instruction: is missing"),
        (row(instruction=None), "instruction: expected text, got None"),
        (row(instruction=7), "instruction: expected text, got 7"),
        (row(instruction=" \n"), "instruction: is empty"),
        (row(input=None), "input: expected text, got None"),
        ({"id": "a", "instruction": "x"}, "output: is missing"),
        (row(output=None), "output: expected text or a list of texts, got None"),
        (row(output=[]), "output: expected text or a list of texts, got []"),
        (row(output=["x", 1]), "output: expected text or a list of texts, got ['x', 1]"),
        (row(references="abc"), "references: expected a list of texts, got 'abc'"),
        (row(references=5), "references: expected a list of texts, got 5"),
    ],
)
def test_a_wrong_row_is_named_with_line_and_field(source, wrong, said):
    place = source(row(id="first"), wrong)
    with pytest.raises(DataError) as caught:
        load_records(place, "data.train")
    assert caught.value.problems == [f"{place.path}:2: {said}"]


def test_every_field_of_every_row_is_reported_at_once(source):
    with pytest.raises(DataError) as caught:
        load_records(source({"id": "a"}, {"id": "b"}), "data.train")
    assert len(caught.value.problems) == 4


def test_a_relative_path_starts_from_the_root(source, tmp_path):
    source(row())
    place = DataSource(path="rows.jsonl")
    assert len(load_records(place, "data.train", root=str(tmp_path))) == 1


@pytest.mark.parametrize(
    ("place", "root", "said"),
    [
        ({"path": "absent.jsonl"}, ".", "data.train.path: there is no file absent.jsonl"),
        ({"path": "."}, ".", "data.train.path: there is no file"),
        ({"path": "x"}, "~nobody_of_this_name", "~nobody_of_this_name"),
        ({"path": "absent.jsonl", "hub": {"name": "me/data"}}, ".", "needs --online; add it"),
        ({"hub": {"name": "me/data"}}, ".", "the hub data set me/data needs --online"),
    ],
)
def test_a_source_that_is_not_there_says_which_key_to_set(place, root, said):
    with pytest.raises(UsageError) as caught:
        load_records(DataSource(**place), "data.train", root=root)
    assert said in str(caught.value)


def test_the_microworld_is_cut_like_a_file():
    whole = DataSource(source="microworld", split="test", rows=8, seed=3)
    part = DataSource(source="microworld", split="test", rows=3, skip=5, seed=3)
    assert load_records(part, "x") == load_records(whole, "x")[5:]


def test_rows_of_another_shape_pass_without_the_check_of_records(source):
    assert load_rows(source({"id": "a", "query": "?"}), "x") == [{"id": "a", "query": "?"}]
