"""`akl-bench show`: one cell in full."""

from pathlib import Path
from typing import Any

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
    from akl_bench.errors import UsageError
    from akl_bench.report.escape import terminal_text
    from akl_bench.artifacts.files import read_json, read_jsonl
    from akl_bench.artifacts.store import broken_files, read_seal

    record = read_seal(cell)
    if record is None:
        raise UsageError(f"{cell} is no sealed cell. `akl-bench status RUN` lists a run's cells.")
    about = record["cell"]
    click.echo(f"objective   {about['objective']}")
    click.echo(f"student     {about['student'] or '-'} ({record['parameters']:,} parameters)")
    click.echo(f"seed        {about['seed']}")
    click.echo(f"seconds     {_pairs(record['seconds'])}; peak {record['peak_memory_mib']} MiB")
    click.echo(f"fingerprint {about['fingerprint']}")
    broken = broken_files(cell, record)
    click.echo(
        f"files       {', '.join(broken) + ' changed since the seal' if broken else 'intact'}"
    )
    if not broken and (cell / "training.json").exists():
        training = read_json(cell / "training.json")
        log = read_jsonl(cell / "train.jsonl")
        picked = sorted({0, len(log) // 4, len(log) // 2, len(log) - 1})
        losses = ", ".join(f"{log[i]['loss']:.3f} at {log[i]['step']}" for i in picked)
        click.echo(f"training    loss {losses}; weights of step {training['selected_step']}")
    for name, task in record["tasks"].items():
        click.echo(f"\n{name} (version {task['version']})")
        for metric, entry in task["metrics"].items():
            value = entry["value"]
            shown = "-" if value is None else entry["format"] % (entry["scale"] * value)
            click.echo(f"  {metric:24} {shown:>8}  n={entry['n']}  {entry['signature']}")
        answers = cell / f"completions-{name}.jsonl"
        if not broken and answers.exists():
            for row in read_jsonl(answers)[:samples]:
                click.echo(f"  > {terminal_text(row['id'])}: {terminal_text(row['text'])}")


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
