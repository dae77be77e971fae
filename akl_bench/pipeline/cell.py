"""One cell: train -> generate -> score -> seal; what is already there is not done again."""

import contextlib
import platform
import resource
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from akl_bench import __version__, divergences
from akl_bench.config import ModelRef, Profile
from akl_bench.errors import UsageError
from akl_bench.executors.base import Report
from akl_bench.models.loading import build_student, load_model, load_tokenizer
from akl_bench.models.lora import adapters
from akl_bench.pipeline import prepare, score
from akl_bench.pipeline.inputs import libraries
from akl_bench.pipeline.objectives import SFT
from akl_bench.artifacts.files import file_digest, new_folder, read_json, write_json, write_jsonl
from akl_bench.artifacts.store import TEACHER, UNTRAINED, Cell, broken_files, seal
from akl_bench.training.distill import Examples, Selection, distill, mean_loss
from akl_bench.training.objective import Head, Objective
from akl_bench.training.teacher_states import CachedTeacher, LiveTeacher, TeacherStates


def run_cell(cell: Cell, profile: Profile, folder: Path, shared: Path, report: Report) -> None:
    """Bring a cell to its seal.

    Args:
        cell: What to train and with which seed.
        profile: The resolved profile of the run.
        folder: The cell's folder.
        shared: What `prepare` wrote.
        report: Told the stage and how far it is.

    Raises:
        AklBenchError: Training diverged, or a metric could not be computed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "cell.json", {**asdict(cell), "profile": profile.model_dump(mode="json")})
    context = score.Context(
        cell=cell,
        profile=profile,
        folder=folder,
        shared=shared,
        report=report,
        device=prepare.device(),
        tokenizer=load_tokenizer(profile.teacher, online=profile.online),
        vocab_size=prepare.load_shared(shared)["vocab_size"],
        seconds=dict((_trained(folder) or {}).get("seconds", {})),
    )
    model = _model(context)
    with _timer(context, "score"):
        results = score.score(context, model)
    write_jsonl(folder / "scores.jsonl", [row for task in results.values() for row in task.rows])
    tasks = {name: task.summary for name, task in results.items()}
    write_json(folder / "metrics.json", tasks)
    seal(folder, _record(context, model, tasks))


def _record(context: score.Context, model: Any, tasks: dict[str, Any]) -> dict[str, Any]:
    cell, profile = context.cell, context.profile
    return {
        "cell": asdict(cell),
        "profile": profile.name,
        "smoke": profile.smoke,
        "dry_models": profile.dry_models,
        "tasks": tasks,
        "parameters": sum(p.numel() for p in model.parameters()),
        "seconds": {name: round(value, 3) for name, value in context.seconds.items()},
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "provenance": {
            "akl_bench": __version__,
            "libraries": libraries(),
            "device": torch.cuda.get_device_name() if context.device.type == "cuda" else "cpu",
            "machine": platform.machine(),
            "threads": torch.get_num_threads(),
        },
    }


@contextlib.contextmanager
def _timer(context: score.Context, name: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    context.seconds[name] = context.seconds.get(name, 0.0) + time.monotonic() - start


def _trained(folder: Path) -> dict[str, Any] | None:
    """The note of a finished training; None where there is none or its student is damaged."""
    note = folder / "trained.json"
    try:
        content: dict[str, Any] = read_json(note)
    except (OSError, UsageError):
        return None
    return None if broken_files(folder, content) else content


def _model(context: score.Context) -> Any:
    """The teacher, the untrained student, or the student as this cell trains it."""
    profile, cell = context.profile, context.cell
    if cell.objective == TEACHER:
        return load_model(
            profile.teacher,
            dtype=prepare.teacher_dtype(profile),
            device=context.device,
            online=profile.online,
        )
    student = build_student(
        profile.students[cell.student],
        profile.teacher,
        seed=cell.seed,
        dtype=torch.float32,
        device=context.device,
        online=profile.online,
    )
    if cell.objective == UNTRAINED:
        return student
    trained = context.folder / "student"
    if _trained(context.folder):
        return load_model(
            ModelRef(source="path", path=str(trained)), dtype=torch.float32, device=context.device
        )
    with _timer(context, "train"), adapters(student, profile.training.lora, seed=cell.seed):
        _train(context, student)
    with new_folder(trained) as temporary:
        student.save_pretrained(temporary)
        context.tokenizer.save_pretrained(temporary)
    files = {f"student/{path.name}": file_digest(path) for path in sorted(trained.iterdir())}
    write_json(context.folder / "trained.json", {"seconds": context.seconds, "files": files})
    shutil.rmtree(context.folder / "checkpoints", ignore_errors=True)
    return student


def _train(context: score.Context, student: Any) -> None:
    profile, cell = context.profile, context.cell
    training = profile.training
    pad_id = context.tokenizer.pad_token_id
    teacher_head: Head | None = None
    if cell.objective == SFT:
        objective = Objective(None, kd_ratio=0.0)
    else:
        objective = Objective(
            divergences.get(cell.plugin),
            kd_ratio=training.kd_ratio,
            temperature=training.temperature,
        )
        teacher_head = prepare.load_teacher_head(context.shared, context.vocab_size, context.device)
    teacher = _live_teacher(context) if teacher_head and not training.teacher_cache else None

    def examples(name: str) -> Examples:
        encoded = prepare.load_encoded(context.shared / f"{name}.npz")
        states: TeacherStates | None = teacher
        if teacher_head is not None and teacher is None:
            states = CachedTeacher(context.shared / f"teacher-{name}")
        return Examples(encoded, states)

    validation = examples("validation")

    def negative_loss(model: Any) -> float:
        return -mean_loss(
            model,
            objective,
            validation,
            teacher_head,
            vocab_size=context.vocab_size,
            pad_id=pad_id,
        )

    if training.select == "rouge_l":
        selection = Selection(
            "rouge_l", lambda model: score.validation_rouge_l(context, model, validation.encoded)
        )
    else:
        selection = Selection("negative_loss", negative_loss)
    distill(
        student,
        objective,
        examples("train"),
        teacher_head,
        training,
        vocab_size=context.vocab_size,
        pad_id=pad_id,
        seed=cell.seed,
        selection=selection,
        folder=context.folder,
        progress=lambda done, total: context.report("train", done, total),
    )


def _live_teacher(context: score.Context) -> LiveTeacher:
    profile = context.profile
    return LiveTeacher(
        load_model(
            profile.teacher,
            dtype=prepare.teacher_dtype(profile),
            device=context.device,
            online=profile.online,
        )
    )
