"""`akl-bench run`: train, score and compare."""

from pathlib import Path
from typing import Any

import click

from akl_bench.cli._execute import execute, executor_options
from akl_bench.cli._options import (
    load_profile,
    out_option,
    profile_options,
    run_folder,
    sweep_option,
)


@click.command(no_args_is_help=True)
@click.argument("objectives", nargs=-1, required=True, metavar="OBJECTIVE...")
@profile_options
@sweep_option
@out_option
@executor_options
def run(
    objectives: tuple[str, ...],
    sweeps: tuple[str, ...],
    out: Path | None,
    executor: str,
    workers: int | None,
    **options: Any,
) -> None:
    """Train a student for each OBJECTIVE and seed, score it, and print the table.

    An OBJECTIVE is a name (`akl-bench ls objectives`), a spec such as 'akl(mu=0.6)', a file of your
    own such as ./mine.py:Mine, or all. With @ and a source it trains on other responses than the
    data set's: fkl@seqkd. After an interruption the same command goes on.
    """
    from akl_bench import axes

    profile = load_profile(**options)
    folder = run_folder(profile, out)
    points = axes.points(sweeps)
    execute(objectives, profile, folder, executor=executor, workers=workers, points=points)
