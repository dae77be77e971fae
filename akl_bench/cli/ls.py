"""`akl-bench ls`: what there is."""

import click

_PLUGINS = ("objectives", "sources", "teachers", "samplers", "devices", "executors", "metrics")


@click.command(no_args_is_help=True)
@click.argument("kind", type=click.Choice((*_PLUGINS, "tasks", "profiles")))
def ls(kind: str) -> None:
    """List what there is, each with one line about it."""
    from akl_bench.report.text import aligned

    rows = _rows(kind)
    click.echo("\n".join(aligned([rows], left=len(rows[0]))))


def _rows(kind: str) -> list[tuple[str, ...]]:
    from akl_bench import config, executors, generation, metrics, tasks
    from akl_bench.pipeline import objectives
    from akl_bench.strict import read_yaml
    from akl_bench.training import devices, sources, teachers

    if kind == "tasks":
        specs = map(tasks.get, tasks.available())
        return [(task.name, task.kind, task.description.strip()) for task in specs]
    if kind == "profiles":
        paths = config.profile_paths()
        return [(name, read_yaml(path)["description"].strip()) for name, path in paths.items()]
    rooms = {
        "sources": sources,
        "teachers": teachers,
        "samplers": generation,
        "devices": devices,
        "executors": executors,
        "metrics": metrics,
    }
    entries = objectives.entries() if kind == "objectives" else rooms[kind].registry.entries()
    return [(e.name, ", ".join(e.aliases), e.summary) for e in entries.values()]
