"""What a run will take, without loading a model."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from akl_bench.artifacts.records import Fields, Overlap
from akl_bench.config import Profile
from akl_bench.data.prompts import Prompt
from akl_bench.executors.base import Executor
from akl_bench.models.census import parameter_count
from akl_bench.models.locate import locate, read_json
from akl_bench.pipeline.inputs import Inputs
from akl_bench.pipeline.plan import Plan
from akl_bench.pipeline.points import Points
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
        tuned: Number of learning rates that are chosen.
        trials: Number of trials until the others are.
        there: Artifacts that are there, by stage.
        missing: Artifacts that are to be made, by stage and reason.
        steps: Optimiser steps of a trained cell, at each point of the axes.
        tokens_per_step: Tokens that a step reads, prompts included.
        teacher_parameters: Of the teacher.
        student_parameters: Of each student.
        disk_bytes: Teacher states and students.
        seconds: Of what is missing.
        workers: Cells at a time.
        measured: Whether students' seconds come from students of the same run.
        overlap: What validation and tasks share with the training data.
    """

    cells: int
    tuned: int
    trials: int
    there: Counter[str]
    missing: Counter[tuple[str, str]]
    steps: tuple[int, ...]
    tokens_per_step: int
    teacher_parameters: int
    student_parameters: dict[str, int]
    disk_bytes: int
    seconds: float
    workers: int
    measured: bool
    overlap: dict[str, Overlap]


def estimate(
    specs: Sequence[str],
    profile: Profile,
    folder: Path,
    executor: Executor,
    *,
    points: Sequence[Fields] = ({},),
) -> Estimate:
    """Estimate a run; the data is read and checked, and no model is loaded (dry ones are made).

    Raises:
        UsageError: As `run` would.
    """
    run = Points(specs, profile, folder, executor, points=points)
    plans = run.plan()
    there: Counter[str] = Counter()
    missing: Counter[tuple[str, str]] = Counter()
    lacking: Counter[tuple[str, int]] = Counter()
    seconds: dict[tuple[str, int], list[float]] = {}
    begun = 0
    sizes = [_examples(inputs) for inputs in run.inputs]
    steps = [
        total_steps(plan.profile.training, examples)
        for plan, (examples, *_) in zip(plans, sizes, strict=True)
    ]
    for at, plan in enumerate(plans):
        for cell in plan.cells:
            before = lacking.total()
            for name, artifact in plan.artifacts(cell):
                stage = name.partition(" ")[0]
                # Students of another point take another time; how they are measured does not.
                kind = (name, steps[at] if stage == "student" else 0)
                seal = artifact.sealed() if artifact else None
                if seal is not None:
                    there[stage] += 1
                    seconds.setdefault(kind, []).append(seal.made.seconds)
                else:
                    missing[stage, plan.why(cell, name, artifact)] += 1
                    lacking[kind] += 1
            begun += lacking.total() > before
        if plan.waiting:
            left = len(plan.waiting)
            missing["student", "its learning rate is not chosen yet"] += left
            lacking["student", steps[at]] += left + plan.trials_left
            begun += left + plan.trials_left
    own = plans[0]
    examples, per_example, states = sizes[0]
    tokens = own.profile.training.batch_size * per_example
    students = {name: _parameters(own, name) for name in own.profile.students}
    teacher = _parameters(own, "teacher")
    workers = executor.workers or own.machine.count or os.cpu_count() or 1
    work = begun * _SECONDS_PER_CELL
    for (name, step_count), count in lacking.items():
        train = 6 * step_count * tokens * max(students.values()) / _FLOPS_PER_CORE
        guess = _SECONDS.get(name.partition(" ")[0], train)
        kind = (name, step_count)
        work += count * (fmean(seconds[kind]) if kind in seconds else guess)
    trained = sum(count for (name, _), count in lacking.items() if name == "student")
    if trained:
        work += 2 * teacher * per_example * examples / _FLOPS_PER_CORE
    width = _width(own) if lacking else 0
    trials = sum(plan.trials_left for plan in plans)
    return Estimate(
        cells=sum(len(plan.cells) + len(plan.waiting) for plan in plans),
        tuned=sum(len(plan.tuned) for plan in plans),
        trials=trials,
        there=there,
        missing=missing,
        steps=tuple(dict.fromkeys(steps[1:] or steps)),
        tokens_per_step=round(tokens),
        teacher_parameters=teacher,
        student_parameters=students,
        disk_bytes=round(_BYTES * (width * states + (trained - trials) * max(students.values()))),
        seconds=work / workers,
        workers=workers,
        measured=any(name == "student" for name, _ in seconds),
        overlap=run.overlap,
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
