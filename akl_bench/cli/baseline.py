"""`akl-bench baseline`: the file that `akl-bench check` compares with."""

from pathlib import Path
from typing import Any

import click

from akl_bench.cli._options import run_argument


@click.group()
def baseline() -> None:
    """Make the file that `akl-bench check` compares with."""


@baseline.command(no_args_is_help=True)
@run_argument
@click.option(
    "-o",
    "--out",
    "path",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write, as results/baselines/micro.json.",
)
@click.option(
    "--min-seeds",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Finished seeds that every objective needs.",
)
@click.option(
    "--design",
    type=click.Choice(["pooled", "welch", "paired"]),
    default="pooled",
    show_default=True,
    help="How checks compare seeds; docs/ci.md explains the choice.",
)
@click.option(
    "--policy",
    type=click.Path(path_type=Path, dir_okay=False),
    help="YAML with margins and tiers for every check that brings none.",
)
@click.option("--items", "with_items", is_flag=True, help="Also keep single items, for --explain.")
@click.option(
    "--allow-partial", is_flag=True, help="Accept smoke runs, dry models and fewer seeds."
)
def create(run: Path, path: Path, policy: Path | None, **options: Any) -> None:
    """Make the baseline of RUN: the value of every metric by seed, and what it was measured with.

    Commit the file. Its sha256 is inside: it is made anew, never edited.
    """
    from akl_bench.gate import baseline as files
    from akl_bench.gate.policy import load

    made = files.create(run, path, policy=load(policy) if policy else None, **options)
    seeds = sorted({len(row.seeds) for row in made.run.rows})
    counts = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    click.echo(
        f"{path}: {len(made.run.rows)} rows, {len(made.run.columns)} metrics, {counts} seeds."
    )
