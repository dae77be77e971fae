"""Numbers of papers and their repositories, and what sets their protocol apart from a run's."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field, ValidationError, model_validator

from akl_bench.config import ModelRef, Profile
from akl_bench.errors import UsageError
from akl_bench.strict import Strict, describe, read_yaml

ROUGE_L = "rouge_l"
_FILE = Path(__file__).with_name("published.yaml")


class Protocol(Strict):
    """How the numbers of a table were made, in the paper's own names."""

    student: str
    teacher: str
    train: str
    decoding: Literal["minillm", "other"]


class PublishedTable(Strict):
    """One table of a source: rows of one number, or [number, spread], per column.

    Numbers are as printed (ROUGE-L x 100); a spread is over the decoding seeds of one checkpoint.
    """

    title: str
    source: str
    verified: Literal["code", "paper", "thread"]
    caveat: str
    metric: str = ROUGE_L
    protocol: Protocol
    columns: tuple[str, ...] = Field(min_length=1)
    rows: dict[str, tuple[float | tuple[float, float] | None, ...]] = Field(min_length=1)

    @model_validator(mode="after")
    def _rows_are_full(self) -> "PublishedTable":
        for name, row in self.rows.items():
            if len(row) != len(self.columns):
                raise ValueError(f"rows.{name}: {len(row)} numbers for {len(self.columns)} columns")
        return self


class Published(Strict):
    """The registry."""

    names: dict[str, str]
    minillm: dict[str, Any]
    tables: dict[str, PublishedTable]
    seconds_per_sample: dict[str, float]


class PublishedRow(NamedTuple):
    """A published row as a table shows it: by task, (mean, spread)."""

    name: str
    title: str
    values: Mapping[str, tuple[float, float | None]]
    differences: list[str]


@cache
def load() -> Published:
    """The shipped registry.

    Raises:
        UsageError: The file is not what its schema says.
    """
    try:
        return Published.model_validate(read_yaml(_FILE))
    except ValidationError as error:
        raise UsageError(describe(error, str(_FILE), Published)) from error


def beside(profile: Profile) -> list[PublishedRow]:
    """The published rows that share a task and its ROUGE-L with a profile."""
    ours = {name for name, task in profile.tasks.items() if ROUGE_L in task.metrics}
    rows = []
    for table in load().tables.values():
        shared = [name for name in table.columns if name in ours]
        if table.metric != ROUGE_L or not shared:
            continue
        differences = differences_from(table, profile, shared)
        for name, row in table.rows.items():
            values = {
                task: value if isinstance(value, tuple) else (value, None)
                for task, value in zip(table.columns, row, strict=True)
                if task in ours and value is not None
            }
            if values:
                rows.append(PublishedRow(name, table.title, values, differences))
    return rows


def differences_from(table: PublishedTable, profile: Profile, tasks: list[str]) -> list[str]:
    """What keeps a published table from being compared with a profile's numbers."""
    registry, protocol = load(), table.protocol
    train = profile.data.train
    ours = {
        "student": {name for ref in profile.students.values() for name in _names_of(ref)},
        "teacher": _names_of(profile.teacher),
        "train": {train.hub.name} if train.hub and not train.path else {train.path or "microworld"},
    }
    differences = []
    for field, names in ours.items():
        theirs = getattr(protocol, field)
        if registry.names.get(theirs, theirs) not in names:
            differences.append(f"{field} {theirs}, not {' or '.join(sorted(names))}")
    if protocol.decoding == "minillm":
        for name in tasks:
            spec = profile.tasks[name].generation.model_dump()
            differences += [
                f"{name} {key} {value}, not {spec[key]}"
                for key, value in registry.minillm.items()
                if spec[key] != value
            ]
    if profile.smoke or profile.dry_models:
        differences.append("this is a smoke run or has dry models")
    return differences


def _names_of(ref: ModelRef) -> set[str]:
    made = {"teacher": "layers of the teacher", "random": "a random start"}
    return {made.get(ref.source) or ref.name or ref.path or ref.source}


def footnotes_on(rows: list[PublishedRow]) -> list[str]:
    """What published rows are, and what keeps each table from being compared."""
    if not rows:
        return ["no published number is about a task of this run"]
    notes = [
        "published rows are as printed: their ± is over decoding seeds of one checkpoint, not over "
        "training seeds"
    ]
    for title, differences in {row.title: row.differences for row in rows}.items():
        if differences:
            notes.append(f"{title} is not comparable: {'; '.join(differences)}")
    return notes
