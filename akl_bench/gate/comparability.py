"""Whether two runs measured the same thing, and what changed otherwise."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TypeVar

from akl_bench.artifacts.cells import Key
from akl_bench.artifacts.keys import differences
from akl_bench.gate.snapshot import Snapshot
from akl_bench.report.frame import Column

T = TypeVar("T")


def of_columns(baseline: Snapshot, candidate: Snapshot) -> dict[Key, list[str]]:
    """In what the columns that both runs have were measured otherwise, one line each."""
    return {
        one.key: list(differences(baseline.protocol(one), candidate.protocol(other)))
        for one, other in _shared_columns(baseline, candidate)
    }


def _shared_columns(baseline: Snapshot, candidate: Snapshot) -> list[tuple[Column, Column]]:
    others = {column.key: column for column in candidate.columns}
    return [(one, others[one.key]) for one in baseline.columns if one.key in others]


def made_with(baseline: Snapshot, candidate: Snapshot) -> Iterator[str]:
    """In what libraries and kind of machine two runs differ; bits depend on them."""
    # A run that trains less may do without a library.
    known = sorted(baseline.libraries.keys() & candidate.libraries.keys())
    before, now = (
        {
            "libraries": {name: run.libraries[name] for name in known},
            "environment": " and ".join(map(str, run.environments)),
        }
        for run in (baseline, candidate)
    )
    if candidate.environments:
        yield from differences(before, now)


def summary(by_column: Mapping[Key, Sequence[str]]) -> Iterator[str]:
    """Every line once, with the tasks or metrics that it is about where these are not all."""
    for line, keys in _by_line(by_column).items():
        names: dict[str, None] = {}
        for task, metric in keys:
            whole = all(key in keys for key in by_column if key[0] == task)
            names[task if whole else f"{task}/{metric}"] = None
        yield _about(line, names, everything=len(keys) == len(by_column))


def changes(baseline: Snapshot, candidate: Snapshot) -> list[str]:
    """What the candidate is about: everything that may differ and does, one line each."""
    others = {row.name: row for row in candidate.rows if any(row.weights)}
    training = {
        row.name: list(
            differences(
                {**baseline.subject, **row.own},
                {**candidate.subject, **others[row.name].own},
            )
        )
        for row in baseline.rows
        if row.name in others
    }
    measuring = {
        one.key: ["code of sampling or scoring"] if one.code != other.code else []
        for one, other in _shared_columns(baseline, candidate)
    }
    return [
        *(
            _about(line, rows, everything=len(rows) == len(training))
            for line, rows in _by_line(training).items()
        ),
        *summary(measuring),
        *made_with(baseline, candidate),
    ]


def _by_line(lines: Mapping[T, Sequence[str]]) -> dict[str, list[T]]:
    keys: dict[str, list[T]] = {}
    for key, line in ((key, line) for key, of_key in lines.items() for line in of_key):
        keys.setdefault(line, []).append(key)
    return keys


def _about(line: str, names: Collection[str], *, everything: bool) -> str:
    return line if everything else f"{line} ({', '.join(names)})"
