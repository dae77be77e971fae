"""What a run starts from: checked records, models that exist, and the hashes of both."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from akl_bench import metrics
from akl_bench.artifacts.files import digest
from akl_bench.artifacts.records import Overlap
from akl_bench.config import Profile
from akl_bench.data.overlap import overlaps
from akl_bench.data.prompts import Prompt
from akl_bench.data.records import Record, load_records, load_rows
from akl_bench.models.census import fingerprint
from akl_bench.tasks import TaskSpec


@dataclass(frozen=True)
class Inputs:
    """The checked inputs of a run.

    Attributes:
        profile: The resolved profile; dry models are paths in it by now.
        train: Training records.
        validation: Validation records.
        tasks: Rows of every task that has data of its own: records or lm-eval documents.
        hashes: Content hash of each input by name.
    """

    profile: Profile
    train: list[Record]
    validation: list[Record]
    tasks: dict[str, list[Any]]
    hashes: dict[str, str]

    @property
    def overlap(self) -> dict[str, Overlap]:
        """What validation and tasks share with training; nothing where that was not loaded."""
        others = {"validation": self.validation, **self.tasks}
        return overlaps(self.train, others) if self.train else {}


def load_data(
    profile: Profile, *, training: bool = True
) -> tuple[list[Record], list[Record], dict[str, list[Any]]]:
    """Read and check everything that a profile reads: training, validation and task rows.

    Args:
        profile: The resolved profile.
        training: Whether anything is to be trained; else those rows are left alone.

    Raises:
        UsageError: A source that is missing, or malformed; every problem of a file is listed.
    """
    root, online = profile.data.root, profile.online
    train, validation = (
        load_records(source, key, root=root, online=online) if training else []
        for key, source in (
            ("data.train", profile.data.train),
            ("data.validation", profile.data.validation),
        )
    )
    rows: dict[str, list[Any]] = {}
    for name, task in profile.tasks.items():
        for spec in task.metrics:
            metrics.get(spec)
        if task.data is None:
            continue
        load: Callable[..., list[Any]] = load_rows if task.kind == "harness" else load_records
        rows[name] = load(task.data, f"tasks.{name}.data", root=root, online=online)
    prompt = Prompt(profile.prompt)
    for record in [*train, *validation]:
        prompt.render(record)
    return train, validation, rows


def load_inputs(profile: Profile, folder: Path, *, training: bool = True) -> Inputs:
    """Load and hash the inputs of a run; dry models are made in `folder`; as `load_data`.

    Raises:
        UsageError: As `load_data`, or a model that is not there.
    """
    train, validation, tasks = load_data(profile, training=training)
    if profile.dry_models:
        from akl_bench.models.toys import dry_profile

        texts = [f"{r.instruction} {r.input} {r.outputs[0]}" for r in train]
        profile = dry_profile(profile, folder, texts)
    hashes = {"teacher": fingerprint(profile.teacher, online=profile.online)}
    if training:
        hashes["train"] = digest([asdict(record) for record in train])
        hashes["validation"] = digest([asdict(record) for record in validation])
    for name, student in profile.students.items():
        if student.source not in ("teacher", "random"):
            hashes[f"student-{name}"] = fingerprint(student, online=profile.online)
    for name, rows in tasks.items():
        plain = [asdict(row) if isinstance(row, Record) else row for row in rows]
        hashes[f"task-{name}"] = digest(plain)
    by_name = {name: _portable(task) for name, task in profile.tasks.items()}
    profile = profile.model_copy(update={"tasks": by_name})
    return Inputs(profile, train, validation, tasks, hashes)


def _portable(task: TaskSpec) -> TaskSpec:
    """A task whose metrics are found from any folder, aliases resolved."""
    known = {spec: metrics.registry.portable(spec) for spec in task.metrics}
    update = {
        "metrics": tuple(known.values()),
        "headline": known.get(task.headline, task.headline),
        "columns": tuple(known.get(name, name) for name in task.columns),
    }
    return task.model_copy(update=update)
