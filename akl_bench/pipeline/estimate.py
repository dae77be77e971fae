"""What a run will take, without loading a model."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from akl_bench.config import Profile
from akl_bench.data.prompts import Prompt
from akl_bench.models.census import parameter_count
from akl_bench.pipeline import objectives
from akl_bench.pipeline.inputs import load_data
from akl_bench.results.store import Run, read_seal

# Of English text; a word-level vocabulary has 1.
_TOKENS_PER_WORD = 1.35
# What one core was seen to do in float32, matrix products and everything around them.
_FLOPS_PER_CORE = 2.0e10
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
    """Estimate a run; the data is read and checked, no model is loaded.

    Raises:
        UsageError: As `run` would.
    """
    from akl_bench.training.distill import total_steps

    wanted = objectives.resolve(specs)
    train, validation, tasks = load_data(profile)
    prompt = Prompt(profile.prompt)
    per_word = 1.0 if profile.teacher.source == "microworld" else _TOKENS_PER_WORD
    responses = [per_word * (len(r.outputs[0].split()) + 1) for r in train]
    prompts = [per_word * len(prompt.render(r).split()) for r in train]
    steps = total_steps(profile.training, len(train))
    tokens = steps * profile.training.batch_size * (fmean(responses) + fmean(prompts))

    teacher = _parameters(profile, "teacher")
    students = {name: _parameters(profile, name) for name in profile.students}
    trained = len(wanted) * len(students) * len(profile.seeds)
    cells = trained + (1 + len(students)) * len(profile.seeds)
    workers = os.cpu_count() or 1
    seals = [r for path in Run(folder).cells.glob("*/") if (r := read_seal(path)) is not None]
    if seals:
        per_cell = fmean(sum(record["seconds"].values()) for record in seals)
        seconds = per_cell * max(0, cells - len(seals)) / workers
    else:
        rows = sum(map(len, tasks.values()))
        scoring = rows * (fmean(responses) + fmean(prompts))
        flops = sum(6 * count * tokens + 2 * count * scoring for count in students.values())
        flops = flops * len(wanted) + 2 * teacher * scoring
        seconds = flops * len(profile.seeds) / (_FLOPS_PER_CORE * workers)
        seconds += 2 * teacher * sum(responses + prompts) / (_FLOPS_PER_CORE * workers)
    width = (teacher / 12) ** 0.5 if teacher < 1e7 else 1024
    states = _BYTES * width * sum(responses) * (1 + len(validation) / len(train))
    disk = states + _BYTES * sum(students.values()) * len(wanted) * len(profile.seeds)
    return Estimate(
        [objective.label for objective in wanted],
        cells,
        trained,
        len(seals),
        steps,
        round(tokens),
        teacher,
        students,
        round(disk),
        seconds,
        workers,
        bool(seals),
    )


def _parameters(profile: Profile, name: str) -> int:
    ref = profile.teacher if name == "teacher" else profile.students[name]
    return parameter_count(ref, profile.teacher, online=profile.online)
