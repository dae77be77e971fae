"""`akl-bench microworld`: look at the embedded world."""

from __future__ import annotations

import click

from akl_bench.microworld import HARNESS_SPLITS, SPLITS, mode_of, modes, records


@click.group()
def microworld() -> None:
    """The embedded world: samples and judge."""


@microworld.command()
@click.argument("split", type=click.Choice(SPLITS + HARNESS_SPLITS), default="test")
@click.option("-n", "count", type=click.IntRange(min=1), default=10, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
def sample(split: str, count: int, seed: int) -> None:
    """Show records of a split."""
    for row in records(split, count, seed):
        if split in SPLITS:
            click.echo(f"{row['instruction']} : {row['output']}")
        else:
            click.echo(f"{row['query']} [{row.get('target') or row['choices'][row['gold']]}]")


@microworld.command()
@click.argument("instruction")
@click.argument("response")
def judge(instruction: str, response: str) -> None:
    """Say whether RESPONSE is a valid answer to INSTRUCTION, and which other meanings there are."""
    said = mode_of(instruction, response)
    click.echo("invalid" if said is None else f"valid: {said}")
    for name, probability in sorted(modes(instruction).items(), key=lambda item: -item[1]):
        click.echo(f"{probability:6.3f}  {name}")
