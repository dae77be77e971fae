"""`akl-bench plan`: what a run would do."""

from pathlib import Path
from typing import Any

import click

from akl_bench.cli._execute import executor_options, resolved
from akl_bench.cli._options import (
    load_profile,
    out_option,
    overlap_lines,
    profile_options,
    run_folder,
    sweep_option,
)
from akl_bench.report.escape import terminal_text


@click.command(no_args_is_help=True)
@click.argument("objectives", nargs=-1, required=True, metavar="OBJECTIVE...")
@profile_options
@sweep_option
@out_option
@executor_options
def plan(
    objectives: tuple[str, ...],
    sweeps: tuple[str, ...],
    out: Path | None,
    executor: str,
    workers: int | None,
    **options: Any,
) -> None:
    """Say what `run` with the same arguments would do, and why; nothing is trained.

    Lists what is there and what is missing, with the reason: the first thing that differs from
    what was made before. Times are those of the run's own artifacts where there are any, else a
    guess from the number of parameters. No model is loaded. The overlap is the share of rows whose
    prompt, prompt with answer, or any 13 words in a row occur in the training data.
    """
    from akl_bench import axes
    from akl_bench.cli._progress import duration
    from akl_bench.pipeline.estimate import estimate

    profile = load_profile(**options)
    folder = run_folder(profile, out)
    points = axes.points(sweeps)
    e = estimate(objectives, profile, folder, resolved(executor, workers), points=points)
    click.echo(f"profile     {profile.name}: {profile.description}")
    click.echo(f"folder      {folder}")
    click.echo(
        f"students    {', '.join(profile.students)}; seeds {', '.join(map(str, profile.seeds))}"
    )
    click.echo(f"tasks       {', '.join(profile.tasks)}")
    click.echo(f"cells       {e.cells}")
    if e.trials or e.tuned:
        click.echo(f"tuning      {e.tuned} learning rates are chosen, {e.trials} trials missing")
    for stage in ("student", "completions", "scores"):
        reasons = {why: n for (of, why), n in e.missing.items() if of == stage}
        click.echo(f"{stage:11} {e.there[stage]} there, {sum(reasons.values())} missing")
        for why, count in reasons.items():
            click.echo(f"            {count}: {terminal_text(why)}")
    steps = ", ".join(map(str, e.steps))
    click.echo(f"training    {steps} steps a cell, about {e.tokens_per_step:,} tokens a step")
    click.echo(
        f"parameters  teacher {e.teacher_parameters:,}; "
        + "; ".join(f"{name} {count:,}" for name, count in e.student_parameters.items())
    )
    for line in overlap_lines(e.overlap):
        click.echo(f"overlap     {line}")
    click.echo(f"disk        about {e.disk_bytes / 2**20:,.0f} MiB")
    basis = "measured on this run's students" if e.measured else "a guess from parameter counts"
    click.echo(f"time        about {duration(e.seconds)} with {e.workers} workers ({basis})")
