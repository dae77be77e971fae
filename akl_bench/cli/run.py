"""`akl-bench run`: train, score and compare."""

import sys
from pathlib import Path
from typing import Any

import click

from akl_bench.cli._options import load_profile, out_option, profile_options, run_folder


@click.command(no_args_is_help=True)
@click.argument("objectives", nargs=-1, required=True, metavar="OBJECTIVE...")
@profile_options
@out_option
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Cells at a time.  [default: GPUs or cores]",
)
@click.option(
    "--executor",
    "place",
    default="local",
    show_default=True,
    metavar="SPEC",
    help="Where cells run: local (child processes), ray, or as \"ray(address='HOST:PORT')\".",
)
def run(
    objectives: tuple[str, ...],
    out: Path | None,
    workers: int | None,
    place: str,
    **options: Any,
) -> None:
    """Train a student per OBJECTIVE and seed, score it, and print the table.

    An OBJECTIVE is a name (`akl-bench ls objectives`), a spec as 'akl(mu=0.6)', a file of your own
    as ./mine.py:Mine, or all. Cells that are finished are left as they are; after an interruption
    the same command goes on.
    """
    from dataclasses import replace

    from akl_bench import executors
    from akl_bench.cli._progress import Progress
    from akl_bench.pipeline.run import run as run_cells
    from akl_bench.report import frame, table

    executor = executors.registry.create(place)
    profile = load_profile(**options)
    folder = run_folder(profile, out)
    with Progress() as progress:
        outcome = run_cells(
            objectives,
            profile,
            folder,
            executor=replace(executor, workers=workers) if workers else executor,
            on_event=progress,
            on_plan=progress.plan,
        )
    if not outcome.made:
        click.echo(f"Nothing to do: all {outcome.cells} cells are complete in {folder}.", err=True)
    click.echo(table.render(frame.load(folder), "text", styled=sys.stdout.isatty()), nl=False)
    if outcome.failed:
        for label, message in outcome.failed.items():
            click.echo(f"Failed: {label}: {message}", err=True)
        click.echo(
            f"{len(outcome.failed)} of {outcome.cells} cells failed; their folders under "
            f"{folder / 'cells'} have log.txt. The same command tries them again.",
            err=True,
        )
        sys.exit(1)
