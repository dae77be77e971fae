"""The report page and the HTML table: Jinja templates with autoescape."""

from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from akl_bench.report.escape import terminal_text
from akl_bench.report.frame import Row
from akl_bench.report.layout import Table


def environment() -> Environment:
    """Templates that escape whatever they are given and refuse what they are not."""
    made = Environment(
        loader=PackageLoader("akl_bench.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["inert"] = terminal_text
    return made


def table_fragment(table: Table) -> str:
    """A `<table>` with its notes, to be put on a page."""
    return environment().get_template("fragment.html").render(table=table_context(table))


def table_context(table: Table, keys: dict[Row, str] | None = None) -> dict[str, Any]:
    """What `_table.html` shows; `keys` names the rows that a page can open."""
    lines = [
        {
            "group": line.group,
            "key": (keys or {}).get(line.row),
            "lead": table.lead(line),
            "cells": [
                {"text": cell.number(c), "raw": cell.mean, "rank": cell.rank, "mark": cell.mark}
                for cell, c in zip(line.cells, table.columns, strict=True)
            ],
        }
        for line in table.rows
    ]
    bodies = groupby(lines, key=lambda line: line["group"])
    tasks = groupby(table.columns, key=lambda column: column.task)
    return {
        "heads": table.heads,
        "columns": table.columns,
        "groups": [(task, len(list(columns))) for task, columns in tasks],
        "bodies": [(name, list(members)) for name, members in bodies],
        "notes": [table.notes[0], "best bold, second underlined", *table.notes[1:]],
    }
