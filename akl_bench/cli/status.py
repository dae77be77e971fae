"""`akl-bench status`: how far a run is."""

from pathlib import Path

import click

from akl_bench.cli._options import run_argument


@click.command(no_args_is_help=True)
@run_argument
def status(run: Path) -> None:
    """Say which cells of RUN are finished, begun or waiting."""
    from akl_bench.report import frame

    cells = frame.load(run).cells
    for cell in cells:
        begun = "begun" if cell.folder.folder.is_dir() else "waiting"
        click.echo(f"{'finished' if cell.is_done else begun:8}  {cell.record.name}")
    click.echo(f"{sum(c.is_done for c in cells)} of {len(cells)} cells are finished in {run}.")
