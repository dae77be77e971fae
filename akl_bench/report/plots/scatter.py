"""Pictures of one number against another: diversity, coverage, cost."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from akl_bench.artifacts.store import TEACHER, UNTRAINED
from akl_bench.report.escape import terminal_text
from akl_bench.report.frame import Column, Row, RunFrame, Spread, is_named, is_reference
from akl_bench.report.plots.labels import label
from akl_bench.report.plots.style import Point, looks, name_of, panels, scatter

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DIVERSITY = ("distinct_n(n=2)", "distinct_n", "self_bleu")
_FEW_LABELS = 10
# How far off the trained rows a reference is still shown, in their range.
_FAR = {TEACHER: 1.5, UNTRAINED: 0.35}
# How far off the middle half of many trained rows one of them is still shown, in its width.
_OUTLIER = 5.0
_MANY = 8
_AXES = (attrgetter("x"), attrgetter("y"))


class Axis(NamedTuple):
    """Mean and spread by row, in shown units."""

    title: str
    values: dict[Row, Spread]
    higher_is_better: bool


Panel = tuple[str, Axis, Axis]  # title, across, up


def diversity(frame: RunFrame) -> Figure | None:
    """Quality against diversity, a panel for each task that measures both."""
    panels: list[Panel] = []
    for task in frame.tasks:
        of_task = [column for column in frame.columns if column.task == task]
        various = [c for one in _DIVERSITY for c in of_task if is_named(c.metric, (one,))]
        quality = frame.headline(task)
        if quality and various:
            panels.append((task, _axis(frame, various[0]), _axis(frame, quality)))
    title = "Quality against diversity; mean and standard deviation over seeds; line: Pareto front"
    return _draw(frame, panels, title)


def coverage(frame: RunFrame) -> Figure | None:
    """Coverage (recall of modes) against validity (precision), a panel for each task with both."""
    by_key = {column.key: column for column in frame.columns}
    panels = [
        (task, _axis(frame, by_key[task, "coverage"]), _axis(frame, by_key[task, "validity"]))
        for task in frame.tasks
        if (task, "validity") in by_key and (task, "coverage") in by_key
    ]
    title = "Validity of answers (precision) against coverage of what may be said (recall)"
    return _draw(frame, panels, title, front=False)


def cost(frame: RunFrame) -> Figure | None:
    """The first headline against seconds of training."""
    first = next((c for c in frame.shown if c.higher_is_better is not None), None)
    seconds = {
        row: Spread.of(made)
        for row in frame.rows
        if (made := [cell.student.made.seconds for cell in frame.of(row) if cell.student])
    }
    if first is None or not seconds:
        return None
    panel = (first.task, Axis("seconds of training", seconds, False), _axis(frame, first))
    title = "Quality against the time that training takes; line: Pareto front"
    return _draw(frame, [panel], title)


def _axis(frame: RunFrame, column: Column) -> Axis:
    values = frame.seed_values()
    scaled = {
        row: Spread.of([column.scale * value for value in by_seed.values()])
        for row in frame.rows
        if (by_seed := values.get((row, *column.key)))
    }
    unit = ", %" if column.scale == 100 else ""
    return Axis(terminal_text(column.metric) + unit, scaled, column.higher_is_better is not False)


def _draw(
    frame: RunFrame, wanted: Sequence[Panel], title: str, *, front: bool = True
) -> Figure | None:
    """Panels of points with direct labels; `front` joins those that none beats on both axes."""
    if not wanted:
        return None
    width = 5.2 if len(wanted) > 1 else 7.5
    with panels(len(wanted), title, width=width, height=4.6) as (made, axes):
        drawn = [
            _panel(place, frame, *panel, front=front)
            for place, panel in zip(axes, wanted, strict=True)
        ]
        made.draw_without_rendering()
        # Labels are put where they fit now; another layout would move the axes under them.
        made.set_layout_engine("none")
        for place, (points, named, line) in zip(axes, drawn, strict=True):
            label(place, points, named, line)
    return made


def _panel(
    axes: Axes, frame: RunFrame, task: str, across: Axis, up: Axis, *, front: bool
) -> tuple[list[Point], list[Point], list[tuple[float, float]]]:
    """Draw one panel; return its points, those to name, and the front."""
    shown = looks(frame)
    every = {
        row: Point(x.mean, y.mean, x.std or 0.0, y.std or 0.0, name_of(row, frame), shown[row])
        for row in frame.rows
        if (x := across.values.get(row)) and (y := up.values.get(row))
    }
    points, outside = _within(every)
    best = sorted((points[row].x, points[row].y) for row in _front(points, across, up))
    if front:
        axes.plot(*zip(*best, strict=True), color="#BBBBBB", linewidth=1.2, zorder=1)
    scatter(axes, list(points.values()))
    axes.set_title(task)
    arrows: dict[bool, Any] = {True: "better →", False: "← better"}
    below = f"{across.title}   ({arrows[across.higher_is_better]})"
    below += "".join(f"\nnot in view: {p.name} at ({p.x:.3g}, {p.y:.3g})" for p in outside)
    axes.set_xlabel(below)
    axes.set_ylabel(f"{up.title}   ({arrows[up.higher_is_better]})")
    axes.margins(0.14)
    return list(points.values()), _named(points, across, up), best if front else []


def _within(points: dict[Row, Point]) -> tuple[dict[Row, Point], list[Point]]:
    """The points to show, and those so far off that they would squeeze the others."""
    trained = {row: point for row, point in points.items() if not is_reference(row.objective)}
    far: dict[Row, None] = {}
    # Rows far outside the middle half of many, on either axis.
    for value in _AXES if len(trained) >= _MANY else ():
        low, high = np.quantile([value(p) for p in trained.values()], (0.25, 0.75))
        room = _OUTLIER * (high - low)
        far |= {r: None for r, p in trained.items() if not low - room <= value(p) <= high + room}
    near = [point for row, point in trained.items() if row not in far]
    if not near:
        return points, []

    def is_far(point: Point, times: float) -> bool:
        for value in _AXES:
            others = [value(p) for p in near]
            room = times * ((max(others) - min(others)) or abs(others[0]) or 1)
            if not min(others) - room <= value(point) <= max(others) + room:
                return True
        return False

    far |= {r: None for r, p in points.items() if r not in trained and is_far(p, _FAR[r.objective])}
    return {r: p for r, p in points.items() if r not in far}, [points[row] for row in far]


def _front(points: dict[Row, Point], across: Axis, up: Axis) -> list[Row]:
    """Trained rows that no other one beats on both axes."""
    right, top = (1 if axis.higher_is_better else -1 for axis in (across, up))
    trained = ((row, p) for row, p in points.items() if not is_reference(row.objective))
    at = {row: (right * p.x, top * p.y) for row, p in trained}

    def is_beaten(x: float, y: float) -> bool:
        return any((x, y) != other and x <= other[0] and y <= other[1] for other in at.values())

    return [row for row, place in at.items() if not is_beaten(*place)]


def _named(points: dict[Row, Point], across: Axis, up: Axis) -> list[Point]:
    """The points to write names at: all of a few; else known ones, the front and the extremes."""
    if len(points) <= _FEW_LABELS:
        return list(points.values())
    chosen = {row for row, point in points.items() if point.look.known}
    chosen.update(_front(points, across, up))
    trained = [row for row in points if not is_reference(row.objective)]
    for value in _AXES:
        ordered = sorted(trained, key=lambda row: value(points[row]))
        chosen.update((ordered[0], ordered[-1]))
    # The known ones come first: what is placed early is placed well.
    return sorted((points[row] for row in points if row in chosen), key=lambda p: not p.look.known)
