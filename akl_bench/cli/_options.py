"""Options that several verbs share."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from akl_bench.artifacts.records import Overlap
    from akl_bench.config import Profile

F = TypeVar("F", bound=Callable[..., Any])
FORMATS = ("text", "markdown", "latex", "csv", "json")


def _go_online(context: click.Context, parameter: click.Parameter, value: bool) -> bool:
    """Lift the offline switches before any Hugging Face library is imported, here and below."""
    if value:
        os.environ["AKL_BENCH_ONLINE"] = "1"
        for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
            os.environ.pop(name, None)
    return value


def profile_options(function: F) -> F:
    """The options that make a resolved profile; see `load_profile`."""
    for option in reversed(
        (
            click.option(
                "--profile", default="micro", show_default=True, help="Name, or a YAML file."
            ),
            click.option(
                "--set",
                "settings",
                multiple=True,
                metavar="KEY=VALUE",
                help="Change a value of the profile, such as --set training.lr=1e-4. Repeatable.",
            ),
            click.option(
                "--seeds",
                type=click.IntRange(min=1, max=1000),
                help="How many training seeds.  [default: the profile's]",
            ),
            click.option(
                "--fixed-lr",
                is_flag=True,
                help="Tune no learning rate: all objectives have that where tuning would begin.",
            ),
            click.option("--smoke", is_flag=True, help="A handful of rows and steps; one seed."),
            click.option(
                "--dry-models",
                is_flag=True,
                help="The profile's architectures at toy width with random weights.",
            ),
            click.option(
                "--online",
                is_flag=True,
                callback=_go_online,
                help="Allow the Hugging Face hub. Without it nothing reaches the network.",
            ),
        )
    ):
        function = option(function)
    return function


def load_profile(
    profile: str,
    settings: Sequence[str],
    seeds: int | None,
    smoke: bool,
    dry_models: bool,
    online: bool,
    fixed_lr: bool,
) -> "Profile":
    """The profile that `profile_options` describe."""
    from akl_bench import config

    return config.load(
        profile,
        settings,
        seeds=seeds,
        smoke=smoke,
        dry_models=dry_models,
        online=online,
        fixed_lr=fixed_lr,
    )


def run_folder(profile: "Profile", out: Path | None) -> Path:
    """The folder of a run: `--out`, or one named after the profile."""
    if out is not None:
        return out
    suffix = ("-smoke" if profile.smoke else "") + ("-dry" if profile.dry_models else "")
    return Path("results") / f"{profile.name}{suffix}"


def overlap_lines(overlap: "Mapping[str, Overlap]") -> list[str]:
    """What validation and tasks share with the training data, a line for each."""
    width = max(map(len, overlap), default=0)
    return [
        f"{name:{width}}  {', '.join(f'{what} {s:.1f} %' for what, s in o.shares.items())}"
        f" of {o.rows} rows"
        for name, o in overlap.items()
    ]


out_option = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the run.  [default: results/PROFILE]",
)
run_argument = click.argument("run", type=click.Path(path_type=Path))
sweep_option = click.option(
    "--sweep",
    "sweeps",
    multiple=True,
    metavar="KEY=V1,V2,...",
    help="Train at each value of a key, such as --sweep training.steps=300,1000. Repeatable.",
)
