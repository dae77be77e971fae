"""Profiles: one YAML of teacher, student, data, budget, tasks and seeds; `--set` overrides it."""

import re
from collections.abc import Sequence
from itertools import chain, count, islice
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from akl_bench import tasks
from akl_bench.errors import UnknownNameError, UsageError
from akl_bench.recipe import Criterion, Seed, TrainingConfig, Tuning
from akl_bench.strict import Strict, describe, merge, nested, parse_yaml, read_yaml
from akl_bench.tasks import DataSource, TaskSpec

_SMOKE_ROWS = 16
_SMOKE_STEPS = 3
VALIDATION = "validation"


class ModelRef(Strict):
    """Where a model comes from.

    `microworld` is the embedded teacher of the world `name` (one), `path` a local folder, `hub` the
    Hugging Face hub (with `--online`), `gguf` a Python package that holds a GGUF file, `teacher`
    the teacher with only `layers` kept, `random` a fresh model of the teacher's architecture with
    `architecture` changed.
    """

    source: Literal["microworld", "path", "hub", "gguf", "teacher", "random"]
    path: str | None = None
    name: str | None = None
    revision: str | None = None
    layers: tuple[int, ...] | None = None
    architecture: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _has_what_its_source_needs(self) -> "ModelRef":
        needed = {
            "path": "path",
            "hub": "name",
            "gguf": "name",
            "teacher": "layers",
            "random": "architecture",
        }.get(self.source)
        if needed is not None and getattr(self, needed) is None:
            raise ValueError(f"source: {self.source} needs {needed}: ...")
        return self


class DataConfig(Strict):
    """Training and validation records, and how long they may be."""

    root: str = Field(default=".", description="folder that relative paths start from")
    train: DataSource
    validation: DataSource
    max_prompt_tokens: int = Field(ge=1)
    max_response_tokens: int = Field(ge=1)


class Profile(Strict):
    """Everything that a run is, but for its objectives and seeds."""

    name: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,79}$")
    description: str
    teacher: ModelRef
    students: dict[str, ModelRef] = Field(min_length=1)
    prompt: str = Field(description="Jinja template over a record's instruction and input")
    data: DataConfig
    training: TrainingConfig
    criterion: Criterion = Criterion()
    tuning: Tuning | None = None
    tasks: dict[str, TaskSpec] = Field(min_length=1)
    table: tuple[str, ...] = Field(
        default=(),
        description="columns that a table shows unasked: TASK, METRIC, TASK/METRIC, accuracy (mean "
        "of the lm-eval tasks), lr; the tasks' headlines where empty",
    )
    seeds: tuple[Seed, ...] = Field(default=(1, 2, 3), min_length=1)
    smoke: bool = False
    dry_models: bool = False
    online: bool = False

    @model_validator(mode="after")
    def _student_names_are_folder_names(self) -> "Profile":
        for name in self.students:
            if not re.fullmatch(r"[A-Za-z0-9_-]{1,24}", name):
                raise ValueError(
                    f"students.{name:.80}: use letters, digits, - and _ only, at most 24"
                )
        return self

    @model_validator(mode="after")
    def _each_seed_once(self) -> "Profile":
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds: {list(self.seeds)} has one of them twice")
        return self

    @model_validator(mode="after")
    def _trials_are_apart(self) -> "Profile":
        if self.tuning is None:
            if self.training.lr == "tuned":
                raise ValueError("training.lr: tuned needs tuning: {start: ...}")
        elif both := sorted({*self.tuning.seeds} & {*self.seeds}):
            raise ValueError(f"tuning.seeds: {both[0]} is a seed of the run; take another")
        return self

    @model_validator(mode="after")
    def _validation_is_no_task(self) -> "Profile":
        if VALIDATION in self.tasks:
            raise ValueError(f"tasks.{VALIDATION}: the validation rows have that name; rename it")
        return self

    @property
    def validation(self) -> TaskSpec:
        """What the criterion measures, as a task."""
        return TaskSpec(
            name=VALIDATION,
            version=1,
            kind="generation",
            description="The validation prompts.",
            data=self.data.validation,
            generation=self.criterion.generation,
            metrics=(self.criterion.metric,),
            headline=self.criterion.metric,
        )

    @property
    def trials(self) -> int:
        """Trainings that choose a learning rate."""
        tuned = self.tuning if self.training.lr == "tuned" else None
        return tuned.trials * len(tuned.seeds) if tuned else 0

    def with_fixed_lr(self) -> "Profile":
        """With one learning rate for all objectives: where their trials would begin."""
        if self.training.lr != "tuned":
            return self
        assert self.tuning is not None, "checked"
        training = self.training.model_copy(update={"lr": self.tuning.start})
        return self.model_copy(update={"training": training})

    def with_seeds(self, n: int) -> "Profile":
        """With `n` seeds: its own, then counting up from the largest, but for those of trials."""
        trials = self.tuning.seeds if self.tuning else ()
        more = (seed for seed in count(max(self.seeds) + 1) if seed not in trials)
        return self.model_copy(update={"seeds": tuple(islice(chain(self.seeds, more), n))})


