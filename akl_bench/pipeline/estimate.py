"""What a run will take, without loading a model."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from akl_bench.artifacts.records import Overlap
from akl_bench.config import Profile
from akl_bench.data.prompts import Prompt
from akl_bench.executors.base import Executor
from akl_bench.models.census import parameter_count
from akl_bench.models.locate import locate, read_json
from akl_bench.pipeline.inputs import Inputs
from akl_bench.pipeline.plan import Plan
from akl_bench.pipeline.run import plan_run
from akl_bench.training.schedule import total_steps

# Of English text; a word-level vocabulary has 1.
_TOKENS_PER_WORD = 1.35
# What one core was seen to do in float32, matrix products and everything around them.
_FLOPS_PER_CORE = 2.0e10
# Sampling a task, lm-eval on one, or a metric of a small model; the start of a process.
_SECONDS = {"completions": 0.5, "scores": 0.1}
_SECONDS_PER_CELL = 2.0
_BYTES = 4


@dataclass(frozen=True)
class Estimate:
    """The size of a run.

    Attributes:
        cells: Number of cells.
        there: Artifacts that are there, by stage.
        missing: Artifacts that are to be made, by stage and reason.
        steps: Optimiser steps of a trained cell.
        tokens_per_cell: Tokens that a trained cell reads, prompts included.
        teacher_parameters: Of the teacher.
        student_parameters: Of each student.
        disk_bytes: Teacher states and students.
        seconds: Of what is missing.
        workers: Cells at a time.
        measured: Whether students' seconds come from students of the same run.
        overlap: What validation and tasks share with the training data.
    """

    cells: int
    there: Counter[str]
    missing: Counter[tuple[str, str]]
    steps: int
    tokens_per_cell: int
    teacher_parameters: int
    student_parameters: dict[str, int]
    disk_bytes: int
    seconds: float
    workers: int
    measured: bool
    overlap: dict[str, Overlap]


def estimate(specs: Sequence[str], profile: Profile, folder: Path, executor: Executor) -> Estimate:
    """Estimate a run; the data is read and checked, and no model is loaded (dry ones are made).

    Raises:
        UsageError: As `run` would.
    """
    inputs, plan = plan_run(specs, profile, folder, executor)
    there: Counter[str] = Counter()
    missing: Counter[tuple[str, str]] = Counter()
    lacking: Counter[str] = Counter()
    seconds: dict[str, list[float]] = {}
    begun = 0
    for cell in plan.cells:
        before = lacking.total()
        for name, artifact in plan.artifacts(cell):
            stage = name.partition(" ")[0]
            seal = artifact.sealed() if artifact else None
            if seal is not None:
                there[stage] += 1
                seconds.setdefault(name, []).append(seal.made.seconds)
            else:
                missing[stage, plan.why(cell, name, artifact)] += 1
                lacking[name] += 1
        begun += lacking.total() > before
    examples, per_example, states = _examples(inputs)
    steps = total_steps(plan.profile.training, examples)
    tokens = steps * plan.profile.training.batch_size * per_example
    students = {name: _parameters(plan, name) for name in plan.profile.students}
    teacher = _parameters(plan, "teacher")
    workers = executor.workers or plan.machine.count or os.cpu_count() or 1
    train = 6 * tokens * max(students.values()) / _FLOPS_PER_CORE
    work = begun * _SECONDS_PER_CELL
    for name, count in lacking.items():
        guess = _SECONDS.get(name.partition(" ")[0], train)
        work += count * (fmean(seconds[name]) if name in seconds else guess)
    if lacking["student"]:
        work += 2 * teacher * per_example * examples / _FLOPS_PER_CORE
    width = _width(plan) if lacking else 0
    return Estimate(
        cells=len(plan.cells),
        there=there,
        missing=missing,
        steps=steps,
        tokens_per_cell=round(tokens),
        teacher_parameters=teacher,
        student_parameters=students,
        disk_bytes=round(_BYTES * (width * states + lacking["student"] * max(students.values()))),
        seconds=work / workers,
        workers=workers,
        measured="student" in seconds,
        overlap=inputs.overlap,
    )


def _examples(inputs: Inputs) -> tuple[int, float, float]:
    """Training examples that fit, tokens of each, and response tokens of all: a guess by words."""
    profile = inputs.profile
    prompt, data = Prompt(profile.prompt), profile.data
    per_word = 1.0 if profile.teacher.source == "microworld" else _TOKENS_PER_WORD
    lengths = [
        (per_word * len(prompt.render(r).split()), per_word * (len(r.outputs[0].split()) + 1))
        for r in inputs.train
    ]
    fit = [
        (prompt_tokens, response_tokens)
        for prompt_tokens, response_tokens in lengths
        if prompt_tokens <= data.max_prompt_tokens and response_tokens <= data.max_response_tokens
    ] or lengths
    return len(fit), fmean(map(sum, fit)), sum(response for _, response in fit)


def _width(plan: Plan) -> int:
    """Width of the teacher's hidden states."""
    folder = locate(plan.profile.teacher, online=plan.profile.online)
    config = read_json(folder / "config.json")
    return int(config.get("hidden_size") or config["n_embd"])


def _parameters(plan: Plan, name: str) -> int:
    profile = plan.profile
    ref = profile.teacher if name == "teacher" else profile.students[name]
    return parameter_count(ref, profile.teacher, online=profile.online)
