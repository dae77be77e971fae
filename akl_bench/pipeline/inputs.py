"""What a run starts from: checked records, models that exist, and the hashes of both."""

import platform
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from akl_bench import divergences, metrics
from akl_bench.config import ModelRef, Profile
from akl_bench.data.prompts import Prompt
from akl_bench.data.records import Record, load_records, load_rows
from akl_bench.errors import UsageError
from akl_bench.models.census import fingerprint
from akl_bench.pipeline.objectives import ObjectiveSpec
from akl_bench.artifacts.files import digest
from akl_bench.artifacts.store import TEACHER, UNTRAINED, Cell

_PACKAGE = Path(__file__).parent.parent
# Code that no number depends on.
_FREE = ("cli", "executors", "gate", "papers", "report", "statistics", "testing")
_LIBRARIES = (
    "torch",
    "transformers",
    "tokenizers",
    "accelerate",
    "numpy",
    "lm_eval",
    "rouge-score",
    "nltk",
    "rapidfuzz",
)


@dataclass(frozen=True)
class Inputs:
    """The checked inputs of a run.

    Attributes:
        profile: The resolved profile; dry models are paths in it by now.
        train: Training records.
        validation: Validation records.
        tasks: Rows of every task that has data of its own: records or lm-eval documents.
        hashes: Content hash of each input by name; part of every cell's fingerprint.
    """

    profile: Profile
    train: list[Record]
    validation: list[Record]
    tasks: dict[str, list[Any]]
    hashes: dict[str, str]

    @property
    def key(self) -> str:
        """Name of what the cells share: it follows from data, prompt, lengths, teacher and code."""
        data, training = self.profile.data, self.profile.training
        return digest(
            [
                self.hashes,
                self.profile.prompt,
                data.max_prompt_tokens,
                data.max_response_tokens,
                training.teacher_cache,
                training.precision,
                code_digest(),
                libraries(),
            ]
        )[:16]


def load_data(profile: Profile) -> tuple[list[Record], list[Record], dict[str, list[Any]]]:
    """Read and check everything that a profile reads: training, validation and task rows.

    Raises:
        UsageError: A source that is missing, or malformed; every problem of a file is listed.
    """
    prompt = Prompt(profile.prompt)
    root, online = profile.data.root, profile.online
    train = load_records(profile.data.train, "data.train", root=root, online=online)
    validation = load_records(profile.data.validation, "data.validation", root=root, online=online)
    rows: dict[str, list[Any]] = {}
    for name, task in profile.tasks.items():
        for spec in task.metrics:
            metrics.get(spec)
        if task.data is None:
            continue
        key = f"tasks.{name}.data"
        if task.kind == "harness":
            rows[name] = load_rows(task.data, key, root=root, online=online)
        else:
            rows[name] = load_records(task.data, key, root=root, online=online)
    for record in [*train, *validation]:
        prompt.render(record)
    return train, validation, rows


def load_inputs(profile: Profile, folder: Path) -> Inputs:
    """Load and hash the inputs of a run; dry models are made in `folder`.

    Raises:
        UsageError: As `load_data`, or a model that is not there.
    """
    train, validation, tasks = load_data(profile)
    if profile.dry_models:
        profile = _with_dry_models(profile, folder, train)
    hashes = {
        "train": digest([asdict(record) for record in train]),
        "validation": digest([asdict(record) for record in validation]),
        "teacher": fingerprint(profile.teacher, online=profile.online),
    }
    for name, student in profile.students.items():
        if student.source not in ("teacher", "random"):
            hashes[f"students.{name}"] = fingerprint(student, online=profile.online)
    for name, rows in tasks.items():
        plain = [asdict(row) if isinstance(row, Record) else row for row in rows]
        hashes[f"tasks.{name}"] = digest(plain)
    return Inputs(profile, train, validation, tasks, hashes)


def _with_dry_models(profile: Profile, folder: Path, records: list[Record]) -> Profile:
    from akl_bench.models.toys import dry

    texts = [f"{r.instruction} {r.input} {r.outputs[0]}" for r in records]

    def made(ref: ModelRef, name: str, *, teacher: bool) -> ModelRef:
        path = folder / name
        if (path / "config.json").is_file():
            return ref.model_copy(update={"source": "path", "path": str(path), "name": None})
        return dry(ref, path, teacher=teacher, texts=texts)

    students = {
        name: ref if ref.source in ("teacher", "random") else made(ref, name, teacher=False)
        for name, ref in profile.students.items()
    }
    teacher = made(profile.teacher, "teacher", teacher=True)
    return profile.model_copy(update={"teacher": teacher, "students": students})


def protocol_of(inputs: Inputs) -> dict[str, Any]:
    """What must agree for two numbers to stand in one column, field by field."""
    profile = inputs.profile
    return {
        "teacher": _identity(profile.teacher),
        "inputs": inputs.hashes,
        "prompt": profile.prompt,
        "lengths": [profile.data.max_prompt_tokens, profile.data.max_response_tokens],
        "tasks": {
            name: task.model_dump(mode="json", exclude={"description", "data", "columns"})
            for name, task in profile.tasks.items()
        },
        "code": code_digest(),
        "libraries": libraries(),
        "smoke": profile.smoke,
    }


def plan_cells(
    inputs: Inputs, objectives: list[ObjectiveSpec], seeds: tuple[int, ...]
) -> list[Cell]:
    """The cells of a run: teacher and untrained students first, then seed by seed."""
    if any(objective.label in (TEACHER, UNTRAINED) for objective in objectives):
        raise UsageError(f"'{TEACHER}' and '{UNTRAINED}' are rows that every run has by itself.")
    profile = inputs.profile
    protocol = digest(protocol_of(inputs))

    def cell(objective: ObjectiveSpec, student: str, seed: int) -> Cell:
        trained = objective.label not in (TEACHER, UNTRAINED)
        identity = {
            "protocol": protocol,
            "objective": [objective.label, objective.source_sha256],
            "student": _identity(profile.students[student]) if student else None,
            "seed": seed,
            "training": profile.training.model_dump() if trained else None,
        }
        label, plugin = objective.label, objective.plugin
        return Cell(label, student, seed, protocol, digest(identity), plugin)

    cells = []
    for seed in seeds:
        cells.append(cell(ObjectiveSpec(TEACHER, "", ""), "", seed))
        cells += [cell(ObjectiveSpec(UNTRAINED, "", ""), name, seed) for name in profile.students]
    for seed in seeds:
        cells += [cell(o, student, seed) for student in profile.students for o in objectives]
    return cells


def _identity(ref: ModelRef) -> Mapping[str, Any]:
    """A model reference without the place that its content happens to lie in."""
    return ref.model_dump(exclude={"path"})


def code_digest() -> str:
    """Hash of the package's code that every number can depend on.

    The file of a divergence that nothing else imports is no part of it: it is hashed for its
    objective alone.
    """
    paths = {path.relative_to(_PACKAGE).as_posix(): path for path in _PACKAGE.rglob("*.py")}
    texts = {
        name: path.read_text(encoding="utf-8")
        for name, path in sorted(paths.items())
        if name.partition("/")[0] not in _FREE
    }
    imported = set(re.findall(r"akl_bench\.divergences\.(\w+) import", "".join(texts.values())))
    own = {f"divergences/{name}.py" for name in divergences.names() if name not in imported}
    return digest({name: text for name, text in texts.items() if name not in own})


def libraries() -> dict[str, str]:
    """Versions of what computes the numbers."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found
