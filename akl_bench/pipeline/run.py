"""A run: check everything, prepare what is shared, make what the cells have not."""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from akl_bench.artifacts.records import Fields, Overlap, RunRecord
from akl_bench.artifacts.store import Run
from akl_bench.config import Profile
from akl_bench.errors import AklBenchError
from akl_bench.executors.base import Event, Executor, Job
from akl_bench.executors.local import Local
from akl_bench.pipeline.plan import CellPlan, Plan, run_record
from akl_bench.pipeline.points import PRELOAD, Points

_CELL = "akl_bench.pipeline.cell:run_cell"
_TRIAL = "akl_bench.pipeline.trial:run_trial"


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
    points: Sequence[Fields] = ({},),
    checkpoints: Mapping[str, Path] | None = None,
    executor: Executor | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
    on_plan: Callable[[int, int, int], None] = lambda cells, whole, trials: None,
) -> Outcome:
    """Train and score every (objective, student, seed, axes); what is there is left as it is.

    Where the profile tunes learning rates, trials choose them first. Students that earlier calls
    have trained in the folder are measured as the profile says now.

    Args:
        specs: Objectives; `all` is every registered one; none: nothing is trained.
        profile: The resolved profile.
        folder: The run's folder; made where it is not there.
        points: What a sweep sets in the profile, a mapping for each of its points.
        checkpoints: Folders of models to be scored beside them, by the label of their row.
        executor: Where cells run; default: child processes of this machine.
        on_event: Told what happens.
        on_plan: Told the number of cells, how many of them lack nothing, and the number of trials.

    Raises:
        UsageError: Bad input, or a folder that belongs to another configuration.
        AklBenchError: Preparation failed, or another process works in the folder.
    """
    executor = executor or Local()
    store = Run(folder)
    before = store.read() if store.exists() else None
    own = Points(specs, profile, folder, executor, points=points, checkpoints=checkpoints)
    plans = own.plan()
    with _only_one(folder):
        if (store.read() if store.exists() else None) != before:
            raise AklBenchError(f"{folder}: another akl-bench changed it just now; start again.")
        overlap = _still_so(before, profile) | own.overlap
        failed: dict[str, str] = {}

        def carry_out(labels: Mapping[str, str], jobs: Sequence[Job]) -> None:
            def note(event: Event) -> None:
                if event.kind == "failed":
                    failed[labels[event.job.name]] = event.message
                on_event(event)

            # A folder whose models do not work together belongs to no configuration: only now.
            record = run_record(plans, before)
            store.write(record.model_copy(update={"overlap": overlap}))
            if jobs:
                executor.run(jobs, note, PRELOAD)

        missing = _missing(plans)
        cells = sum(len(plan.cells) + len(plan.waiting) for plan in plans)
        whole = sum(not artifacts for artifacts in missing.values())
        on_plan(cells, whole, sum(plan.trials_left for plan in plans))
        tried: set[str] = set()
        while trials := {
            trial.name: (plan, trial)
            for plan in plans
            for trial in plan.trials
            if trial.name not in tried
        }:
            for at, plan in enumerate(plans):
                wanted = [trial for of, trial in trials.values() if of is plan]
                names = {name for trial in wanted for name in plan.needs_of_trial(trial)}
                own.prepare(plans, at, names, on_event)
            carry_out(
                {name: trial.label for name, (_, trial) in trials.items()},
                [
                    Job(name, _TRIAL, (plan, trial), str(trial.place.log))
                    for name, (plan, trial) in trials.items()
                ],
            )
            tried |= trials.keys()
            plans = own.plan()
        for trial in (trial for plan in plans for trial in plan.trials):
            failed.setdefault(trial.label, "it left nothing where this process looks for it")
        missing = _missing(plans)
        todo = [
            (plan, cell)
            for plan in plans
            for cell in plan.cells
            if _can_be_made(cell, missing[cell.record.name])
        ]
        for at, plan in enumerate(plans):
            names = {
                name
                for of, cell in todo
                if of is plan
                for artifact in missing[cell.record.name]
                for name in plan.needs(cell, artifact)
            }
            own.prepare(plans, at, names, on_event)
        carry_out(
            {cell.record.name: cell.record.label for _, cell in todo},
            [
                Job(cell.record.name, _CELL, (plan, cell), str(plan.place(cell).log))
                for plan, cell in todo
            ],
        )
        made = {cell.record.name: len(missing[cell.record.name]) for _, cell in todo}
        return Outcome(cells, made, failed)


def _missing(plans: Sequence[Plan]) -> dict[str, list[str]]:
    """What each cell lacks, by its name."""
    return {cell.record.name: plan.missing(cell) for plan in plans for cell in plan.cells}


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
