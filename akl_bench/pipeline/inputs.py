"""What a run starts from: checked records, models that exist, and the hashes of both."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from akl_bench import metrics
from akl_bench.artifacts.files import digest
from akl_bench.artifacts.records import Overlap
from akl_bench.config import VALIDATION, Profile
from akl_bench.data.overlap import overlaps
from akl_bench.data.prompts import Prompt
from akl_bench.data.records import Record, load_records, load_rows
from akl_bench.errors import UsageError
from akl_bench.models.census import fingerprint
from akl_bench.tasks import TaskSpec


@dataclass(frozen=True)
class Inputs:
    """The checked inputs of a run.

    Attributes:
        profile: The resolved profile; dry models are paths in it by now.
        train: Training records.
        tasks: Rows of every task that has data of its own: records or lm-eval documents; where
            anything is to be trained, of the validation prompts, too.
        hashes: Content hash of each input by name.
    """

    profile: Profile
    train: list[Record]
    tasks: dict[str, list[Any]]
    hashes: dict[str, str]

    @property
    def overlap(self) -> dict[str, Overlap]:
        """What validation and tasks share with training; nothing where that was not loaded."""
        return overlaps(self.train, self.tasks) if self.train else {}


def load_data(
    profile: Profile, *, training: bool = True
) -> tuple[list[Record], dict[str, list[Any]]]:
    """Read and check everything that a profile reads: training, validation and task rows.

    Args:
        profile: The resolved profile.
        training: Whether anything is to be trained; else those rows are left alone.

    Raises:
        UsageError: A source that is missing, or malformed; every problem of a file is listed.
    """
    where: dict[str, Any] = {"root": profile.data.root, "online": profile.online}
    train = load_records(profile.data.train, "data.train", **where) if training else []
    rows: dict[str, list[Any]] = {}
    validation = {VALIDATION: profile.validation} if training else {}
    for name, task in (validation | profile.tasks).items():
        for spec in task.metrics:
            metrics.get(spec)
        if task.data is None:
            continue
        load: Callable[..., list[Any]] = load_rows if task.kind == "harness" else load_records
        key = "data.validation" if name == VALIDATION else f"tasks.{name}.data"
        rows[name] = load(task.data, key, **where)
    if training and metrics.get(profile.criterion.metric).higher_is_better is None:
        raise UsageError(
            f"criterion.metric: neither direction of {profile.criterion.metric} is better; choose "
            "another."
        )
    prompt = Prompt(profile.prompt)
    for record in [*train, *rows.get(VALIDATION, ())]:
        prompt.render(record)
    return train, rows


def load_inputs(profile: Profile, folder: Path, *, training: bool = True) -> Inputs:
    """Load and hash the inputs of a run; dry models are made in `folder`; as `load_data`.

    Raises:
        UsageError: As `load_data`, or a model that is not there.
    """
    train, tasks = load_data(profile, training=training)
    if profile.dry_models:
        from akl_bench.models.toys import dry_profile

        texts = [f"{r.instruction} {r.input} {r.outputs[0]}" for r in train]
        profile = dry_profile(profile, folder, texts)
    hashes = {"teacher": fingerprint(profile.teacher, online=profile.online)}
    if training:
        hashes["train"] = digest([asdict(record) for record in train])
    for name, student in profile.students.items():
        if student.source not in ("teacher", "random"):
            hashes[f"student-{name}"] = fingerprint(student, online=profile.online)
    for name, rows in tasks.items():
        plain = [asdict(row) if isinstance(row, Record) else row for row in rows]
        hashes[f"task-{name}"] = digest(plain)
    by_name = {name: _portable(task) for name, task in profile.tasks.items()}
    criterion = profile.criterion.model_copy(
        update={"metric": metrics.registry.portable(profile.criterion.metric)}
    )
    profile = profile.model_copy(update={"tasks": by_name, "criterion": criterion})
    return Inputs(profile, train, tasks, hashes)


def _portable(task: TaskSpec) -> TaskSpec:
    """A task whose metrics are found from any folder, aliases resolved."""
    known = {spec: metrics.registry.portable(spec) for spec in task.metrics}
    update = {
        "metrics": tuple(known.values()),
        "headline": known.get(task.headline, task.headline),
        "columns": tuple(known.get(name, name) for name in task.columns),
    }
    return task.model_copy(update=update)
