"""What the gate compares: the values of a run by seed, and what they were measured with."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from akl_bench.artifacts.files import digest, flat
from akl_bench.artifacts.store import Run, read_seal
from akl_bench.config import Profile
from akl_bench.errors import UsageError
from akl_bench.strict import Strict, describe

_WEIGHTS = ".safetensors"
_LISTS = ("seeds", "unsealed", "fingerprints", "weights", "records")


class Column(Strict):
    """One metric of one task.

    Attributes:
        task: The task's name.
        metric: The metric's canonical spec.
        direction: Which values are better; None where neither, and then only `exact` compares it.
        n: Items that a value is the mean over.
        scale: Factor from the raw value to the shown one.
        format: %-format of the shown value.
        signature: Everything that decides the number.
        headline: Whether it is the task's first number.
        shown: Whether a table shows it unasked.
    """

    task: str
    metric: str
    direction: Literal["higher", "lower"] | None
    n: int
    scale: float
    format: str
    signature: str
    headline: bool
    shown: bool

    @property
    def key(self) -> tuple[str, str]:
        """Task and metric."""
        return self.task, self.metric

    def matches(self, pattern: str) -> bool:
        """Whether a glob over `task/metric`, or over the metric where it has no slash, fits."""
        names = (self.metric, self.metric.partition("(")[0])
        if "/" in pattern:
            names = (f"{self.task}/{names[0]}", f"{self.task}/{names[1]}")
        return any(fnmatchcase(name, pattern) for name in names)


class Row(Strict):
    """An objective with a student: one value per seed and metric.

    Attributes:
        objective: Canonical spec, or "teacher" or "untrained".
        student: Name of the student; "" for the teacher.
        seeds: Seeds that are sealed, ascending; all lists below have their order.
        unsealed: Seeds asked for that have no sealed cell of the run's protocol.
        fingerprints: What each cell depends on, hashed.
        weights: Hash of each student's weights; None where nothing was trained.
        values: Task -> metric -> raw value of each seed; None where it has none.
    """

    objective: str
    student: str
    seeds: tuple[int, ...]
    unsealed: tuple[int, ...] = ()
    fingerprints: tuple[str, ...]
    weights: tuple[str | None, ...]
    values: dict[str, dict[str, tuple[float | None, ...]]]

    @property
    def key(self) -> tuple[str, str]:
        """Objective and student."""
        return self.objective, self.student

    @property
    def name(self) -> str:
        """How it is named to people."""
        return "/".join(part for part in self.key if part)

    def matches(self, pattern: str) -> bool:
        """Whether a glob fits the row's name or its objective."""
        return any(fnmatchcase(name, pattern) for name in (self.name, self.objective))

    def by_seed(self, column: Column) -> dict[int, float | None]:
        """Value of a metric by seed; empty where the row has none."""
        values = self.values.get(column.task, {}).get(column.metric, ())
        return dict(zip(self.seeds, values, strict=False))


