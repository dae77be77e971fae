"""`akl-bench table`: the comparison of runs, from their seals."""

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import click

from akl_bench.cli._options import FORMATS


@click.command(no_args_is_help=True)
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option(
    "--format", "format_", type=click.Choice([*FORMATS, "html"]), default="text", show_default=True
)
@click.option("--all", "every_metric", is_flag=True, help="Every metric, and the cost.")
@click.option(
    "--columns",
    metavar="NAME[,NAME...]",
    help="These columns: TASK, METRIC or TASK/METRIC, as micro_open,rouge_l,accuracy,lr.",
)
@click.option("--cost", is_flag=True, help="Also seconds and memory of training.")
@click.option(
    "--baseline",
    metavar="OBJECTIVE",
    help="Compare every objective with this one.  [default: sft where the run has it]",
)
@click.option("--published", is_flag=True, help="Add published numbers of the same tasks.")
@click.option("--siunitx", is_flag=True, help="LaTeX: write numbers with siunitx.")
def table(runs: tuple[Path, ...], format_: str, columns: str | None, **options: Any) -> None:
    """Print the comparison of a RUN, or of several, best objective first.

    Unasked it has the columns that the profile names under `table:`. A cell is the mean and the
    standard deviation over training seeds; daggers mark significant differences from the baseline.
    Numbers of another run stand in a column where they were measured alike. Parameters that have
    their default are not written out. csv and json hold every metric, the full specs, and the
    comparisons in full.
    """
    from akl_bench.report import frame
    from akl_bench.report.table import render

    styled = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if styled else None
    # A metric has commas of its own, as in self_bleu(n=4, sample=200).
    names = re.split(r"\s*,\s*(?![^(]*\))", columns.strip()) if columns else ()
    run = frame.load(*runs)
    shown = render(run, format_, styled=styled, width=width, columns=names, **options)
    click.echo(shown, nl=False)
