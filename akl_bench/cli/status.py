"""`akl-bench status`: how far a run is."""

from pathlib import Path

import click

from akl_bench.cli._options import run_argument


@click.command(no_args_is_help=True)
@run_argument
def status(run: Path) -> None:
    """Say which cells of RUN are sealed, begun or waiting."""
    from akl_bench.artifacts.store import Run

    states = Run(run).states()
    for cell, state in states:
        click.echo(f"{state:8}  {cell['name']}")
    sealed = sum(state == "sealed" for _, state in states)
    click.echo(f"{sealed} of {len(states)} cells are sealed in {run}.")
