"""What seals and runs say, as typed models with a schema number."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from akl_bench.config import Profile

SCHEMA: Literal[2] = 2
# Fields of a key, or of what decides whether two numbers can be compared: plain JSON values.
Fields = dict[str, Any]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Metric(_Record):
    """One number.

    Attributes:
        value: Raw; None where it is undefined.
        n: Examples (tokens, for fidelity) behind it.
        draws: The value of each decoding draw alone.
        signature: Everything that decides the number besides the completions.
        higher_is_better: None where neither direction is.
        scale: Factor from the raw value to the shown one.
        format: %-format of the shown value.
    """

    value: float | None
    n: int
    draws: tuple[float | None, ...] = ()
    signature: str
    higher_is_better: bool | None
    scale: float
    format: str


class Student(_Record):
    """A trained student.

    Attributes:
        content: Hash of its weights, configuration and tokenizer.
        parameters: Their number, tied ones once.
        steps: Optimiser steps.
        selected_step: The step whose weights these are.
        clipped: Share of steps whose gradient was scaled down to `training.clip_norm`.
    """

    kind: Literal["student"] = "student"
    content: str
    parameters: int
    steps: int
    selected_step: int
    clipped: float


class Trial(_Record):
    """A training at one learning rate, to choose one; its weights are not kept.

    Attributes:
        lr: The rate.
        score: By the profile's criterion; None where there is none.
        clipped: As of a student.
        note: Why there is no score.
    """

    kind: Literal["trial"] = "trial"
    lr: float
    score: float | None
    clipped: float = 0.0
    note: str = ""


class Completions(_Record):
    """A model's answers to the prompts of a task.

    Attributes:
        task: The task's name.
        n: Their number.
        measure: Hash of how they were made: all of the key but model and seed.
    """

    kind: Literal["completions"] = "completions"
    task: str
    n: int
    measure: str


class Scores(_Record):
    """One metric of a task's completions, or one lm-eval or fidelity task of a model.

    Attributes:
        task: The task's name.
        measure: Hash of how it was measured: all of the key but what was measured.
        protocol: What must agree for two such numbers to be comparable.
        metrics: The numbers by metric.
        note: Why there are none, where that lies in the model.
    """

    kind: Literal["scores"] = "scores"
    task: str
    measure: str
    protocol: Fields
    metrics: dict[str, Metric]
    note: str = ""


class Shared(_Record):
    """What the cells of a run share: token ids, teacher states, task rows.

    Attributes:
        about: What a reader may want to know of it, as the number of examples.
    """

    kind: Literal["shared"] = "shared"
    about: Fields = {}


class Made(_Record):
    """How an artifact came to be.

    Attributes:
        akl_bench: Version.
        libraries: Versions of what the stage uses.
        device: Name of the GPU, or "cpu".
        machine: Processor architecture.
        threads: Torch threads; 0 where torch had no part in it.
        seconds: Wall clock.
        peak_memory_mib: Largest resident memory of the process so far.
    """

    akl_bench: str
    libraries: dict[str, str]
    device: str
    machine: str
    threads: int
    seconds: float
    peak_memory_mib: int


class Seal(_Record):
    """The file written last into an artifact's folder.

    Attributes:
        key: Hash of `fields`.
        fields: Everything that the artifact depends on.
        record: What it holds.
        made: How it came to be.
        files: Hash of every other file in the folder.
    """

    schema_version: Literal[2] = SCHEMA
    key: str
    fields: Fields
    record: Annotated[Student | Trial | Completions | Scores | Shared, Field(discriminator="kind")]
    made: Made
    files: dict[str, str]


def point_of(axes: Fields) -> tuple[tuple[str, str], ...]:
    """A point of a sweep with its values as text."""
    return tuple(
        (key, value if isinstance(value, str) else json.dumps(value)) for key, value in axes.items()
    )


class CellRecord(_Record):
    """One (objective, student, seed, axes) of a run.

    Attributes:
        objective: Label of its row: a canonical spec, "teacher", "untrained", or the label of a
            checkpoint that was trained elsewhere.
        student: Name of the student in the profile; "" for the teacher and for checkpoints.
        seed: Training and decoding seed.
        kind: Where its model comes from.
        name: Its folder.
        path: Folder of the checkpoint, where it is one.
        axes: What a sweep sets for it: key of the profile, as "training.steps", to value.
    """

    objective: str
    student: str
    seed: int
    kind: Literal["teacher", "untrained", "trained", "checkpoint"]
    name: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,79}$")
    path: str = ""
    axes: Fields = {}

    @property
    def label(self) -> str:
        """How it is named to people."""
        axes = (f"{key}={text}" for key, text in point_of(self.axes))
        parts = (self.objective, self.student, *axes, f"seed {self.seed}")
        return ", ".join(part for part in parts if part)


class Measured(_Record):
    """How a score of a task is measured now: as in `Scores`."""

    measure: str
    protocol: Fields


class Tuned(_Record):
    """The learning rate of an objective, and how it was chosen.

    Attributes:
        objective, student, axes: As of a cell.
        lr: The chosen rate.
        scores: Mean over the trials' seeds by rate; None where a trial diverged.
    """

    objective: str
    student: str
    axes: Fields
    lr: float
    scores: dict[float, float | None]

    @property
    def at_edge(self) -> bool:
        """Whether the rate is the smallest or the largest that was tried."""
        return self.lr in (min(self.scores), max(self.scores))


class Overlap(_Record):
    """How many rows of validation or of a task share something with the training records.

    Attributes:
        rows: Number of all rows.
        prompts: Those whose prompt is one of training.
        pairs: Those whose prompt comes with one of its answers there.
        ngrams: Those that have 13 words in a row in common.
    """

    rows: int
    prompts: int
    pairs: int
    ngrams: int

    @property
    def shared(self) -> tuple[int, int, int]:
        """The counts, what matters most first."""
        return self.prompts, self.pairs, self.ngrams

    @property
    def shares(self) -> dict[str, float]:
        """Percent of the rows, by what they share."""
        counts = {"prompt": self.prompts, "prompt with answer": self.pairs, "13-gram": self.ngrams}
        return {name: 100 * count / max(1, self.rows) for name, count in counts.items()}


class RunRecord(_Record):
    """The content of run.json.

    Attributes:
        profile: The resolved profile.
        cells: The cells asked for.
        tuned: The learning rates that were chosen.
        completions: How each task is answered now, as `Completions.measure`.
        scores: How each score is measured now, by task and name. A number that was measured
            otherwise is out of date.
        overlap: What validation and each task that has rows share with the training records.
    """

    schema_version: Literal[2] = SCHEMA
    profile: Profile
    cells: tuple[CellRecord, ...]
    tuned: tuple[Tuned, ...] = ()
    completions: Mapping[str, str]
    scores: Mapping[str, Mapping[str, Measured]]
    overlap: Mapping[str, Overlap] = {}
