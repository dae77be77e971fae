"""Strict JSONL: every problem is reported with its file and line, and nothing is retyped."""

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from akl_bench.errors import DataError, UsageError

_MAX_LINE_BYTES = 8 * 1024 * 1024
_MAX_DEPTH = 64
_MAX_PROBLEMS = 1000

Check = Callable[[dict[str, Any]], list[str]]


def read_rows(
    path: Path, *, check: Check | None = None, limit: int | None = None, skip: int = 0
) -> list[dict[str, Any]]:
    """Read the JSON objects of a file, one per line, each checked for a unique text `id`.

    A row without `id` gets its line number as one. Strings stay strings, whatever they look like.

    Args:
        path: UTF-8 JSONL; a byte-order mark and empty lines are accepted.
        check: Says what else is wrong with a row, each problem as `field: what`.
        limit: At most this many rows.
        skip: Leave that many rows out first.

    Raises:
        UsageError: The file cannot be opened.
        DataError: Bad encoding, bad JSON, a row that is no object, a duplicate key or id, or no row
            at all; lists every problem as `file:line: field: what`.
    """
    rows: list[dict[str, Any]] = []
    problems: list[str] = []
    lines_by_id: dict[str, int] = {}
    for number, line in _lines(path, problems):
        try:
            row = json.loads(line, object_pairs_hook=_unique_keys, parse_constant=_refuse_constant)
            _check(row)
        except RecursionError:
            problems.append(f"{path}:{number}: nested deeper than {_MAX_DEPTH} levels")
        except json.JSONDecodeError as error:
            problems.append(f"{path}:{number}: not JSON at column {error.colno}: {error.msg}")
        except ValueError as error:
            problems.append(f"{path}:{number}: {error}")
        else:
            row_id = row.setdefault("id", f"line-{number}")
            if not isinstance(row_id, str):
                problems.append(f"{path}:{number}: id: expected text, got {_kind(row_id)}")
            elif row_id in lines_by_id:
                first = lines_by_id[row_id]
                problems.append(f"{path}:{number}: id: {row_id!r} is already on line {first}")
            else:
                lines_by_id[row_id] = number
                wrong = check(row) if check else []
                problems.extend(f"{path}:{number}: {problem}" for problem in wrong)
                rows.append(row)
        if len(problems) >= _MAX_PROBLEMS:
            break
    if problems:
        raise DataError(problems)
    if not rows:
        raise DataError([f"{path}: no rows; the file is empty"])
    selected = rows[skip:] if limit is None else rows[skip : skip + limit]
    if not selected:
        raise DataError([f"{path}: {len(rows)} rows, and skip={skip} leaves none of them"])
    return selected


def _lines(path: Path, problems: list[str]) -> Iterator[tuple[int, str]]:
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(iter(lambda: file.readline(_MAX_LINE_BYTES + 1), b""), 1):
                if len(raw) > _MAX_LINE_BYTES:
                    problems.append(f"{path}:{number}: line longer than {_MAX_LINE_BYTES} bytes")
                    return
                if number == 1:
                    raw = raw.removeprefix(b"\xef\xbb\xbf")
                try:
                    line = raw.decode("utf-8").strip(" \t\r\n")
                except UnicodeDecodeError as error:
                    problems.append(
                        f"{path}:{number}: not UTF-8 at byte {error.start} of the line "
                        f"(0x{raw[error.start]:02x}); save the file as UTF-8"
                    )
                    continue
                if line:
                    yield number, line
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}.") from error


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"{twice}: the key appears twice")
    return row


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _check(row: Any) -> None:
    if not isinstance(row, dict):
        raise ValueError(f"expected an object, got {_kind(row)}")
    stack: list[tuple[Any, str, int]] = [(row, "", 0)]
    while stack:
        value, field, depth = stack.pop()
        if depth > _MAX_DEPTH:
            raise ValueError(f"{field}: nested deeper than {_MAX_DEPTH} levels")
        if isinstance(value, dict):
            stack += [(key, "a key", depth) for key in value]
            stack += [(inner, field or key, depth + 1) for key, inner in value.items()]
        elif isinstance(value, list):
            stack += [(inner, field, depth + 1) for inner in value]
        elif isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
            raise ValueError(f"{field}: a lone surrogate, which no encoding can write")
        elif isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{field}: a number too large")


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true/false"}
    return "null" if value is None else names.get(type(value), "a number")
