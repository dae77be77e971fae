"""Whether two runs measured the same thing, and what changed otherwise."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from akl_bench.gate.snapshot import Row, Snapshot

_ABSENT = "absent"
_LONG = 60


def differing_fields(
    baseline: Snapshot, candidate: Snapshot, *, exact: bool
) -> dict[tuple[str, ...], list[str]]:
    """Fields of the measurement that differ, one line each, by what they make incomparable.

    Keys are () for everything, (task,) for a task and (task, metric) for a metric. With `exact`
    the kind of machine and the libraries are part of the measurement, because bits depend on them.
    """
    found: dict[tuple[str, ...], list[str]] = {}

    def add(scope: tuple[str, ...], lines: Iterable[str]) -> None:
        if lines := list(lines):
            found[scope] = lines

    general = list(_differences(baseline.measurement, candidate.measurement))
    if exact:
        general += _environment(baseline, candidate)
        general += [line for line in _subject(baseline, candidate) if line.startswith("libraries.")]
    add((), general)
    for task in baseline.tasks.keys() & candidate.tasks.keys():
        prefix = f"tasks.{task}."
        add((task,), _differences(baseline.tasks[task], candidate.tasks[task], prefix))
    columns = {column.key: column for column in candidate.columns}
    for column in baseline.columns:
        other = columns.get(column.key)
        if other is not None:
            about = {"signature": column.signature, "direction": column.direction}
            now = {"signature": other.signature, "direction": other.direction}
            add(column.key, _differences(about, now, f"{column.task}/{column.metric}: "))
    return found


def changes(baseline: Snapshot, candidate: Snapshot) -> list[str]:
    """What the candidate is about: everything that may differ and does, one line each."""
    lines = _subject(baseline, candidate) + _environment(baseline, candidate)
    if lines:
        return lines
    others = {row.key: row for row in candidate.rows}
    # The file of an objective is hashed for that objective alone.
    return [
        f"the file of {row.name}"
        for row in baseline.rows
        if row.key in others and _other_fingerprint(row, others[row.key])
    ]


def _other_fingerprint(row: Row, other: Row) -> bool:
    now = dict(zip(other.seeds, other.fingerprints, strict=True))
    before = dict(zip(row.seeds, row.fingerprints, strict=True))
    return any(before[seed] != now[seed] for seed in before.keys() & now.keys())


def _subject(baseline: Snapshot, candidate: Snapshot) -> list[str]:
    return list(_differences(baseline.subject, candidate.subject))


def _environment(baseline: Snapshot, candidate: Snapshot) -> list[str]:
    if baseline.environments == candidate.environments or not candidate.environments:
        return []
    before, now = (
        " and ".join(", ".join(f"{k} {v}" for k, v in machine.items()) for machine in machines)
        for machines in (baseline.environments, candidate.environments)
    )
    return [f"environment: {before} -> {now}"]


def _differences(
    before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = ""
) -> Iterator[str]:
    for key in dict.fromkeys([*before, *now]):
        one, two = before.get(key, _ABSENT), now.get(key, _ABSENT)
        if one != two:
            yield f"{prefix}{key}" + ("" if _is_hash(one) and _is_hash(two) else _arrow(one, two))


def _arrow(one: Any, two: Any) -> str:
    return f": {_short(one)} -> {_short(two)}"


def _short(value: Any) -> str:
    text = value[:12] if _is_hash(value) else str(value)
    return text if len(text) <= _LONG else f"{text[:_LONG]}..."


def _is_hash(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None