def profile_paths() -> dict[str, Path]:
    """The shipped profiles by name."""
    folder = Path(__file__).parent / "profiles"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load(
    profile: str,
    settings: Sequence[str] = (),
    *,
    seeds: int | None = None,
    smoke: bool = False,
    dry_models: bool = False,
    online: bool = False,
    fixed_lr: bool = False,
) -> Profile:
    """Read a profile by name or file and change it by `key.path=value` settings.

    Args:
        profile: Name of a shipped profile, or a path that ends in .yaml.
        settings: As `training.lr=1e-4`; values are YAML.
        seeds: Take that many seeds: the profile's own, then counting up from the largest.
        smoke: A tiny budget through the same code path; the results are stamped.
        dry_models: Random models of the profile's architectures at toy width.
        online: Whether the hub may be asked.
        fixed_lr: Tune no learning rate; all objectives have that where tuning would begin.

    Raises:
        UsageError: Unknown profile, key or value; all problems are listed, each with its key path.
    """
    path, content = _read(profile)
    if isinstance(own := content.get("tasks"), dict):
        # A bare `micro_test:` in a file is the task as it is.
        content["tasks"] = {n: {} if s is None else s for n, s in own.items()}
    content = merge(content, _settings(settings))
    task_settings = content.get("tasks") or {}
    if not isinstance(task_settings, dict):
        raise UsageError(f"{path}: tasks: expected a mapping of task names to settings.")
    for option in ("smoke", "dry_models", "online"):
        if option in content:
            flag = option.replace("_", "-")
            raise UsageError(f"{path}: {option} is not a key of a profile; add --{flag} instead.")
    # `--set tasks.NAME=null` leaves a task of the profile out; one that nobody knows is a typo.
    for name in task_settings:
        tasks.get(name)
    content["tasks"] = {
        name: tasks.get(name, override).model_dump()
        for name, override in task_settings.items()
        if override is not None
    }
    content |= {"smoke": smoke, "dry_models": dry_models, "online": online}
    try:
        loaded = Profile.model_validate(content)
    except ValidationError as error:
        raise UsageError(describe(error, str(path), Profile)) from error
    if fixed_lr:
        loaded = loaded.with_fixed_lr()
    if smoke:
        loaded = _shrink(loaded)
    if seeds is not None:
        loaded = loaded.with_seeds(seeds)
    return loaded


def _read(profile: str) -> tuple[Path, dict[str, Any]]:
    if profile.endswith((".yaml", ".yml")):
        return Path(profile), read_yaml(Path(profile))
    known = profile_paths()
    if profile not in known:
        raise UnknownNameError("profile", profile, known)
    return known[profile], read_yaml(known[profile])


def _settings(settings: Sequence[str]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for setting in settings:
        path, equals, text = setting.partition("=")
        keys = path.strip().split(".")
        if not equals or not all(keys):
            raise UsageError(f"--set {setting}: write it as key.path=value, as training.lr=1e-4.")
        value = parse_yaml(text, f"--set {setting}") if text else ""
        merged = merge(merged, nested(keys, value))
    return merged


def _shrink(profile: Profile) -> Profile:
    """The same pipeline on a handful of rows and steps."""

    def few(source: DataSource) -> DataSource:
        return source.model_copy(update={"rows": min(source.rows or _SMOKE_ROWS, _SMOKE_ROWS)})

    shrunk = {
        name: task.model_copy(update={"data": few(task.data) if task.data else None})
        for name, task in profile.tasks.items()
    }
    data = profile.data.model_copy(
        update={"train": few(profile.data.train), "validation": few(profile.data.validation)}
    )
    # Trials of three steps would tell nothing.
    fixed = profile.with_fixed_lr().training
    training = fixed.model_copy(update={"steps": _SMOKE_STEPS, "epochs": None})
    return profile.model_copy(
        update={"tasks": shrunk, "data": data, "training": training, "seeds": profile.seeds[:1]}
    )
