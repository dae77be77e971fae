"""`akl-bench ls`: what there is."""

import click

_KINDS = ("objectives", "tasks", "metrics", "profiles")


@click.command(no_args_is_help=True)
@click.argument("kind", type=click.Choice(_KINDS))
def ls(kind: str) -> None:
    """List objectives, tasks, metrics or profiles, each with one line about it."""
    from akl_bench import config, metrics, tasks
    from akl_bench.pipeline import objectives
    from akl_bench.report.text import aligned
    from akl_bench.strict import read_yaml

    rows: list[tuple[str, ...]]
    if kind == "tasks":
        specs = map(tasks.get, tasks.available())
        rows = [(task.name, task.kind, task.description.strip()) for task in specs]
    elif kind == "profiles":
        paths = config.profile_paths()
        rows = [(name, read_yaml(path)["description"].strip()) for name, path in paths.items()]
    else:
        entries = objectives.entries() if kind == "objectives" else metrics.registry.entries()
        rows = [(e.name, ", ".join(e.aliases), e.summary) for e in entries.values()]
    click.echo("\n".join(aligned([rows], left=len(rows[0]))))
