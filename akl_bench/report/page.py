"""The report page and the HTML table: Jinja templates with autoescape, nothing from elsewhere."""

import base64
import hashlib
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from akl_bench import __version__
from akl_bench.artifacts.files import flat
from akl_bench.artifacts.keys import common
from akl_bench.artifacts.store import TEACHER
from akl_bench.errors import MissingDependencyError
from akl_bench.report import plots
from akl_bench.report.escape import terminal_text
from akl_bench.report.frame import Column, RunFrame, row_name
from akl_bench.report.layout import build
from akl_bench.report.parts import Table, shown
from akl_bench.report.samples import samples

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = Path(__file__).with_name("templates")
_COSTS = {"seconds", "peak_memory_mib"}


def environment() -> "Environment":
    """Templates that escape whatever they are given and refuse what they are not."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    made = Environment(
        loader=PackageLoader("akl_bench.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"shown": shown, "row_name": row_name}
    made.filters["inert"] = terminal_text
    # A long name may break after an underscore.
    made.filters["folded"] = lambda text: Markup("_<wbr>").join(terminal_text(text).split("_"))
    return made


def table_fragment(table: Table) -> str:
    """A `<table>` with its notes, to be put on a page."""
    return environment().get_template("fragment.html").render(table=table)


def render(frame: RunFrame, *, baseline: str | None = None, prompts: int = 12) -> str:
    """A run as one self-contained page; the same run gives the same bytes.

    Args:
        frame: The run.
        baseline: As in `layout.build`.
        prompts: Prompts per task whose answers are shown.

    Raises:
        UsageError: The baseline is none of the run's objectives, or a file is not what was sealed.
    """
    board = build(frame, baseline=baseline)
    full = build(frame, baseline=baseline, every_metric=True, detailed=True)
    style, script = ((_FOLDER / name).read_text("utf-8") for name in ("page.css", "page.js"))
    figures, without = _figures(frame)
    return (
        environment()
        .get_template("page.html")
        .render(
            frame=frame,
            version=__version__,
            style=style,
            script=script,
            style_hash=_hash(style),
            script_hash=_hash(script),
            table=board,
            full=full,
            keys={row: str(index) for index, row in enumerate(frame.rows)},
            figures=figures,
            without=without,
            lines={line.row: line for line in full.rows},
            values=frame.seed_values(),
            data={
                "names": [terminal_text(row_name(row, frame)) for row in frame.rows],
                "first": _first_choice(frame, board),
                "tasks": samples(frame, prompts),
            },
            protocol=_protocol(frame.columns),
            provenance=_provenance(frame),
        )
    )


def _hash(text: str) -> str:
    """What a content security policy names an inline style or script by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _figures(frame: RunFrame) -> tuple[dict[str, str], str]:
    from akl_bench.report.plots.inline import inline

    try:
        drawn = {kind: plots.draw(frame, kind) for kind in plots.KINDS}
    except MissingDependencyError as error:
        return {}, str(error)
    return {kind: inline(made, kind) for kind, made in drawn.items() if made is not None}, ""


def _first_choice(frame: RunFrame, table: Table) -> list[int]:
    """The rows whose answers are side by side at first: teacher, baseline and the best three."""
    best = [line.row for line in table.rows if line.group == "objective"][:3]
    named = (TEACHER, table.baseline)
    return [i for i, row in enumerate(frame.rows) if row in best or row.objective in named]


def _protocol(columns: Sequence[Column]) -> dict[str, dict[str, Any]]:
    """What must agree: for all columns, then what else for a task, and for a metric of it."""
    fields = {column.key: flat(column.protocol) for column in columns}
    everywhere = common(fields.values())
    protocol = {"every column": everywhere}
    for task, members in groupby(columns, key=lambda column: column.task):
        own = {
            column.metric: {k: v for k, v in fields[column.key].items() if k not in everywhere}
            for column in members
        }
        of_task = common(own.values())
        protocol[task] = of_task | {
            f"{metric}: {name}": value
            for metric, rest in own.items()
            for name, value in rest.items()
            if name not in of_task
        }
    return protocol


def _provenance(frame: RunFrame) -> dict[str, str]:
    """Versions and hardware behind the numbers; several values where artifacts differ."""
    values: dict[str, dict[str, None]] = {}
    for cell in frame.cells:
        for _, seal in cell.artifacts if cell.metrics else ():
            for key, value in flat(seal.made.model_dump(exclude=_COSTS)).items():
                # No threads: torch had no part in it.
                if value != 0:
                    values.setdefault(key.removeprefix("libraries."), {})[str(value)] = None
    return {key: ", ".join(each) for key, each in values.items()}
