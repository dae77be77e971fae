"""What a run will take, without loading a model."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from akl_bench.artifacts.store import Run, read_seal
from akl_bench.config import Profile
from akl_bench.data.prompts import Prompt
from akl_bench.models.census import parameter_count
from akl_bench.models.locate import locate, read_json
from akl_bench.pipeline import objectives
from akl_bench.pipeline.inputs import load_inputs, plan_cells

# Of English text; a word-level vocabulary has 1.
_TOKENS_PER_WORD = 1.35
# What one core was seen to do in float32, matrix products and everything around them.
_FLOPS_PER_CORE = 2.0e10
# Start, sampling and lm-eval of a small model.
_SECONDS_PER_CELL = 4.0
_BYTES = 4


@dataclass(frozen=True)
class Estimate:
    """The size of a run.

    Attributes:
        objectives: Labels of the objectives.
        cells: Number of cells.
        trained: Those of them that train.
        sealed: Those of them that are done.
        steps: Optimiser steps of a trained cell.
        tokens_per_cell: Tokens that a trained cell reads, prompts included.
        teacher_parameters: Of the teacher.
        student_parameters: Of each student.
        disk_bytes: Teacher states and students.
        seconds: Of the cells that are not sealed.
        workers: Cells at a time.
        measured: Whether seconds come from sealed cells of the same run.
    """

    objectives: list[str]
    cells: int
    trained: int
    sealed: int
    steps: int
    tokens_per_cell: int
    teacher_parameters: int
    student_parameters: dict[str, int]
    disk_bytes: int
    seconds: float
    workers: int
    measured: bool


def estimate(specs: Sequence[str], profile: Profile, folder: Path) -> Estimate:
    """Estimate a run; the data is read and checked, and no model is loaded (dry ones are made).

    Raises:
        UsageError: As `run` would.
    """
    wanted = objectives.resolve(specs)
    inputs = load_inputs(profile, folder / "shared" / "dry-models")
    profile, train = inputs.profile, inputs.train
    prompt = Prompt(profile.prompt)
    per_word = 1.0 if profile.teacher.source == "microworld" else _TOKENS_PER_WORD
    lengths = [
        (per_word * len(prompt.render(r).split()), per_word * (len(r.outputs[0].split()) + 1))
        for r in train
    ]
    data = profile.data
    fit = [
        (prompt_tokens, response_tokens)
        for prompt_tokens, response_tokens in lengths
        if prompt_tokens <= data.max_prompt_tokens and response_tokens <= data.max_response_tokens
    ] or lengths
    per_example = fmean(map(sum, fit))
    steps = profile.training.total_steps(len(fit))
    tokens = steps * profile.training.batch_size * per_example

    teacher = _parameters(profile, "teacher")
    students = {name: _parameters(profile, name) for name in profile.students}
    seeds, workers = len(profile.seeds), os.cpu_count() or 1
    trained = len(wanted) * len(students) * seeds
    planned = plan_cells(inputs, wanted, profile.seeds)
    cells = len(planned)
    seals = (read_seal(Run(folder).cell_folder(cell)) for cell in planned)
    sealed = [record for record in seals if record is not None]
    if sealed:
        cell_seconds = fmean(sum(record["seconds"].values()) for record in sealed)
        seconds = cell_seconds * (cells - len(sealed)) / workers
    else:
        scored = per_example * sum(map(len, inputs.tasks.values()))
        flops = (
            2 * teacher * per_example * (len(fit) + len(inputs.validation)) + 2 * teacher * scored
        )
        for count in students.values():
            flops += (6 * tokens + 2 * scored) * count * len(wanted) * seeds
        seconds = (flops / _FLOPS_PER_CORE + _SECONDS_PER_CELL * cells) / workers
    states = _BYTES * _width(profile) * sum(response for _, response in fit)
    disk = states + _BYTES * sum(students.values()) * len(wanted) * seeds
    return Estimate(
        [objective.label for objective in wanted],
        cells,
        trained,
        len(sealed),
        steps,
        round(tokens),
        teacher,
        students,
        round(disk),
        seconds,
        workers,
        bool(sealed),
    )


def _width(profile: Profile) -> int:
    """Width of the teacher's hidden states."""
    folder = locate(profile.teacher, online=profile.online)
    config = read_json(folder / "config.json")
    return int(config.get("hidden_size") or config["n_embd"])


def _parameters(profile: Profile, name: str) -> int:
    ref = profile.teacher if name == "teacher" else profile.students[name]
    return parameter_count(ref, profile.teacher, online=profile.online)
