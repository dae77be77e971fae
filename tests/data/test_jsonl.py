import json
import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from akl_bench.data.jsonl import read_rows
from akl_bench.errors import DataError, UsageError

GOOD = b'{"id": "a", "x": "1"}\n'
# What a reader could make something else of.
ODD_TEXTS = ["2024-01-01", "2024-01-01T00:00:00Z", "1", "010", "1e5", "true", "null", "NaN", ""]
ODD_TEXTS += [" x ", "\u2028", "\u0085", "\0", "e\u0301", "\U0001f600", "\\u0041", "\r\n"]


@pytest.fixture
def write(tmp_path):
    def file(content):
        path = tmp_path / "rows.jsonl"
        path.write_bytes(content)
        return path

    return file


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", ": no rows; the file is empty"),
        (b"\n \n\xef\xbb\xbf", ":3: not JSON"),
        (GOOD + b'{"id": "b"', ":2: not JSON at column 11"),
        (GOOD + b"{'id': 'b'}", ":2: not JSON at column 2"),
        (GOOD + b'{"id": "b"} {"id": "c"}', ":2: not JSON at column 13: Extra data"),
        (GOOD + b"[1]", ":2: expected an object, got a list"),
        (GOOD + b'"id"', ":2: expected an object, got text"),
        (GOOD + b"null", ":2: expected an object, got null"),
        (GOOD + b"7", ":2: expected an object, got a number"),
        (GOOD + b'{"id": "a"}', ":2: id: 'a' is already on line 1"),
        (GOOD + b'{"id": "b", "x": 1, "x": 2}', ":2: x: the key appears twice"),
        (GOOD + b'{"id": "b", "y": {"x": 1, "x": 2}}', ":2: x: the key appears twice"),
        (GOOD + b'{"id": 1}', ":2: id: expected text, got a number"),
        (GOOD + b'{"id": null}', ":2: id: expected text, got null"),
        (GOOD + b'{"id": true}', ":2: id: expected text, got true/false"),
        (GOOD + b'{"id": "b", "x": NaN}', ":2: NaN is not JSON"),
        (GOOD + b'{"id": "b", "x": [-Infinity]}', ":2: -Infinity is not JSON"),
        (GOOD + b'{"id": "b", "x": [1e999]}', ":2: x: a number too large"),
        (GOOD + b'{"id": "b", "x": %s}' % (b"9" * 5000), ":2: Exceeds the limit"),
        (GOOD + b'{"id": "b", "x": "\\ud800"}', ":2: x: a lone surrogate"),
        (GOOD + b'{"id": "b", "\\udfff": 1}', ":2: a key: a lone surrogate"),
        (GOOD + b'{"id": "b", "x": "\x01"}', ":2: not JSON at column 19: Invalid control"),
        (GOOD + '{"id": "\u00e9"}'.encode("latin-1"), ":2: not UTF-8 at byte 8 of the line (0xe9)"),
        ('{"id": "a"}'.encode("utf-16"), ":1: not UTF-8 at byte 0 of the line (0xff)"),
        (GOOD + b'{"id": "\xed\xa0\x80"}', ":2: not UTF-8 at byte 8"),
        (GOOD + b"%s%s" % (b"[" * 100_000, b"]" * 100_000), ":2: nested deeper than 64 levels"),
        (
            GOOD + b'{"id": "b", "x": %s%s}' % (b"[" * 65, b"]" * 65),
            ":2: x: nested deeper than 64 levels",
        ),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(write, content, said):
    path = write(content)
    with pytest.raises(DataError) as caught:
        read_rows(path)
    assert caught.value.problems[0].startswith(f"{path}{said}")
    assert len(caught.value.problems) == 1


def test_a_file_that_cannot_be_opened_is_named(tmp_path):
    for path in (tmp_path, tmp_path / "absent.jsonl"):
        with pytest.raises(UsageError, match="cannot be read"):
            read_rows(path)


def test_every_problem_is_kept_and_the_first_twenty_are_shown(write):
    path = write(b'{"id": 1}\n' * 30)
    with pytest.raises(DataError) as caught:
        read_rows(path)
    assert len(caught.value.problems) == 30
    lines = str(caught.value).splitlines()
    assert lines[19].startswith(f"{path}:20: ")
    assert lines[20:] == ["... and 10 more problems"]


def test_a_huge_line_is_refused_without_reading_it_whole(tmp_path):
    path = tmp_path / "rows.jsonl"
    with path.open("wb") as file:
        file.truncate(1 << 30)  # sparse: a line of a gigabyte of zeros
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match=r":1: line longer than 8388608 bytes"):
        read_rows(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def test_a_mark_carriage_returns_and_empty_lines_are_accepted(write):
    path = write(b'\xef\xbb\xbf{"id": "a"}\r\n\r\n  {"x": "1"}  \r\n{"id": "b"}')
    assert read_rows(path) == [{"id": "a"}, {"x": "1", "id": "line-3"}, {"id": "b"}]


@pytest.mark.parametrize("ascii_only", [True, False])
def test_texts_stay_what_they_are(write, ascii_only):
    rows = [{"id": f"{i}", "x": text, "y": [text]} for i, text in enumerate(ODD_TEXTS)]
    lines = [json.dumps(row, ensure_ascii=ascii_only) for row in rows]
    assert read_rows(write("\n".join(lines).encode())) == rows


def test_types_stay_what_they_are(write):
    row = {"id": "a", "x": [1, 1.0, True, None, {"y": "1"}]}
    (kept,) = read_rows(write(json.dumps(row).encode()))
    assert [type(value) for value in kept["x"]] == [int, float, bool, type(None), dict]


def test_skip_and_limit_cut_in_the_order_of_the_file(write):
    path = write(b"".join(b'{"id": "%d"}\n' % i for i in range(5)))
    assert [row["id"] for row in read_rows(path, skip=1, limit=2)] == ["1", "2"]
    assert [row["id"] for row in read_rows(path, skip=4, limit=9)] == ["4"]
    with pytest.raises(DataError, match="5 rows, and skip=5 leaves none of them"):
        read_rows(path, skip=5)


def test_a_row_that_is_left_out_is_checked_all_the_same(write):
    path = write(b'{"id": "a"}\n{"id": "a"}\n')
    with pytest.raises(DataError, match="already on line 1"):
        read_rows(path, limit=1)


@given(st.binary(max_size=200) | st.text(max_size=60).map(str.encode))
def test_no_bytes_end_in_anything_but_rows_or_a_named_line(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "fuzz.jsonl"
    path.write_bytes(content)
    try:
        rows = read_rows(path)
    except DataError as error:
        assert all(problem.startswith(f"{path}:") for problem in error.problems)
    else:
        assert rows and all(isinstance(row["id"], str) for row in rows)
