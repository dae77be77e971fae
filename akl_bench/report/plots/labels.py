"""Names beside points, placed so that they cover nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from akl_bench.report.plots.style import Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

_RINGS, _TURNS = 9, 24
_LINE = 1.5  # half the width that a line is given, in points


def label(
    axes: Axes,
    points: Sequence[Point],
    named: Sequence[Point],
    line: Sequence[tuple[float, float]] = (),
) -> None:
    """Write names beside points, each where it covers no name, marker, error bar or the line.

    Call it when the limits of the axes are final.
    """
    canvas: Any = axes.figure.canvas
    canvas.draw()
    renderer = canvas.get_renderer()
    per_point = axes.figure.dpi / 72
    frame_14 = np.array([axes.get_window_extent(renderer).extents])
    taken = [box for point in points for box in _boxes(axes, point, per_point)]
    taken += _along(axes, line, _LINE * per_point)
    offset: Any = {"textcoords": "offset points"}
    style: Any = {"fontsize": 8, "ha": "center", "va": "center", "zorder": 6}
    for point in named:
        at = (point.x, point.y)
        text = axes.annotate(point.name, at, xytext=(0, 0), color=point.look.ink, **offset, **style)
        centre = axes.transData.transform(at)
        size = np.array(text.get_window_extent(renderer).size)
        offsets_C3 = _offsets(size / per_point, 0.6 * point.look.size + 2)
        places_C4 = _around(centre + offsets_C3[:, :2] * per_point, size)
        covered_C = _overlap(places_C4, np.array(taken)).sum(axis=1)
        outside_C = size.prod() - _overlap(places_C4, frame_14)[:, 0]
        cost_C = 6 * (covered_C + outside_C) + 0.7 * per_point**2 * offsets_C3[:, 2]
        best_3 = offsets_C3[cost_C.argmin()]
        place = best_3[:2]
        text.set_position(place)
        # A space around it keeps the next name apart.
        space = np.multiply((4, 2), per_point)
        taken.append(_around(centre + place * per_point, size + space))
        if best_3[2] > 0:
            # From where the name is nearest to the marker.
            nearest: Any = np.clip(0, *np.split(_around(place, size / per_point), 2))
            arrow = {"arrowstyle": "-", "color": "#AAAAAA", "lw": 0.6, "shrinkB": 3}
            axes.annotate("", at, xytext=nearest, arrowprops=arrow, zorder=2, **offset)


def _boxes(axes: Axes, point: Point, per_point: float) -> list[Any]:
    """What a marker and its error bars cover: left, bottom, right, top, in pixels."""
    at, spread = np.array([point.x, point.y]), np.array([point.x_spread, point.y_spread])
    (x, y), low, high = axes.transData.transform([at, at - spread, at + spread])
    radius, thin = 0.6 * point.look.size * per_point, _LINE * per_point
    return [
        (x - radius, y - radius, x + radius, y + radius),
        (low[0], y - thin, high[0], y + thin),
        (x - thin, low[1], x + thin, high[1]),
    ]


def _along(axes: Axes, line: Sequence[tuple[float, float]], half: float) -> Iterator[Any]:
    """A line as a row of small squares."""
    for start, end in pairwise(axes.transData.transform(place) for place in line):
        steps = int(math.hypot(*(end - start)) / (2 * half)) + 1
        for step in range(steps):
            yield _around(start + (end - start) * step / steps, np.full(2, 2 * half))


def _around(centre: NDArray[np.float64], size: NDArray[np.float64]) -> NDArray[np.float64]:
    """Boxes of a size around their centres."""
    return np.concatenate([centre - size / 2, centre + size / 2], axis=-1)


def _overlap(one_A4: NDArray[np.float64], other_B4: NDArray[np.float64]) -> NDArray[np.float64]:
    """Areas [A, B] that two sets of boxes share."""
    low = np.maximum(one_A4[:, None, :2], other_B4[None, :, :2])
    high = np.minimum(one_A4[:, None, 2:], other_B4[None, :, 2:])
    sides = np.maximum(high - low, 0.0)
    area: NDArray[np.float64] = sides[..., 0] * sides[..., 1]
    return area


def _offsets(size: NDArray[np.float64], first: float) -> NDArray[np.float64]:
    """Centres of a label around its point and how far they are, in points: [places, 3]."""
    gap_R = first + 9.0 * np.arange(_RINGS)
    angle_T = np.arange(_TURNS) * 2 * np.pi / _TURNS
    # Along a rounded rectangle around the point: the text touches the ring, not its centre.
    across_T, up_T = np.cos(angle_T), np.sin(angle_T)
    x_RT = across_T * gap_R[:, None] + size[0] / 2 * np.clip(1.6 * across_T, -1, 1)
    y_RT = up_T * gap_R[:, None] + size[1] / 2 * np.clip(1.6 * up_T, -1, 1)
    far_RT = np.broadcast_to(gap_R[:, None] - first, x_RT.shape)
    # Rounded, so that a tie is a tie on every machine.
    return np.asarray(np.stack([x_RT, y_RT, far_RT], axis=-1).reshape(-1, 3).round(6))
