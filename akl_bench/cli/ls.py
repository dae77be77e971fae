"""`akl-bench ls`: what there is."""

import click

_KINDS = ("objectives", "tasks", "metrics", "profiles")


@click.command(no_args_is_help=True)
@click.argument("kind", type=click.Choice(_KINDS))
def ls(kind: str) -> None:
    """List objectives, tasks, metrics or profiles, each with one line about it."""
    from akl_bench import config, metrics, tasks
    from akl_bench.pipeline import objectives
    from akl_bench.strict import read_yaml

    rows: list[tuple[str, str, str]]
    if kind == "objectives":
        rows = [(e.name, ", ".join(e.aliases), e.summary) for e in objectives.entries().values()]
    elif kind == "metrics":
        found = metrics.registry.entries().values()
        rows = [(e.name, ", ".join(e.aliases), e.summary) for e in found]
    elif kind == "tasks":
        specs = map(tasks.get, tasks.available())
        rows = [(task.name, task.kind, task.description) for task in specs]
    else:
        paths = config.profile_paths()
        rows = [(name, "", read_yaml(path)["description"]) for name, path in paths.items()]
    widths = [max(len(row[i]) for row in rows) for i in (0, 1)]
    for name, detail, summary in rows:
        parts = [name.ljust(widths[0]), *([detail.ljust(widths[1])] if widths[1] else []), summary]
        click.echo("  ".join(parts).rstrip())
