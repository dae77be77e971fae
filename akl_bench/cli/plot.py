"""`akl-bench plot`: pictures of a run."""

from pathlib import Path

import click

from akl_bench.cli._options import run_argument


@click.command(no_args_is_help=True)
@run_argument
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write to.  [default: RUN/plots]",
)
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(["diversity", "coverage", "ranks", "curves", "cost", "axis"]),
    help="What to draw. Repeatable.  [default: all that the run can show]",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["png", "svg", "pdf"]),
    default="png",
    show_default=True,
)
def plot(run: Path, out: Path | None, kinds: tuple[str, ...], format_: str) -> None:
    """Draw RUN: quality against diversity, ranks, training curves, coverage, cost, a sweep's axis.

    The same run gives the same files, byte for byte.
    """
    from akl_bench.report import frame, plots

    folder = out if out is not None else run / "plots"
    for path in plots.write(frame.load(run), folder, kinds=kinds, format=format_):
        click.echo(path)
