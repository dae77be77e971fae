"""A run: check everything, prepare what is shared, make what the cells have not."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from akl_bench.artifacts.keys import differences
from akl_bench.artifacts.records import Overlap, RunRecord
from akl_bench.artifacts.store import Run
from akl_bench.config import Profile
from akl_bench.errors import AklBenchError, UsageError
from akl_bench.executors.base import Event, Executor, Job
from akl_bench.executors.local import Local
from akl_bench.pipeline import objectives, planning
from akl_bench.pipeline.inputs import Inputs, load_inputs
from akl_bench.pipeline.plan import CellPlan, Plan

_CELL = "akl_bench.pipeline.cell:run_cell"
# Imported once by the fork server instead of once per cell.
_PRELOAD = ("akl_bench.pipeline.preload",)
# What a run that was stopped while it prepared leaves behind.
_OWN_FILES = {"shared", "cells", "run.lock", "prepare.log"}
_FREE_KEYS = ("description", "seeds", "online", "tasks", "data.root", "training.checkpoint_every")


@dataclass(frozen=True)
class Outcome:
    """What became of a call of `run`.

    Attributes:
        cells: Number of cells of the call.
        made: Names of the cells that were worked on, with the number of artifacts each lacked.
        failed: Message by cell label.
    """

    cells: int
    made: dict[str, int]
    failed: dict[str, str]


def run(
    specs: Sequence[str],
    profile: Profile,
    folder: Path,
    *,
    checkpoints: Mapping[str, Path] | None = None,
    executor: Executor | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
    on_plan: Callable[[int, int], None] = lambda total, whole: None,
) -> Outcome:
    """Train and score every (objective, student, seed); what is there is left as it is.

    Students that earlier calls have trained in the folder are measured as the profile says now.

    Args:
        specs: Objectives; `all` is every registered one; none: nothing is trained.
        profile: The resolved profile.
        folder: The run's folder; made where it is not there.
        checkpoints: Folders of models to be scored beside them, by the label of their row.
        executor: Where cells run; default: child processes of this machine.
        on_event: Told what happens.
        on_plan: Told the number of cells, and how many of them lack nothing.

    Raises:
        UsageError: Bad input, or a folder that belongs to another configuration.
        AklBenchError: Preparation failed, or another process works in the folder.
    """
    executor = executor or Local()
    store = Run(folder)
    before = store.read() if store.exists() else None
    inputs, planned = plan_run(specs, profile, folder, executor, checkpoints=checkpoints)
    with _only_one(folder):
        if (store.read() if store.exists() else None) != before:
            raise AklBenchError(f"{folder}: another akl-bench changed it just now; start again.")
        missing = {cell.record.name: planned.missing(cell) for cell in planned.cells}
        todo = [cell for cell in planned.cells if _can_be_made(cell, missing[cell.record.name])]
        on_plan(len(planned.cells), len(planned.cells) - len(todo))
        # Before run.json: a folder whose models do not work together belongs to no configuration.
        _prepare(inputs, planned, _needed(planned, todo, missing), executor, on_event)
        overlap = _still_so(before, profile) | inputs.overlap
        store.write(planned.run_record.model_copy(update={"overlap": overlap}))
        failed: dict[str, str] = {}
        by_name = {cell.record.name: cell.record for cell in todo}

        def note(event: Event) -> None:
            if event.kind == "failed":
                failed[by_name[event.job.name].label] = event.message
            on_event(event)

        jobs = [
            Job(cell.record.name, _CELL, (planned, cell), str(planned.place(cell).log))
            for cell in todo
        ]
        if jobs:
            executor.run(jobs, note, _PRELOAD)
        return Outcome(len(planned.cells), {name: len(missing[name]) for name in by_name}, failed)


def plan_run(
    specs: Sequence[str],
    profile: Profile,
    folder: Path,
    executor: Executor,
    *,
    checkpoints: Mapping[str, Path] | None = None,
) -> tuple[Inputs, Plan]:
    """Check everything that `run` is given, and plan it.

    Raises:
        UsageError: Bad input, or a folder that belongs to another configuration.
    """
    wanted = objectives.resolve(specs)
    store = Run(folder)
    if store.exists():
        _same_configuration(store, profile)
    elif folder.is_dir() and not {path.name for path in folder.iterdir()} <= _OWN_FILES:
        raise UsageError(f"{folder} holds other files and no run; name another folder with --out.")
    inputs = load_inputs(profile, store.shared / "dry-models", training=bool(wanted))
    machine = executor.machine()
    return inputs, planning.make(inputs, wanted, folder, machine, checkpoints=checkpoints)


def _still_so(before: RunRecord | None, profile: Profile) -> dict[str, Overlap]:
    """The overlap of what has the rows that it had: a call that trains nothing reads no training
    data.
    """
    if before is None:
        return {}
    then, now = (
        {"validation": p.data.validation, **{name: task.data for name, task in p.tasks.items()}}
        for p in (before.profile, profile)
    )
    return {name: o for name, o in before.overlap.items() if now.get(name) == then[name]}


def _can_be_made(cell: CellPlan, missing: Sequence[str]) -> bool:
    """Whether a cell lacks something that this call can make."""
    return bool(missing) and (cell.objective is not None or "student" not in missing)


def _needed(
    planned: Plan, todo: Sequence[CellPlan], missing: Mapping[str, Sequence[str]]
) -> list[str]:
    """Names of what is shared that some cell needs and that is not there, or is damaged."""
    names = {
        name
        for cell in todo
        for artifact in missing[cell.record.name]
        for name in planned.needs(cell, artifact)
    }
    return sorted(name for name in names if planned.shared[name].whole() is None)


def _prepare(
    inputs: Inputs,
    planned: Plan,
    names: Sequence[str],
    executor: Executor,
    on_event: Callable[[Event], None],
) -> None:
    """Make what cells share, where the cells run."""
    if not names:
        return
    problems: list[str] = []

    def note(event: Event) -> None:
        if event.kind == "failed":
            problems.append(event.message)
        on_event(event)

    log = str(planned.folder / "prepare.log")
    arguments = (inputs, planned, names)
    job = Job("prepare", "akl_bench.pipeline.prepare:prepare", arguments, log, alone=True)
    executor.run([job], note, _PRELOAD)
    if problems:
        raise UsageError(f"{problems[0]} ({log} says more)")
    for name in names:
        # What it was before data or code changed is large, and of no use now.
        now = planned.shared[name].folder
        for other in now.parent.glob(f"{name}-????????"):
            if other != now:
                shutil.rmtree(other)


def _same_configuration(store: Run, profile: Profile) -> None:
    """Refuse a folder whose students were made from other settings."""
    before, now = store.read().profile, profile
    free = [*_FREE_KEYS, *(["teacher", "students"] if profile.dry_models else [])]
    # Students may come and go; each that stays is what it was.
    both = before.students.keys() & now.students.keys()
    one, other = (
        p.model_copy(update={"students": {name: p.students[name] for name in both}})
        for p in (before, now)
    )
    lines = [
        f"  {line}"
        for line in differences(one.model_dump(mode="json"), other.model_dump(mode="json"))
        if not _is_free(line.partition(":")[0], free)
    ]
    if lines:
        raise UsageError(
            f"{store.folder} belongs to another configuration (there -> now):\n"
            + "\n".join(lines)
            + "\nName another folder with --out, or give the same settings."
        )


def _is_free(key: str, free: Sequence[str]) -> bool:
    """Whether a setting decides no student: what is scored, or where inputs lie."""
    return key.endswith(".path") or any(key == f or key.startswith(f"{f}.") for f in free)


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Hold the run's lock; the kernel lets go of it when this process ends, however it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "run.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise AklBenchError(
                f"{folder} is in use by another akl-bench (process {lock.read().strip()}). "
                "Wait for it, or name another folder with --out."
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
