"""Tasks: one YAML each in tasks/, read into a checked TaskSpec."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from akl_bench.errors import UnknownNameError, UsageError
from akl_bench.strict import Strict, describe, merge, read_yaml


class HubData(Strict):
    """A data set on the Hugging Face hub."""

    name: str
    config: str | None = None
    revision: str | None = None
    split: str = "train"
    file: str | None = Field(
        default=None, description="a JSONL file of the repository, read in place of a split"
    )
    fields: dict[str, str] = Field(
        default_factory=dict, description="our field -> the data set's column"
    )


class DataSource(Strict):
    """Where records come from: the microworld, a JSONL file, or the hub.

    A file is taken where it exists (relative to `data.root` of the profile); the hub is asked only
    with `--online`. `skip` and `rows` cut the source in its own order.
    """

    source: Literal["microworld"] | None = None
    path: str | None = None
    hub: HubData | None = None
    split: str = "train"
    rows: int | None = Field(default=None, ge=1)
    skip: int = Field(default=0, ge=0)
    seed: int = 0
    world: str = Field(default="one", description="which microworld")

    @model_validator(mode="after")
    def _names_a_place(self) -> "DataSource":
        if self.source is None and self.path is None and self.hub is None:
            raise ValueError("name a place: source: microworld, path: FILE or hub: {name: ...}")
        return self


class GenerationSpec(Strict):
    """How responses are sampled."""

    max_new_tokens: int = Field(default=128, ge=1)
    do_sample: bool = True
    temperature: float = Field(default=1.0, gt=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    top_k: int = Field(default=0, ge=0, description="0: no limit")
    samples: int = Field(default=1, ge=1, description="per prompt")
    no_repeat_ngram_size: int = Field(default=0, ge=0)
    batch_size: int = Field(default=32, ge=1, description="sequences decoded together")
    sampler: str = Field(default="hf", description="what decodes: `akl-bench ls samplers`")


class TaskSpec(Strict):
    """One benchmark task."""

    name: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,79}$")
    version: int = Field(description="raised whenever a change can move a score")
    kind: Literal["generation", "harness", "fidelity"]
    description: str
    data: DataSource | None = None
    generation: GenerationSpec = GenerationSpec()
    metrics: tuple[str, ...] = ()
    lm_eval: dict[str, Any] | None = None
    headline: str
    columns: tuple[str, ...] = Field(
        default=(), description="metrics that `check` watches; the headline where empty"
    )

    @property
    def shown(self) -> tuple[str, ...]:
        """Metrics that `check` watches."""
        return self.columns or (self.headline,)

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> "TaskSpec":
        if self.kind == "harness" and self.lm_eval is None:
            raise ValueError("a harness task needs lm_eval: {...}")
        if self.kind != "harness" and self.data is None:
            raise ValueError(f"a {self.kind} task needs data: {{...}}")
        if self.kind == "generation" and not self.metrics:
            raise ValueError("a generation task needs metrics: [...]")
        if self.kind == "generation" and self.headline not in self.metrics:
            raise ValueError(f"headline: {self.headline} is none of the metrics")
        return self


def directories() -> list[Path]:
    """Where tasks are looked for: `./tasks`, then the packaged ones."""
    package = Path(__file__).parent
    # In a source checkout the packaged copy is the repository's own folder.
    shipped = package / "_tasks" if (package / "_tasks").is_dir() else package.parent / "tasks"
    local = Path("tasks")
    return [local, shipped] if local.is_dir() and not _same(local, shipped) else [shipped]


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


@cache
def _load(path: Path) -> TaskSpec:
    content = read_yaml(path)
    try:
        task = TaskSpec.model_validate(content)
    except ValidationError as error:
        raise UsageError(describe(error, str(path), TaskSpec)) from error
    if task.name != path.stem:
        raise UsageError(f"{path}: name is '{task.name}'; it must be the file's name, {path.stem}.")
    return task


def available() -> dict[str, Path]:
    """All tasks by name; a file in `./tasks` hides a packaged one of the same name."""
    by_name: dict[str, Path] = {}
    for directory in reversed(directories()):
        by_name.update({path.stem: path for path in directory.glob("*.yaml")})
    return dict(sorted(by_name.items()))


def get(name: str, overrides: Mapping[str, Any] | None = None) -> TaskSpec:
    """The task of that name, changed key by key as a profile says.

    Raises:
        UsageError: No such task, or a key or value that the task cannot have.
    """
    paths = available()
    if name not in paths:
        raise UnknownNameError("task", name, paths)
    task = _load(paths[name])
    if not overrides:
        return task
    if not isinstance(overrides, Mapping):
        raise UsageError(f"tasks.{name}: expected a mapping of settings, got {overrides!r:.40}.")
    merged = merge(task.model_dump(), overrides)
    try:
        return TaskSpec.model_validate(merged)
    except ValidationError as error:
        raise UsageError(describe(error, f"tasks.{name}", TaskSpec)) from error
