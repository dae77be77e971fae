"""The first stage of a cell: its student, trained and sealed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch

from akl_bench import divergences
from akl_bench.artifacts.records import Student
from akl_bench.artifacts.store import MODEL
from akl_bench.models.census import content_hash
from akl_bench.models.loading import build_student, load_tokenizer
from akl_bench.models.lora import adapters
from akl_bench.pipeline import shared
from akl_bench.pipeline.model import device
from akl_bench.pipeline.provenance import made_here
from akl_bench.training import devices, sources, teachers
from akl_bench.training.loop import Learner, Lesson, Selection, distill, mean_loss
from akl_bench.training.objective import Objective

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from akl_bench.executors.base import Report
    from akl_bench.pipeline.plan import CellPlan, Plan
    from akl_bench.training.teachers.base import Open


def train(
    plan: Plan, cell: CellPlan, report: Report, criterion: Callable[[PreTrainedModel], float] | None
) -> None:
    """Train a cell's student and seal it.

    A criterion chooses among the weights, the higher the better; without one it is the objective's
    own loss.

    Raises:
        AklBenchError: Training diverged.
    """
    spec, artifact = cell.objective, plan.student(cell)
    assert spec is not None and artifact is not None, "only cells that train come here"
    profile, seed = plan.profile, cell.record.seed
    training = profile.training
    tokenizer = load_tokenizer(profile.teacher, online=profile.online)
    student = build_student(
        profile.students[cell.record.student],
        profile.teacher,
        seed=seed,
        dtype=torch.float32,
        device=device(plan),
        online=profile.online,
    )
    learner = Learner(
        student, _objective(plan, spec.loss), shared.vocab_size(plan), tokenizer.pad_token_id
    )
    source = sources.registry.create(spec.source)
    lesson, held_out = _lessons(plan, learner, cell.model["data"]["train_set"], "validation")
    selection = (
        Selection("negative_loss", lambda model: -mean_loss(learner, held_out))
        if criterion is None
        else Selection(training.select, criterion)
    )
    place = plan.place(cell)
    with artifact.make(made_here(cell.model["libraries"])) as making:
        with adapters(student, training.lora, seed=seed):
            steps, selected = distill(
                learner,
                source,
                lesson,
                training,
                devices=devices.registry.create(training.devices),
                precision=plan.precision,
                seed=seed,
                selection=selection,
                folder=making.folder,
                checkpoints=place.checkpoints,
                writer=(
                    shared.writer(plan, student, tokenizer)
                    if "student samples" in source.needs
                    else None
                ),
                progress=partial(report, "train"),
            )
        student.save_pretrained(making.folder / MODEL)
        tokenizer.save_pretrained(making.folder / MODEL)
        making.record = Student(
            content=content_hash(making.folder / MODEL),
            parameters=sum(p.numel() for p in student.parameters()),
            steps=steps,
            selected_step=selected,
        )
    shutil.rmtree(place.checkpoints, ignore_errors=True)


def _objective(plan: Plan, loss: str) -> Objective:
    if loss == "sft":
        return Objective(None, kd_ratio=0.0)
    training = plan.profile.training
    return Objective(
        divergences.get(loss),
        kd_ratio=training.kd_ratio,
        temperature=training.temperature,
        compiled=training.compiled,
    )


def _lessons(plan: Plan, learner: Learner, *names: str) -> list[Lesson]:
    """Sets of examples, with the teacher where the objective has one."""
    opened: Sequence[Open | None] = [None] * len(names)
    if learner.objective.divergence is not None:
        teacher = teachers.registry.create(plan.profile.training.teacher)
        opened = [teacher.open(place) for place in shared.teacher_places(plan, *names)]
    return [
        Lesson(shared.examples(plan, name), at_work)
        for name, at_work in zip(names, opened, strict=True)
    ]
