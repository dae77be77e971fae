"""`akl-bench report`: a run as one page."""

from pathlib import Path

import click

from akl_bench.cli._options import run_argument


@click.command(no_args_is_help=True)
@run_argument
@click.option(
    "--html",
    "path",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write.",
)
@click.option("--baseline", metavar="OBJECTIVE", help="As in `akl-bench table`.")
@click.option(
    "--prompts",
    type=click.IntRange(min=0),
    default=12,
    show_default=True,
    help="Prompts per task whose sampled answers are on the page.",
)
def report(run: Path, path: Path, baseline: str | None, prompts: int) -> None:
    """Write RUN as one HTML page that needs no network.

    A leaderboard that sorts and filters, the plots, every number of an objective, sampled answers
    side by side, and the protocol with versions and hardware.
    """
    from akl_bench.artifacts.files import write_text
    from akl_bench.report import frame, page

    text = page.render(frame.load(run), baseline=baseline, prompts=prompts)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
    click.echo(path)
