"""The first stage of a cell: its student, trained and sealed."""

from __future__ import annotations

import shutil
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

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
from akl_bench.training.loop import Learner, Lesson, Selection, Trained, distill
from akl_bench.training.objective import Objective

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from akl_bench.artifacts.records import Fields
    from akl_bench.executors.base import Report
    from akl_bench.pipeline.objectives import ObjectiveSpec
    from akl_bench.pipeline.plan import CellPlan, Plan


def train(plan: Plan, cell: CellPlan, selection: Selection | None, report: Report) -> None:
    """Train a cell's student and seal it.

    Args:
        plan: The plan.
        cell: The cell.
        selection: Chooses among its weights; None takes the last.
        report: Told where it is.

    Raises:
        AklBenchError: Training diverged.
    """
    artifact, place = plan.student(cell), plan.place(cell)
    assert cell.objective is not None and artifact is not None, "only cells that train come here"
    subject = Subject(cell.objective, cell.record.student, cell.record.seed, cell.model)
    with artifact.make(made_here(cell.model["libraries"])) as making:
        student, trained = fit(plan, subject, selection, making.folder, place.checkpoints, report)
        student.save_pretrained(making.folder / MODEL)
        _tokenizer(plan).save_pretrained(making.folder / MODEL)
        making.record = Student(
            content=content_hash(making.folder / MODEL),
            parameters=sum(p.numel() for p in student.parameters()),
            steps=trained.steps,
            selected_step=trained.selected_step,
            clipped=trained.clipped,
        )
    shutil.rmtree(place.checkpoints, ignore_errors=True)


class Subject(NamedTuple):
    """What is to be trained; the key fields of the artifact tell data and learning rate."""

    objective: ObjectiveSpec
    student: str
    seed: int
    fields: Fields


def fit(
    plan: Plan,
    subject: Subject,
    selection: Selection | None,
    folder: Path,
    checkpoints: Path,
    report: Report,
) -> tuple[PreTrainedModel, Trained]:
    """Train a student; its curves go into the folder.

    Raises:
        TrainingDivergedError: A loss, gradient or validation is NaN or infinite.
    """
    profile, fields = plan.profile, subject.fields
    training = profile.training.model_copy(update={"lr": fields["training"]["lr"]})
    tokenizer = _tokenizer(plan)
    student = build_student(
        profile.students[subject.student],
        profile.teacher,
        seed=subject.seed,
        dtype=torch.float32,
        device=device(plan),
        online=profile.online,
    )
    loss = _objective(plan, subject.objective.loss)
    learner = Learner(student, loss, shared.vocab_size(plan), tokenizer.pad_token_id)
    source = sources.registry.create(subject.objective.source)
    samples = "student samples" in source.needs
    with adapters(student, training.lora, seed=subject.seed):
        trained = distill(
            learner,
            source,
            _lesson(plan, learner, fields["data"]["train_set"]),
            training,
            devices=devices.registry.create(training.devices),
            precision=plan.precision,
            seed=subject.seed,
            selection=selection,
            folder=folder,
            checkpoints=checkpoints,
            writer=shared.writer(plan, student, tokenizer) if samples else None,
            progress=partial(report, "train"),
        )
    return student, trained


def _tokenizer(plan: Plan) -> PreTrainedTokenizerBase:
    return load_tokenizer(plan.profile.teacher, online=plan.profile.online)


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


def _lesson(plan: Plan, learner: Learner, name: str) -> Lesson:
    """A set of examples, with the teacher where the objective has one."""
    at_work = None
    if learner.objective.divergence is not None:
        teacher = teachers.registry.create(plan.profile.training.teacher)
        at_work = teacher.open(shared.teacher_place(plan, name))
    return Lesson(shared.examples(plan, name), at_work)
