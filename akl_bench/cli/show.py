"""`akl-bench show`: one cell in full."""

from itertools import groupby
from pathlib import Path

import click


@click.command(no_args_is_help=True)
@click.argument("cell", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "-n",
    "samples",
    type=click.IntRange(min=0),
    default=3,
    show_default=True,
    help="Sample answers per task.",
)
def show(cell: Path, samples: int) -> None:
    """Print the numbers, the training and some answers of the folder CELL (under RUN/cells)."""
    from akl_bench.artifacts.store import Run
    from akl_bench.errors import UsageError
    from akl_bench.report import frame
    from akl_bench.report.escape import terminal_text
    from akl_bench.report.parts import shown

    folder = cell.resolve().parents[1]
    run = frame.load(folder) if Run(folder).exists() else None
    named = (c for c in run.cells if c.record.name == cell.resolve().name) if run else ()
    own = next((c for c in named if c.artifacts), None)
    if run is None or own is None:
        raise UsageError(
            f"{cell} is not a cell that has anything yet; `akl-bench status RUN` lists cells."
        )
    parameters = f" ({own.trained.parameters:,} parameters)" if own.trained else ""
    click.echo(f"objective   {own.record.objective}")
    click.echo(f"student     {own.record.student or '-'}{parameters}")
    click.echo(f"seed        {own.seed}")
    if own.student:
        made = own.student.made
        click.echo(f"seconds     train {made.seconds}; peak {made.peak_memory_mib} MiB")
        click.echo(f"key         {own.student.key}")
    broken = own.broken()
    click.echo(
        f"files       {', '.join(broken) + ' changed since the seal' if broken else 'intact'}"
    )
    if own.missing:
        click.echo(f"missing     {', '.join(own.missing)}")
    log = [] if broken else own.train_log()
    if log and own.trained:
        picked = sorted({0, len(log) // 4, len(log) // 2, len(log) - 1})
        losses = ", ".join(f"{log[i]['loss']:.3f} at {log[i]['step']}" for i in picked)
        click.echo(f"training    loss {losses}; weights of step {own.trained.selected_step}")
    for task, columns in groupby(run.columns, key=lambda column: column.task):
        click.echo(f"\n{task} (version {run.tasks[task].version})")
        for column in columns:
            number = own.metrics.get(column.key)
            if number is not None:
                value = "-" if number.value is None else shown(column, number.value)
                click.echo(f"  {column.metric:24} {value:>8}  n={number.n}  {number.signature}")
        for row in () if broken else own.answers(task)[:samples]:
            click.echo(f"  > {terminal_text(row['id'])}: {terminal_text(row['text'])}")
