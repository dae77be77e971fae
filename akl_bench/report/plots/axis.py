"""Numbers over an axis of a sweep, as quality over the training budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from akl_bench.artifacts.store import TEACHER
from akl_bench.report import figures
from akl_bench.report.escape import terminal_text
from akl_bench.report.figures import GREY, Look
from akl_bench.report.frame import Column, Row, RunFrame, is_reference
from akl_bench.report.names import axis_number
from akl_bench.report.plots.style import name_of, panels
from akl_bench.statistics import summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BEST = 4
_BASELINE = "sft"
_FACTORS = 4.0  # from the smallest to the largest value: more than that is drawn in factors
_TEACHER = "#444444"
_OTHER = Look(GREY, "o", known=False)
Line = dict[float, list[float]]  # value of the axis -> value of each seed, in shown units


def lines(frame: RunFrame, key: str, column: Column) -> dict[Row, Line]:
    """A line per row without its value on the axis; rows that the axis does not concern are out."""
    values = frame.seed_values()
    by_row: dict[Row, Line] = {}
    for row in frame.rows:
        at = axis_number(dict(row.axes).get(key, ""))
        by_seed = values.get((row, *column.key))
        if at is not None and by_seed:
            rest = row._replace(axes=tuple(pair for pair in row.axes if pair[0] != key))
            scaled = [column.scale * value for value in by_seed.values()]
            by_row.setdefault(rest, {})[at] = scaled
    return {row: dict(sorted(line.items())) for row, line in by_row.items()}


def draw(frame: RunFrame) -> Figure | None:
    """A panel per number of the default table that has a direction, for the first numeric axis."""
    columns = [column for column in frame.shown if column.higher_is_better is not None]
    for key, name in frame.axes.items():
        by_column = {column: lines(frame, key, column) for column in columns}
        by_column = {column: of_row for column, of_row in by_column.items() if of_row}
        if (
            len({at for of_row in by_column.values() for line in of_row.values() for at in line})
            > 1
        ):
            return _draw(frame, name, by_column)
    return None


def _draw(frame: RunFrame, name: str, by_column: Mapping[Column, dict[Row, Line]]) -> Figure:
    from matplotlib.lines import Line2D

    looks = _looks(*next(iter(by_column.items())))
    title = f"Over {terminal_text(name)}; mean, shaded: 95 % interval over training seeds"
    with panels(len(by_column), title, width=4.4, height=3.4) as (made, axes):
        for place, (column, of_row) in zip(axes, by_column.items(), strict=True):
            for row, line in of_row.items():
                _line(place, line, looks.get(row, _OTHER), name_of(row, frame))
            _teacher(place, frame, column)
            _ticks(place, sorted({at for line in of_row.values() for at in line}))
            unit = ", %" if column.scale == 100 else ""
            place.set_title(f"{column.task} {column.metric}{unit} {column.arrow}")
            place.set_xlabel(terminal_text(name))
        entries = {
            name_of(row, frame): Line2D([], [], color=look.color, marker=look.marker, linewidth=1.8)
            for row, look in looks.items()
            if look.known
        }
        if others := sum(not look.known for look in looks.values()):
            entries[f"{others} others"] = Line2D([], [], color=GREY, linewidth=0.8)
        entries[TEACHER] = Line2D([], [], color=_TEACHER, linestyle=":")
        columns = min(6, len(entries))
        made.legend([*entries.values()], [*entries], loc="outside lower left", ncols=columns)
    return made


def _looks(column: Column, of_row: Mapping[Row, Line]) -> dict[Row, Look]:
    """All of a few rows in colour; of many, the best at the end of the axis and the baseline."""
    rows = [row for row in of_row if not is_reference(row.objective)]
    end = max(at for line in of_row.values() for at in line)

    def quality(row: Row) -> float:
        values = of_row[row].get(end)
        mean = sum(values) / len(values) if values else float("-inf")
        return mean if column.higher_is_better or not values else -mean

    best = sorted(rows, key=quality, reverse=True)[:_BEST]
    named = [row for row in rows if row in best or row.objective == _BASELINE]
    chosen = rows if len(rows) <= figures.FEW else named
    own = figures.looks(row.objective for row in chosen)
    return {row: own[row.objective] if row in chosen else _OTHER for row in rows}


def _line(place: Axes, line: Line, look: Look, tip: str) -> None:
    spreads = [summary(values) for values in line.values()]
    style: Any = {"linewidth": 1.8, "zorder": 4} if look.known else {"linewidth": 0.8, "alpha": 0.6}
    (drawn,) = place.plot(
        [*line],
        [float(spread.mean or 0) for spread in spreads],
        color=look.color,
        marker=look.marker if look.known else None,
        markersize=4.5,
        **style,
    )
    drawn.set_gid(f"tip:{tip}")
    bounds = [(s.low, s.high) for s in spreads if s.low is not None and s.high is not None]
    if look.known and len(bounds) == len(line):
        low, high = zip(*bounds, strict=True)
        place.fill_between([*line], low, high, color=look.color, alpha=0.1, lw=0)


def _teacher(place: Axes, frame: RunFrame, column: Column) -> None:
    for row in frame.rows:
        if row.objective == TEACHER and (spread := frame.summary().get((row, *column.key))):
            level = column.scale * spread.mean
            place.axhline(level, color=_TEACHER, linestyle=":", linewidth=1.2, zorder=1)


def _ticks(place: Axes, at: Sequence[float]) -> None:
    if at[0] > 0 and at[-1] / at[0] >= _FACTORS:
        place.set_xscale("log")
        place.minorticks_off()
    place.set_xticks(at, [f"{value:,.6g}" for value in at])
