"""Runs cells with progress, and prints the table: what `run` and `score` have in common."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from akl_bench.config import Profile
    from akl_bench.executors.base import Executor

F = TypeVar("F", bound=Callable[..., Any])


def executor_options(function: F) -> F:
    """The options `--workers` and `--executor`."""
    for option in (
        click.option(
            "--executor",
            default="local",
            show_default=True,
            metavar="SPEC",
            help="Where cells run: local or ray.",
        ),
        click.option(
            "--workers",
            type=click.IntRange(min=1),
            default=None,
            help="Cells at a time.  [default: GPUs or cores]",
        ),
    ):
        function = option(function)
    return function


def resolved(executor: str, workers: int | None) -> "Executor":
    """The executor that `executor_options` describe."""
    from akl_bench import executors

    place = executors.registry.create(executor)
    return replace(place, workers=workers) if workers else place


def execute(
    objectives: Sequence[str],
    profile: "Profile",
    folder: Path,
    *,
    executor: str,
    workers: int | None,
    points: Sequence[dict[str, Any]] = ({},),
    checkpoints: Mapping[str, Path] | None = None,
) -> None:
    """Run, print the table of the run, and exit with 1 where a cell failed."""
    from akl_bench.cli._progress import Progress
    from akl_bench.pipeline.run import run
    from akl_bench.report import frame, table

    with Progress() as progress:
        outcome = run(
            objectives,
            profile,
            folder,
            points=points,
            checkpoints=checkpoints,
            executor=resolved(executor, workers),
            on_event=progress,
            on_plan=progress.plan,
        )
    if not outcome.made and not outcome.failed:
        click.echo(f"Nothing to do: all {outcome.cells} cells are finished in {folder}.", err=True)
    click.echo(table.render(frame.load(folder), "text", styled=sys.stdout.isatty()), nl=False)
    if outcome.failed:
        for label, message in outcome.failed.items():
            click.echo(f"Failed: {label}: {message}", err=True)
        click.echo(
            f"{len(outcome.failed)} failed; see log.txt in their folders under {folder}. The same "
            "command tries them again.",
            err=True,
        )
        sys.exit(1)
