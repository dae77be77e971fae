"""Whether two runs measured the same thing, and what changed otherwise."""

from collections.abc import Iterator, Mapping, Sequence

from akl_bench.artifacts.cells import Key
from akl_bench.artifacts.keys import differences
from akl_bench.gate.snapshot import Snapshot
from akl_bench.report.frame import Column


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


def summary(by_key: Mapping[Key, Sequence[str]]) -> Iterator[str]:
    """Every line once, with the tasks or metrics that it is about where these are not all."""
    by_line: dict[str, list[Key]] = {}
    for key, line in ((key, line) for key, lines in by_key.items() for line in lines):
        by_line.setdefault(line, []).append(key)
    for line, keys in by_line.items():
        names: dict[str, None] = {}
        for task, metric in keys:
            whole = all(key in keys for key in by_key if key[0] == task)
            names[task if whole else f"{task}/{metric}"] = None
        yield line if len(keys) == len(by_key) else f"{line} ({', '.join(names)})"


def changes(baseline: Snapshot, candidate: Snapshot) -> list[str]:
    """What the candidate is about: everything that may differ and does, one line each."""
    others = {row.name: row for row in candidate.rows if any(row.weights)}
    training = {
        (row.name, ""): list(differences(baseline.subject | row.own, candidate.subject | other.own))
        for row in baseline.rows
        if (other := others.get(row.name))
    }
    measuring = {
        one.key: ["code of sampling or scoring"] if one.code != other.code else []
        for one, other in _shared_columns(baseline, candidate)
    }
    return [*summary(training), *summary(measuring), *made_with(baseline, candidate)]
