"""`akl-bench microworld`: look at the embedded world."""

from __future__ import annotations

import click

from akl_bench.microworld import HARNESS_SPLITS, SPLITS, WORLDS, mode_of, modes, records

_world = click.option("--world", type=click.Choice(list(WORLDS)), default="one", show_default=True)


@click.group()
def microworld() -> None:
    """The embedded worlds: samples and judge."""


@microworld.command()
@click.argument("split", type=click.Choice(SPLITS + HARNESS_SPLITS), default="test")
@click.option("-n", "count", type=click.IntRange(min=1), default=10, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@_world
def sample(split: str, count: int, seed: int, world: str) -> None:
    """Show records of a split."""
    for row in records(split, count, seed, WORLDS[world]):
        if split in SPLITS:
            click.echo(f"{row['instruction']} : {row['output']}")
        else:
            click.echo(f"{row['query']} [{row.get('target') or row['choices'][row['gold']]}]")


@microworld.command()
@click.argument("instruction")
@click.argument("response")
@_world
def judge(instruction: str, response: str, world: str) -> None:
    """Say whether RESPONSE is a valid answer to INSTRUCTION, and which other meanings there are."""
    said = mode_of(instruction, response, WORLDS[world])
    click.echo("invalid" if said is None else f"valid: {said}")
    for name, probability in sorted(
        modes(instruction, WORLDS[world]).items(), key=lambda item: -item[1]
    ):
        click.echo(f"{probability:6.3f}  {name}")
