"""Profiles: one YAML of teacher, student, data, budget, tasks and seeds; `--set` overrides it."""

import math
import re
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from akl_bench import tasks
from akl_bench.errors import UnknownNameError, UsageError
from akl_bench.strict import Strict, describe, merge, parse_yaml, read_yaml
from akl_bench.tasks import DataSource, GenerationSpec, TaskSpec

_Beta = Annotated[float, Field(ge=0, lt=1)]
_Seed = Annotated[int, Field(ge=0, lt=2**31)]
_SMOKE_ROWS = 16
_SMOKE_STEPS = 3
VALIDATION = "validation"
# What decides students, and nothing of how they are measured.
_SWEPT = ("training.", "data.train.", "students.")


class ModelRef(Strict):
    """Where a model comes from.

    `microworld` is the embedded teacher, `path` a local folder, `hub` the Hugging Face hub (with
    `--online`), `gguf` a Python package that holds a GGUF file, `teacher` the teacher with only
    `layers` kept, `random` a fresh model of the teacher's architecture with `architecture` changed.
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


class LoraSettings(Strict):
    """Low-rank adapters (arXiv 2106.09685): W + alpha / rank * B A, where only A and B are trained.

    Merged into the weights when training ends, so that the student is an ordinary checkpoint.
    """

    rank: int = Field(default=16, ge=1)
    alpha: int = Field(default=32, ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1, description="of the adapters' input")
    modules: Literal["all-linear"] | Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        default="all-linear", description="names of layers; all-linear: all but the output head"
    )


class TrainingConfig(Strict):
    """The training budget, the same for every objective."""

    steps: int | None = Field(default=None, ge=1)
    epochs: float | None = Field(default=None, gt=0)
    batch_size: int = Field(ge=1, description="examples per optimiser step")
    micro_batch_size: int | None = Field(
        default=None, ge=1, description="examples per forward pass; the gradient does not change"
    )
    lr: float | Literal["tuned"] = Field(
        description="tuned: each objective at the best of its own trials"
    )
    min_lr: float = Field(default=0.0, ge=0)
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup_steps: int = Field(default=0, ge=0)
    weight_decay: float = Field(default=0.01, ge=0)
    betas: tuple[_Beta, _Beta] = (0.9, 0.999)
    clip_norm: float = Field(default=1.0, gt=0)
    kd_ratio: float = Field(
        default=1.0, ge=0, le=1, description="loss = kd_ratio * divergence + rest * cross-entropy"
    )
    temperature: float = Field(default=1.0, gt=0)
    dropout: bool = Field(default=False, description="keep the student's own dropout")
    lora: LoraSettings | None = Field(
        default=None, description="train low-rank adapters instead of all weights"
    )
    precision: Literal["auto", "fp32", "bf16"] = Field(
        default="auto", description="auto: bf16 mixed precision on CUDA, fp32 elsewhere"
    )
    validate_every: int = Field(default=0, ge=0, description="steps; 0: only at the end")
    select: Literal["best", "last"] = Field(
        default="last", description="which of the validated weights; best: by `criterion`"
    )
    checkpoint_every: int = Field(default=100, ge=1, description="steps")
    teacher: str = Field(
        default="cached", description="how the teacher's logits come: `akl-bench ls teachers`"
    )
    devices: str = Field(default="one", description="what shares the work of a step")
    compiled: bool = Field(
        default=False, description="fuse the objective's work with torch.compile, where it can be"
    )

    @field_validator("lr", mode="before")
    @classmethod
    def _a_rate_or_tuned(cls, value: Any) -> Any:
        try:
            is_rate = 0 < float(value) < math.inf
        except (TypeError, ValueError):
            is_rate = value == "tuned"
        if not is_rate:
            raise ValueError(f"expected a number above 0, or tuned; got {value!r:.40}")
        return value

    @model_validator(mode="after")
    def _one_budget(self) -> "TrainingConfig":
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("give steps or epochs, one of the two")
        return self

    @model_validator(mode="after")
    def _dropout_is_on_or_off(self) -> "TrainingConfig":
        if self.lora and self.lora.dropout and not self.dropout:
            raise ValueError("lora.dropout needs dropout: true, which turns all dropout on")
        return self


class Criterion(Strict):
    """How good a student's answers to the validation prompts are; the same for all objectives."""

    metric: str = Field(default="rouge_l", description="`akl-bench ls metrics`")
    generation: GenerationSpec = GenerationSpec()


class Tuning(Strict):
    """Trials of learning rates in factors of 2; each objective and student has equally many."""

    start: float = Field(gt=0, description="the trials begin with a quarter of it, it, and 4 of it")
    trials: int = Field(default=6, ge=1)
    seeds: tuple[_Seed, ...] = Field(
        default=(900_001,), min_length=1, description="of each trial; none is a seed of the run"
    )


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
    seeds: tuple[_Seed, ...] = Field(default=(1, 2, 3), min_length=1)
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
        """With `n` seeds: its own, then counting up from the largest."""
        more = range(max(self.seeds) + 1, max(self.seeds) + 1 + n)
        return self.model_copy(update={"seeds": (*self.seeds, *more)[:n]})


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


def axis_points(sweeps: Sequence[str]) -> list[dict[str, Any]]:
    """The points of a sweep, `KEY=V1,V2,...` for each axis: values by key of the profile.

    Raises:
        UsageError: No such form, one value, or a key that decides more than the student.
    """
    axes: dict[str, list[Any]] = {}
    for sweep in sweeps:
        key, equals, text = (part.strip() for part in sweep.partition("="))
        values = parse_yaml(f"[{text}]", f"--sweep {sweep}") if equals else None
        if not values or len(values) < 2 or key in axes:
            raise UsageError(
                f"--sweep {sweep}: write it once, as key.path=value,value, as "
                "training.steps=300,1000."
            )
        if not key.startswith(_SWEPT):
            raise UsageError(
                f"--sweep {sweep}: numbers with different {key} could not be compared in one "
                f"table. An axis begins with {', '.join(_SWEPT)}; else make a run for each value."
            )
        axes[key] = values
    return [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]


def at(profile: Profile, point: Mapping[str, Any]) -> Profile:
    """A profile at a point of its axes.

    Raises:
        UsageError: A key or value that it cannot have.
    """
    content = profile.model_dump()
    for key, value in point.items():
        content = merge(content, _nested(key.split("."), value))
    try:
        return Profile.model_validate(content)
    except ValidationError as error:
        shown = ", ".join(f"{key}={value}" for key, value in point.items())
        raise UsageError(describe(error, f"--sweep {shown}", Profile)) from error


def _settings(settings: Sequence[str]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for setting in settings:
        path, equals, text = setting.partition("=")
        keys = path.strip().split(".")
        if not equals or not all(keys):
            raise UsageError(f"--set {setting}: write it as key.path=value, as training.lr=1e-4.")
        value = parse_yaml(text, f"--set {setting}") if text else ""
        merged = merge(merged, _nested(keys, value))
    return merged


def _nested(keys: Sequence[str], value: Any) -> dict[str, Any]:
    for key in reversed(keys):
        value = {key: value}
    nested: dict[str, Any] = value
    return nested


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
