"""`akl-bench score`: score a model that was trained elsewhere, or a run anew."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from akl_bench.cli._execute import execute, executor_options
from akl_bench.cli._options import load_profile, out_option, profile_options, run_folder

if TYPE_CHECKING:
    from akl_bench.config import Profile


@click.command(no_args_is_help=True)
@click.argument("target", type=click.Path(path_type=Path), metavar="CHECKPOINT|RUN")
@profile_options
@out_option
@click.option("--label", help="Row of the checkpoint.  [default: the name of its folder]")
@click.option("--task", "tasks", multiple=True, help="Add a task of tasks/. Repeatable.")
@click.option("--metric", "metrics", multiple=True, help="Add a metric. Repeatable.")
@executor_options
@click.pass_context
def score(
    context: click.Context,
    /,
    target: Path,
    out: Path | None,
    label: str | None,
    tasks: tuple[str, ...],
    metrics: tuple[str, ...],
    executor: str,
    workers: int | None,
    **options: Any,
) -> None:
    """Score a CHECKPOINT, or the students of a RUN, on the tasks of a profile; nothing is trained.

    A CHECKPOINT is any Hugging Face folder with safetensors; it becomes a row of the run --out
    beside the others. A RUN is measured on its own profile unless --profile or --set say otherwise.
    What is there already is not computed again: a new task or metric takes just its own time.
    """
    from akl_bench.artifacts.store import Run
    from akl_bench.errors import UsageError

    is_run = Run(target).exists()
    if is_run and (out is not None or label is not None):
        raise UsageError("--out and --label are for checkpoints; a run is scored where it is.")
    if not is_run and not (target / "config.json").is_file():
        inside = f"; {target / 'model'} is one" if (target / "model/config.json").is_file() else ""
        raise UsageError(
            f"{target} is neither a run (no run.json) nor a checkpoint (no config.json){inside}."
        )
    where = target if is_run else out
    own = Run(where).read().profile if where is not None and Run(where).exists() else None
    default = click.core.ParameterSource.DEFAULT
    is_other = any(
        context.get_parameter_source(name) != default for name in ("profile", "settings")
    ) or any(options[name] and not getattr(own, name) for name in ("smoke", "dry_models"))
    if own is not None and not is_other:
        profile = own.model_copy(update={"online": options["online"]})
        if options["seeds"]:
            profile = profile.with_seeds(options["seeds"])
    else:
        profile = load_profile(**options)
    profile = _with(profile, tasks, metrics)
    checkpoints = {} if is_run else {label or target.resolve().name: target.resolve()}
    folder = where or run_folder(profile, None)
    execute((), profile, folder, executor=executor, workers=workers, checkpoints=checkpoints)


def _with(profile: "Profile", names: tuple[str, ...], metrics: tuple[str, ...]) -> "Profile":
    """A profile with further tasks, and with further metrics of its generation tasks."""
    from akl_bench import tasks

    by_name = profile.tasks | {name: tasks.get(name) for name in names if name not in profile.tasks}
    for name, task in by_name.items():
        more = [metric for metric in metrics if metric not in task.metrics]
        if task.kind == "generation" and more:
            update = {"metrics": (*task.metrics, *more), "columns": (*task.shown, *more)}
            by_name[name] = task.model_copy(update=update)
    new = [*(name for name in names if name not in profile.tasks), *metrics]
    table = (*profile.table, *(name for name in new if name not in profile.table))
    return profile.model_copy(update={"tasks": by_name, "table": table if profile.table else ()})
