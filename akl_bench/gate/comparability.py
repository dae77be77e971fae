"""Whether two runs measured the same thing, and what changed otherwise."""

from collections.abc import Iterator, Mapping, Sequence

from akl_bench.artifacts.cells import Key
from akl_bench.artifacts.keys import differences
from akl_bench.gate.snapshot import Column, Snapshot


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
    known = baseline.libraries.keys() & candidate.libraries.keys()
    before, now = (
        {
            "libraries": {name: run.libraries[name] for name in sorted(known)},
            "environment": " and ".join(map(str, run.environments)),
        }
        for run in (baseline, candidate)
    )
    if candidate.environments:
        yield from differences(before, now)


def summary(by_column: Mapping[Key, Sequence[str]]) -> Iterator[str]:
    """Every line once, with the tasks or metrics that it is about where these are not all."""
    columns: dict[str, list[Key]] = {}
    for key, lines in by_column.items():
        for line in lines:
            columns.setdefault(line, []).append(key)
    for line, keys in columns.items():
        names: dict[str, None] = {}
        for task, metric in keys:
            whole = all(key in keys for key in by_column if key[0] == task)
            names[task if whole else f"{task}/{metric}"] = None
        yield _about(line, list(names), everything=len(keys) == len(by_column))


def changes(baseline: Snapshot, candidate: Snapshot) -> list[str]:
    """What the candidate is about: everything that may differ and does, one line each."""
    others = {row.key: row for row in candidate.rows if any(row.weights)}
    shared = [(row, others[row.key]) for row in baseline.rows if row.key in others]
    names: dict[str, list[str]] = {}
    for row, other in shared:
        before, now = {**baseline.subject, **row.own}, {**candidate.subject, **other.own}
        for line in differences(before, now):
            names.setdefault(line, []).append(row.name)
    lines = [
        _about(line, rows, everything=len(rows) == len(shared)) for line, rows in names.items()
    ]
    measuring = {
        one.key: ["code of sampling or scoring"] if one.code != other.code else []
        for one, other in _shared_columns(baseline, candidate)
    }
    return [*lines, *summary(measuring), *made_with(baseline, candidate)]


def _about(line: str, names: Sequence[str], *, everything: bool) -> str:
    return line if everything else f"{line} ({', '.join(names)})"
