"""`akl-bench plan`: what a run would do."""

from pathlib import Path
from typing import Any

import click

from akl_bench.cli._options import load_profile, out_option, profile_options, run_folder


@click.command(no_args_is_help=True)
@click.argument("objectives", nargs=-1, required=True, metavar="OBJECTIVE...")
@profile_options
@out_option
def plan(objectives: tuple[str, ...], out: Path | None, **options: Any) -> None:
    """Say what `run` with the same arguments would do: cells, steps, tokens, disk and time.

    No model is loaded. Times are those of sealed cells of the run where there are any; before
    that they are a guess from the number of parameters.
    """
    from akl_bench.cli._progress import duration
    from akl_bench.pipeline.estimate import estimate

    profile = load_profile(**options)
    folder = run_folder(profile, out)
    e = estimate(objectives, profile, folder)
    click.echo(f"profile     {profile.name}: {profile.description}")
    click.echo(f"folder      {folder}")
    click.echo(f"objectives  {', '.join(e.objectives)}")
    click.echo(
        f"students    {', '.join(profile.students)}; seeds {', '.join(map(str, profile.seeds))}"
    )
    click.echo(f"tasks       {', '.join(profile.tasks)}")
    click.echo(
        f"cells       {e.cells} ({e.trained} trained, {e.cells - e.trained} for reference); "
        f"{e.sealed} sealed"
    )
    click.echo(f"training    {e.steps} steps a cell, about {e.tokens_per_cell:,} tokens each")
    click.echo(
        f"parameters  teacher {e.teacher_parameters:,}; "
        + "; ".join(f"{name} {count:,}" for name, count in e.student_parameters.items())
    )
    click.echo(f"disk        about {e.disk_bytes / 2**20:,.0f} MiB")
    basis = "measured on sealed cells" if e.measured else "a guess from parameter counts"
    click.echo(f"time        about {duration(e.seconds)} with {e.workers} workers ({basis})")
