"""`akl-bench run`: train, score and compare."""

import sys
from pathlib import Path
from typing import Any

import click

from akl_bench.cli._options import load_profile, out_option, profile_options, run_folder
from akl_bench.errors import UsageError


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
    type=click.Choice(("local", "ray")),
    default="local",
    show_default=True,
    help="Child processes or Ray tasks.",
)
@click.option(
    "--ray-address",
    metavar="ADDRESS",
    help="The cluster.  [default: one on this machine]",
)
def run(
    objectives: tuple[str, ...],
    out: Path | None,
    workers: int | None,
    place: str,
    ray_address: str | None,
    **options: Any,
) -> None:
    """Train a student per OBJECTIVE and seed, score it, and print the table.

    An OBJECTIVE is a name (`akl-bench ls objectives`), a spec as 'akl(mu=0.6)', a file of your own
    as ./mine.py:Mine, or all. Cells that are finished are left as they are; after an interruption
    the same command goes on.
    """
    from akl_bench.cli._progress import Progress
    from akl_bench.executors.ray import RayExecutor
    from akl_bench.pipeline.run import run as run_cells
    from akl_bench.report import frame, table

    if ray_address is not None and place != "ray":
        raise UsageError("--ray-address goes with --executor ray.")
    executor = RayExecutor(ray_address, workers=workers) if place == "ray" else None
    profile = load_profile(**options)
    folder = run_folder(profile, out)
    with Progress() as progress:
        outcome = run_cells(
            objectives,
            profile,
            folder,
            workers=workers,
            executor=executor,
            on_event=progress,
            on_plan=progress.plan,
        )
    trained = len(outcome.cells) - len(outcome.skipped) - len(outcome.failed)
    if not trained and not outcome.failed:
        click.echo(
            f"Nothing to do: all {len(outcome.cells)} cells are sealed in {folder}.", err=True
        )
    click.echo(table.render(frame.load(folder), "text", styled=sys.stdout.isatty()), nl=False)
    if outcome.failed:
        for label, message in outcome.failed.items():
            click.echo(f"Failed: {label}: {message}", err=True)
        click.echo(
            f"{len(outcome.failed)} of {len(outcome.cells)} cells failed; their folders under "
            f"{folder / 'cells'} have log.txt. The same command tries them again.",
            err=True,
        )
        sys.exit(1)
