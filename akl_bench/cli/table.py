"""`akl-bench table`: the comparison of a run, from its sealed cells."""

import sys
from pathlib import Path

import click

from akl_bench.cli._options import format_option, run_argument


@click.command(no_args_is_help=True)
@run_argument
@format_option
@click.option("--all", "every_metric", is_flag=True, help="Every metric, not only the headlines.")
def table(run: Path, format_: str, every_metric: bool) -> None:
    """Print the comparison of RUN: mean and standard deviation over seeds, best first.

    csv and json always hold every metric.
    """
    from akl_bench.report import frame
    from akl_bench.report.table import render

    styled = sys.stdout.isatty()
    click.echo(render(frame.load(run), format_, every_metric=every_metric, styled=styled), nl=False)
