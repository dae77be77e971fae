"""A run and the points of its axes: what each starts from, its plan, and what its cells share."""

import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from akl_bench import axes
from akl_bench.artifacts.keys import differences
from akl_bench.artifacts.records import Fields, Overlap
from akl_bench.artifacts.store import Run
from akl_bench.config import Profile
from akl_bench.errors import UsageError
from akl_bench.executors.base import Event, Executor, Job
from akl_bench.pipeline import objectives, planning
from akl_bench.pipeline.inputs import load_inputs
from akl_bench.pipeline.plan import Plan, identity

# Imported once by the fork server instead of once per cell.
PRELOAD = ("akl_bench.pipeline.preload",)
# What a run that was stopped while it prepared leaves behind.
_OWN_FILES = {"shared", "cells", "trials", "run.lock", "prepare.log"}
_FREE_KEYS = (
    *("description", "seeds", "online", "tasks", "table"),
    # More trials go on from those that were made.
    *("data.root", "training.checkpoint_every", "tuning.trials"),
)


class Points:
    """The points of a run's axes, their inputs checked: plans them, and makes what they share.

    Raises:
        UsageError: Bad input, or a folder that belongs to another configuration.
    """

    def __init__(
        self,
        specs: Sequence[str],
        profile: Profile,
        folder: Path,
        executor: Executor,
        *,
        points: Sequence[Fields] = ({},),
        checkpoints: Mapping[str, Path] | None = None,
    ):
        self._objectives = objectives.resolve(specs)
        self._folder, self._executor, self._checkpoints = folder, executor, checkpoints
        store = Run(folder)
        if store.exists():
            _same_configuration(store, profile)
        elif folder.is_dir() and not {path.name for path in folder.iterdir()} <= _OWN_FILES:
            raise UsageError(
                f"{folder} holds other files and no run; name another folder with --out."
            )
        # The run's own plan comes first; it trains where there are no axes.
        self._points = [{}, *(point for point in points if point)]
        dry = store.shared / "dry-models"
        self.inputs = [
            load_inputs(axes.at(profile, point), dry, training=bool(self._objectives))
            for point in self._points
        ]
        self._machine = executor.machine()

    @property
    def overlap(self) -> dict[str, Overlap]:
        """What validation and tasks share with training, where that is most."""
        most: dict[str, Overlap] = {}
        for inputs in self.inputs[1:] or self.inputs:
            for name, overlap in inputs.overlap.items():
                most[name] = max(most.get(name, overlap), overlap, key=lambda o: o.shared)
        return most

    def plan(self) -> list[Plan]:
        """A plan for the run as its profile has it, then for each point of its axes."""
        common = self._objectives, self._folder, self._machine
        points = [
            planning.make(inputs, *common, axes=point)
            for inputs, point in zip(self.inputs[1:], self._points[1:], strict=True)
        ]
        own = planning.make(
            self.inputs[0],
            *common,
            checkpoints=self._checkpoints,
            trains=not points,
            elsewhere={
                identity(record)
                for plan in points
                for record in (*plan.waiting, *(cell.record for cell in plan.cells))
            },
        )
        return [own, *points]

    def prepare(
        self,
        plans: Sequence[Plan],
        at: int,
        names: Collection[str],
        on_event: Callable[[Event], None],
    ) -> None:
        """Make what cells of a plan share and that is not there, or is damaged, where cells run."""
        missing = sorted(name for name in names if plans[at].shared[name].whole() is None)
        if not missing:
            return
        problems: list[str] = []

        def note(event: Event) -> None:
            if event.kind == "failed":
                problems.append(event.message)
            on_event(event)

        log = str(self._folder / "prepare.log")
        arguments = (self.inputs[at], plans[at], missing)
        job = Job("prepare", "akl_bench.pipeline.prepare:prepare", arguments, log, alone=True)
        self._executor.run([job], note, PRELOAD)
        if problems:
            raise UsageError(f"{problems[0]} ({log} says more)")
        # What it was before data or code changed is large, and of no use now.
        used = {artifact.folder for plan in plans for artifact in plan.shared.values()}
        for name in missing:
            for other in Run(self._folder).shared.glob(f"{name}-????????"):
                if other not in used:
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
