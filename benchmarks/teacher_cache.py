"""A sweep with the shared teacher cache beside one that runs the teacher at every step.

    python benchmarks/teacher_cache.py --profile micro
    python benchmarks/teacher_cache.py --profile smollm2 --set data.root=DIR --steps 8

The two runs take turns, objective by objective, in child processes with one thread each, so that a
machine that changes its pace changes it for both. What is compared is the training time of a cell;
the cache's own cost is measured and spread over the cells of a sweep.
"""

import statistics
import tempfile
import time
from pathlib import Path

import click

from akl_bench import config
from akl_bench.artifacts.store import CellFolder, Run, read_seal
from akl_bench.executors.base import Event
from akl_bench.executors.local import Local
from akl_bench.pipeline.run import run


@click.command()
@click.option("--profile", default="micro", show_default=True)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE")
@click.option("--objective", "objectives", multiple=True, default=("fkl", "rkl", "akl"))
@click.option("--steps", type=int, help="Training steps; default: the profile's.")
@click.option("--sweep-cells", default=24, show_default=True, help="Distilled cells of a sweep.")
def main(
    profile: str,
    settings: tuple[str, ...],
    objectives: tuple[str, ...],
    steps: int | None,
    sweep_cells: int,
) -> None:
    """Print the training seconds of a cell with and without the cache, and the sweep's ratio."""
    chosen = [*settings]
    if steps is not None:
        chosen += [f"training.steps={steps}", "training.epochs=null"]
    with tempfile.TemporaryDirectory() as temporary:
        folders = {teacher: Path(temporary) / teacher for teacher in ("cached", "live")}
        prepared: dict[str, float] = {}
        for objective in objectives:
            for teacher, folder in folders.items():
                clock = _Clock()
                resolved = config.load(profile, [*chosen, f"training.teacher={teacher}"], seeds=1)
                # Training is what is timed: one small task keeps the scoring short.
                tasks = {n: t for n, t in resolved.tasks.items() if t.kind == "harness"}
                first = dict(list(tasks.items())[:1])
                resolved = resolved.model_copy(update={"tasks": first or resolved.tasks})
                one = Local(workers=1)
                outcome = run([objective], resolved, folder, executor=one, on_event=clock)
                if outcome.failed:
                    raise click.ClickException(str(outcome.failed))
                prepared.setdefault(teacher, clock.prepare)
        seconds = {teacher: _train_seconds(folder) for teacher, folder in folders.items()}
    cost = max(0.0, prepared["cached"] - prepared["live"])
    print(f"profile {profile}, {steps or 'all'} steps\n")
    print("| objective | live teacher, s | cached, s | ratio |")
    print("| --- | --: | --: | --: |")
    for name in seconds["cached"]:
        live, cached_s = seconds["live"][name], seconds["cached"][name]
        print(f"| {name} | {live:.2f} | {cached_s:.2f} | {live / cached_s:.2f} |")
    live = statistics.fmean(seconds["live"].values())
    cached_s = statistics.fmean(seconds["cached"].values())
    sweep = sweep_cells * live / (cost + sweep_cells * cached_s)
    print(f"\nmaking the cache: {cost:.1f} s, once")
    print(f"a sweep of {sweep_cells} cells trains {sweep:.2f} times faster with it")


class _Clock:
    """Takes the time of the preparation."""

    def __init__(self) -> None:
        self.prepare = 0.0
        self._start = 0.0

    def __call__(self, event: Event) -> None:
        if event.job.name == "prepare":
            if event.kind == "start":
                self._start = time.monotonic()
            self.prepare = time.monotonic() - self._start


def _train_seconds(folder: Path) -> dict[str, float]:
    run = Run(folder)
    seconds = {}
    for record in run.read().cells:
        seal = read_seal(CellFolder(run.cells / record.name).student)
        if seal is not None:
            seconds[record.objective] = seal.made.seconds
    return seconds


if __name__ == "__main__":
    main()
