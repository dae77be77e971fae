"""`akl-bench audit`: how far apart are the losses that share a name?"""

from pathlib import Path

import click

from akl_bench.cli._options import _go_online


@click.group()
def audit() -> None:
    """Compare the definitions that public code has given one loss."""


@audit.command("akl")
@click.option(
    "--profile", default="micro", show_default=True, help="Name, or a YAML file: models and text."
)
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a value of the profile."
)
@click.option("--teacher", metavar="DIR", help="A checkpoint in place of the profile's teacher.")
@click.option(
    "--student",
    metavar="NAME|DIR",
    help="A student of the profile, or a checkpoint, as RUN/cells/CELL/student/model.",
)
@click.option(
    "--text",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Records (.jsonl) or plain text in place of the profile's training data.",
)
@click.option(
    "--tokens",
    type=click.IntRange(min=1),
    default=2000,
    show_default=True,
    help="How many tokens of the text.",
)
@click.option("--mu", type=float, default=0.5, show_default=True, help="Mass of the head.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--format",
    "format_",
    type=click.Choice(("text", "markdown", "latex", "json")),
    default="text",
    show_default=True,
)
@click.option(
    "--figure",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw the weights and gradients on the text into FILE (.svg, .png or .pdf).",
)
@click.option(
    "--online",
    is_flag=True,
    callback=_go_online,
    help="Allow the Hugging Face hub. Without it nothing reaches the network.",
)
def audit_akl(
    profile: str,
    settings: tuple[str, ...],
    teacher: str | None,
    student: str | None,
    text: Path | None,
    tokens: int,
    mu: float,
    seed: int,
    format_: str,
    figure: Path | None,
    online: bool,
) -> None:
    """Compare all variants of adaptive KL with the paper's, token by token.

    First on an example worked by hand and on made distributions, then on what a real teacher and
    student say about real text. The last row, symmetric_kl, is the mix that w = 1/2 stands for.
    """
    from akl_bench import config
    from akl_bench.papers.akl.audit import cases, measure, models, show

    if figure is not None:
        show.check(figure)
    loaded = config.load(profile, settings, online=online)
    variants = measure.variants(mu)
    given = models.text_case(
        loaded, teacher=teacher, student=student, text=text, tokens=tokens, seed=seed
    )
    results = [measure.measure(case, variants, seed) for case in (*cases.made(seed), given)]
    click.echo(show.render(cases.by_hand(variants), results, format_), nl=False)
    if figure is not None:
        show.draw(results[-1], figure)