class Snapshot(Strict):
    """A run as the gate sees it.

    Attributes:
        profile: Name of the profile.
        stamps: Why the numbers are no evidence: "smoke", "dry models".
        measurement: What must agree for any two numbers to be comparable, by dotted key.
        tasks: The same for the numbers of one task, by task.
        subject: What a change may be about: code, libraries, training data and budget.
        environments: Kinds of machine that the cells were made on.
        columns: Every metric.
        rows: Every objective with its student.
    """

    profile: str
    stamps: tuple[str, ...]
    measurement: dict[str, Any]
    tasks: dict[str, dict[str, Any]]
    subject: dict[str, Any]
    environments: tuple[dict[str, Any], ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


def measure(folder: Path) -> Snapshot:
    """Read the sealed cells of a run.

    Raises:
        UsageError: The folder holds no run, or its run.json is not what was written.
    """
    content = Run(folder).read()
    try:
        Profile.model_validate(content["profile"])
        return _snapshot(Run(folder), content)
    except ValidationError as error:
        raise UsageError(describe(error, str(folder / "run.json"), Profile)) from error
    except (KeyError, TypeError) as error:
        raise UsageError(
            f"{folder / 'run.json'} is damaged or of an earlier version ({error}); run it again."
        ) from error


def _snapshot(run: Run, content: Mapping[str, Any]) -> Snapshot:
    profile, fields = content["profile"], content["protocol_fields"]
    columns: dict[tuple[str, str], Column] = {}
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    environments: list[dict[str, Any]] = []
    for cell in sorted(content["cells"], key=lambda cell: int(cell["seed"])):
        row = rows.setdefault((cell["objective"], cell["student"]), {key: [] for key in _LISTS})
        record = read_seal(run.cells / cell["name"])
        if record is None or record["cell"]["protocol"] != content["protocol"]:
            row["unsealed"].append(cell["seed"])
            continue
        environment = {key: record["provenance"][key] for key in ("device", "machine", "threads")}
        if environment not in environments:
            environments.append(environment)
        row["seeds"].append(cell["seed"])
        row["fingerprints"].append(record["cell"]["fingerprint"])
        row["weights"].append(_weights(record["files"]))
        row["records"].append(record["tasks"])
        for column in _columns(record["tasks"], profile):
            columns.setdefault(column.key, column)
    order = list(profile["tasks"])
    return Snapshot(
        profile=profile["name"],
        stamps=tuple(name for name in ("smoke", "dry_models") if profile[name]),
        measurement=_measurement(fields, profile),
        tasks=_tasks(fields),
        subject=_subject(fields, profile),
        environments=tuple(sorted(environments, key=str)),
        columns=tuple(sorted(columns.values(), key=lambda column: order.index(column.task))),
        rows=tuple(_row(key, row) for key, row in _in_order_of_asking(rows, content["cells"])),
    )


def _in_order_of_asking(
    rows: Mapping[tuple[str, str], dict[str, Any]], cells: Iterable[Mapping[str, Any]]
) -> list[tuple[tuple[str, str], dict[str, Any]]]:
    keys = dict.fromkeys((cell["objective"], cell["student"]) for cell in cells)
    return [(key, rows[key]) for key in keys]


def _row(key: tuple[str, str], row: dict[str, Any]) -> Row:
    records = row.pop("records")
    values: dict[str, dict[str, tuple[float | None, ...]]] = {}
    for task in dict.fromkeys(task for record in records for task in record):
        found = [record.get(task, {"metrics": {}})["metrics"] for record in records]
        values[task] = {
            metric: tuple(metrics.get(metric, {"value": None})["value"] for metrics in found)
            for metric in dict.fromkeys(metric for metrics in found for metric in metrics)
        }
    return Row(objective=key[0], student=key[1], values=values, **row)


def _columns(tasks: Mapping[str, Any], profile: Mapping[str, Any]) -> Iterable[Column]:
    for task, result in tasks.items():
        shown = profile["tasks"][task]["columns"]
        for metric, entry in result["metrics"].items():
            better = entry["higher_is_better"]
            yield Column(
                task=task,
                metric=metric,
                direction=None if better is None else "higher" if better else "lower",
                n=entry["n"],
                scale=entry["scale"],
                format=entry["format"],
                signature=entry["signature"],
                headline=metric == result["headline"],
                shown=metric in shown or metric.partition("(")[0] in shown,
            )


def _weights(files: Mapping[str, str]) -> str | None:
    """Hash over the files of a trained student's weights."""
    found = {name: sha for name, sha in files.items() if name.endswith(_WEIGHTS)}
    return digest(found) if found else None


def _measurement(fields: Mapping[str, Any], profile: Mapping[str, Any]) -> dict[str, Any]:
    teacher = fields["teacher"]
    return {
        # A teacher is its content; where that lies is no part of it.
        "teacher": fields["inputs"]["teacher"],
        "teacher.layers": teacher["layers"],
        "teacher.architecture": teacher["architecture"],
        "prompt": fields["prompt"],
        "lengths": fields["lengths"],
        "smoke": fields["smoke"],
        "dry_models": profile["dry_models"],
    }


def _tasks(fields: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found = {}
    for name, task in fields["tasks"].items():
        about = {key: task[key] for key in ("kind", "version", "lm_eval")}
        if task["kind"] == "generation":
            about["generation"] = task["generation"]
        found[name] = flat({**about, "data": fields["inputs"].get(f"tasks.{name}")})
    return found


def _subject(fields: Mapping[str, Any], profile: Mapping[str, Any]) -> dict[str, Any]:
    found = {"code": fields["code"], "libraries": fields["libraries"]}
    for name, sha in fields["inputs"].items():
        if name != "teacher" and not name.startswith("tasks."):
            found[f"data.{name}" if name in ("train", "validation") else name] = sha
    students = {
        name: {key: value for key, value in student.items() if key != "path"}
        for name, student in profile["students"].items()
    }
    return flat({**found, "students": students, "training": profile["training"]})
