"""`akl-bench claims`: do the AKL paper's claims hold, in its toys and in real runs?"""

import shlex
import sys
from pathlib import Path

import click


@click.command()
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path), metavar="[RUN]...")
@click.option(
    "--long",
    "longer",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="A run of more steps, used only to see where FKL and RKL end up. Repeatable.",
)
@click.option("--toy-only", is_flag=True, help="The paper's toy settings, and nothing of runs.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(("text", "markdown", "json")),
    default="text",
    show_default=True,
)
@click.option(
    "--figures",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Draw the pictures there (SVG); the Markdown document belongs beside that folder.",
)
def claims(
    runs: tuple[Path, ...],
    longer: tuple[Path, ...],
    toy_only: bool,
    format_: str,
    figures: Path | None,
) -> None:
    """Test the claims of the AKL paper, one card each: data, figure and verdict.

    Without a RUN only the toys are tried. A RUN has trained forward_kl, reverse_kl,
    symmetric_kl(weight=0.5) and adaptive_kl(mu=0.5) with several seeds.
    """
    if toy_only and (runs or longer):
        raise click.UsageError("--toy-only takes no RUN.")
    from akl_bench.papers.akl.claims.cards import cards, draw, render
    from akl_bench.report.figures import check

    if figures is not None:
        check()
    tested = cards(runs, longer, hint=not toy_only)
    if figures is not None:
        draw(tested, figures)
    command = shlex.join(["akl-bench", *sys.argv[1:]])
    click.echo(render(tested, format_, command=command, figures=figures), nl=False)
