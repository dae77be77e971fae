"""A run: check everything, prepare what is shared, run the cells that are not sealed."""

import fcntl
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from akl_bench.config import Profile
from akl_bench.errors import AklBenchError, UsageError
from akl_bench.executors.base import Event, Executor, Job
from akl_bench.executors.local import LocalExecutor
from akl_bench.pipeline import objectives
from akl_bench.pipeline.inputs import Inputs, load_inputs, plan_cells, protocol_of
from akl_bench.artifacts.files import flat, read_json
from akl_bench.artifacts.store import Cell, Run, broken_files, read_seal

# Imported once by the fork server instead of once per cell.
_PRELOAD = ("akl_bench.pipeline.preload",)
# What a run that was stopped while it prepared leaves behind.
_OWN_FILES = {"shared", "cells", "run.lock", "prepare.log"}
# Settings that say where inputs lie or what is asked for, not what is computed.
_FREE_KEYS = ("description", "seeds", "online", "root", "path")


@dataclass(frozen=True)
class Outcome:
    """What became of a call of `run`.

    Attributes:
        cells: All cells of the call.
        skipped: Those that were sealed before.
        failed: Message by cell label.
    """

    cells: list[Cell]
    skipped: list[Cell]
    failed: dict[str, str]


def run(
    specs: Sequence[str],
    profile: Profile,
    folder: Path,
    *,
    workers: int | None = None,
    executor: Executor | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
    on_plan: Callable[[int, int], None] = lambda total, sealed: None,
) -> Outcome:
    """Train and score every (objective, student, seed); finished cells are left as they are.

    Args:
        specs: Objectives; `all` is every registered one.
        profile: The resolved profile.
        folder: The run's folder; made where it is not there.
        workers: Cells at a time; default: one per GPU, or one per core.
        executor: Where cells run; default: child processes of this machine.
        on_event: Told what happens.
        on_plan: Told the number of cells, and how many of them are sealed already.

    Raises:
        UsageError: Bad input, or a folder that belongs to another configuration.
        AklBenchError: Preparation failed, or another process works in the folder.
    """
    wanted = objectives.resolve(specs)
    store = Run(folder)
    if store.exists():
        _same_configuration(store, profile)
    elif folder.is_dir() and not {path.name for path in folder.iterdir()} <= _OWN_FILES:
        raise UsageError(f"{folder} holds other files and no run; name another folder with --out.")
    inputs = load_inputs(profile, store.shared / "dry-models")
    cells = plan_cells(inputs, wanted, profile.seeds)
    with _only_one(folder):
        skipped = [cell for cell in cells if _is_sealed(store, cell)]
        todo = [cell for cell in cells if cell not in skipped]
        on_plan(len(cells), len(skipped))
        shared = store.shared / inputs.key
        # Before run.json: a folder whose models do not work together belongs to no configuration.
        gpus = _prepare(inputs, shared, folder, on_event) if todo else 0
        if todo:
            _drop_others(shared)
        _write_run(store, inputs, cells)
        if not todo:
            return Outcome(cells, skipped, {})
        if executor is None:
            executor = LocalExecutor(
                workers or gpus or os.cpu_count() or 1, gpus=gpus, preload=_PRELOAD
            )
        failed: dict[str, str] = {}
        by_name = {cell.name: cell for cell in todo}

        def note(event: Event) -> None:
            if event.kind == "failed":
                failed[by_name[event.job.name].label] = event.message
            on_event(event)

        executor.run([_job(store, cell, inputs.profile, shared) for cell in todo], note)
        return Outcome(cells, skipped, failed)


def _job(store: Run, cell: Cell, profile: Profile, shared: Path) -> Job:
    folder = store.cell_folder(cell)
    arguments = (cell, profile, folder, shared)
    return Job(cell.name, "akl_bench.pipeline.cell:run_cell", arguments, str(folder / "log.txt"))


def _prepare(inputs: Inputs, shared: Path, folder: Path, on_event: Callable[[Event], None]) -> int:
    """Make the shared folder where it is not there; return the number of CUDA devices."""
    with suppress(OSError, UsageError):  # not made yet, or damaged
        return _cuda_devices(shared)
    problems: list[str] = []

    def note(event: Event) -> None:
        if event.kind == "failed":
            problems.append(event.message)
        on_event(event)

    # Alone on the machine, so it may use every core.
    executor = LocalExecutor(1, threads=os.cpu_count() or 1, preload=_PRELOAD)
    log = str(folder / "prepare.log")
    function = "akl_bench.pipeline.prepare:prepare"
    executor.run([Job("prepare", function, (inputs, shared), log)], note)
    if problems:
        raise UsageError(f"{problems[0]} ({log} says more)")
    return _cuda_devices(shared)


def _drop_others(shared: Path) -> None:
    """Remove what was shared before data or code changed: large, and made again where wanted."""
    for made in shared.parent.glob("*/shared.json"):
        if made.parent != shared:
            shutil.rmtree(made.parent)


def _cuda_devices(shared: Path) -> int:
    return int(read_json(shared / "shared.json")["cuda_devices"])


def _is_sealed(store: Run, cell: Cell) -> bool:
    """Whether the cell is done; one whose files are not what was sealed is done again."""
    folder = store.cell_folder(cell)
    record = read_seal(folder)
    # The folder's name has only the first digits of the fingerprint.
    if record is None or record["cell"]["fingerprint"] != cell.fingerprint:
        return False
    if broken_files(folder, record):
        aside = folder.with_name(f".{folder.name}.corrupt")
        shutil.rmtree(aside, ignore_errors=True)
        folder.rename(aside)
        return False
    return True


def _write_run(store: Run, inputs: Inputs, cells: Sequence[Cell]) -> None:
    """Write run.json; objectives and seeds add up over the calls."""
    before = store.read()["cells"] if store.exists() else []
    known = {(c["objective"], c["student"], c["seed"]): c for c in before}
    for cell in cells:
        known[cell.objective, cell.student, cell.seed] = {**asdict(cell), "name": cell.name}
    store.write(
        {
            "profile": inputs.profile.model_dump(mode="json"),
            "protocol": cells[0].protocol,
            "protocol_fields": protocol_of(inputs),
            "cells": list(known.values()),
        }
    )


def _same_configuration(store: Run, profile: Profile) -> None:
    before = flat(store.read()["profile"])
    now = flat(profile.model_dump(mode="json"))
    if profile.dry_models:
        # Toy checkpoints have taken the models' place in what was written.
        drop = ("teacher.", "students.")
        before = {k: v for k, v in before.items() if not k.startswith(drop)}
        now = {k: v for k, v in now.items() if not k.startswith(drop)}
    different = [
        f"  {key}: {before.get(key, 'absent')} there, {now.get(key, 'absent')} now"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key) and key.rpartition(".")[2] not in _FREE_KEYS
    ]
    if different:
        raise UsageError(
            f"{store.folder} belongs to another configuration:\n"
            + "\n".join(different)
            + "\nName another folder with --out, or give the same settings."
        )


@contextmanager
def _only_one(folder: Path) -> Any:
    """Hold the run's lock; the kernel lets go of it when this process ends, however it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "run.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise AklBenchError(
                f"{folder}: another akl-bench (process {lock.read().strip()}) works here. "
                "Wait for it, or name another folder with --out."
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
