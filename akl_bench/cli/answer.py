"""`akl-bench answer`: which objective, for whom, with what certainty."""

from pathlib import Path

import click

from akl_bench.cli._options import run_argument


@click.command()
@run_argument
@click.option("--task", default="micro_test", show_default=True, help="Its headline decides.")
@click.option(
    "--reach",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.9,
    show_default=True,
    help="Share of the teacher's quality whose steps are counted.",
)
def answer(run: Path, task: str, reach: float) -> None:
    """Say which objectives of a RUN over budgets are best, and how sure that is, as Markdown.

    The RUN needs an axis of steps: `akl-bench run all --sweep training.steps=300,1000,3000`. For
    each student and budget it gives every objective's quality with an interval for new seeds and
    new prompts, the group that cannot be told from the best, and the steps to a share of the
    teacher's quality.
    """
    from akl_bench.report import answer as page
    from akl_bench.report import frame

    click.echo(page.markdown(frame.load(run), task, reach), nl=False)
