"""Progress on standard error: bars on a terminal, a plain line now and then elsewhere."""

import time

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from akl_bench.executors.base import Event

_SECONDS_BETWEEN_LINES = 20.0


class Progress:
    """Follows the events of a run."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bars: RichProgress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._total = self._ended = 0
        self._all: TaskID | None = None
        self._start = self._last_line = time.monotonic()
        self._running: dict[str, str] = {}

    def __enter__(self) -> "Progress":
        if self._console.is_terminal:
            self._bars = RichProgress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[left]}"),
                console=self._console,
                transient=True,
            )
            self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    def plan(self, cells: int, whole: int, trials: int) -> None:
        """Say how many cells there are, how many are finished already, and how many trials."""
        self._total = cells - whole + trials
        self._start = time.monotonic()
        if whole:
            click.echo(f"{whole} of {cells} cells are finished already.", err=True)
        if trials:
            click.echo(f"{trials} trials choose the learning rates first.", err=True)
        if self._bars is not None:
            self._all = self._bars.add_task("all", total=self._total, left="")

    def __call__(self, event: Event) -> None:
        """Take an event of the executor."""
        name = event.job.name
        if event.kind == "failed":
            click.echo(f"failed: {name}: {event.message}", err=True)
        if event.kind in ("done", "failed"):
            self._running.pop(name, None)
            self._ended += name != "prepare"
        else:
            counted = f" {event.done}/{event.total}" if event.total else ""
            self._running[name] = (event.stage or "starting") + counted
        if self._bars is not None:
            self._draw(event)
        elif event.kind == "done" or time.monotonic() - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._line(event)

    def _draw(self, event: Event) -> None:
        assert self._bars is not None
        name = event.job.name
        if event.kind == "start":
            self._tasks[name] = self._bars.add_task(name, total=None, left="")
        elif event.kind == "progress":
            self._bars.update(
                self._tasks[name],
                description=f"{name}  {event.stage}",
                completed=event.done,
                total=event.total,
            )
        else:
            self._bars.remove_task(self._tasks.pop(name))
        if self._all is not None:
            self._bars.update(self._all, completed=self._ended, left=self._left())

    def _line(self, event: Event) -> None:
        self._last_line = time.monotonic()
        if event.kind == "done":
            where = f"done: {event.job.name}"
        else:
            running = ", ".join(f"{name} {stage}" for name, stage in self._running.items())
            where = f"running: {running}"
        click.echo(f"[{self._ended}/{self._total}] {where} {self._left()}".rstrip(), err=True)

    def _left(self) -> str:
        """Remaining time at the pace so far."""
        if not self._ended or self._ended >= self._total:
            return ""
        passed = time.monotonic() - self._start
        seconds = passed / self._ended * (self._total - self._ended)
        return f"(about {duration(seconds)} left)"


def duration(seconds: float) -> str:
    """Seconds for people."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
