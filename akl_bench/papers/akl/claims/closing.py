"""Which gap closes first: half-times, and the area between two curves until both are half."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from akl_bench.papers.akl.claims.card import Verdict, above, below, both, shown
from akl_bench.statistics import Summary, summary

Floats = NDArray[np.float64]
CLOSING_HEADS = ("student", "head, updates", "tail, updates", "head / tail", "area, head - tail")


class Closing(NamedTuple):
    """How the head's gap closes beside the tail's.

    Attributes:
        head, tail: Updates until the gap is half of what it was, between points by a straight
            line; the last update where it never is.
        area: Mean of (head gap / its start - tail gap / its start) until both are half closed:
            below 0 where the head is ahead.
    """

    head: float
    tail: float
    area: float

    @property
    def log_ratio(self) -> float:
        """log(head / tail): below 0 where the head is the first."""
        return float(np.log(self.head / self.tail))


def closing(updates: Floats, head: Floats, tail: Floats) -> Closing:
    """Compare two curves [T] of gaps, at `updates` that begin with 0."""
    head, tail = head / head[0], tail / tail[0]
    first, second = (_half_time(updates, gap) for gap in (head, tail))
    end = max(first, second)
    x = np.append(updates[updates < end], end)
    y = np.interp(x, updates, head - tail)
    return Closing(first, second, float((np.diff(x) * (y[1:] + y[:-1]) / 2).sum() / end))


def _half_time(updates: Floats, gap: Floats) -> float:
    closed = np.flatnonzero(gap <= 0.5)
    if closed.size == 0:
        return float(updates[-1])
    i = int(closed[0])
    part = (gap[i - 1] - 0.5) / (gap[i - 1] - gap[i])
    return float(updates[i - 1] + part * (updates[i] - updates[i - 1]))


class Race(NamedTuple):
    """FKL's students beside RKL's, pair by pair of starts or seeds.

    Attributes:
        verdict: Supported where FKL halves the head first and RKL the tail.
        within: Head's half-time over the tail's, each objective's and one by the other.
        across: FKL's half-time over RKL's, for the head and the tail.
    """

    verdict: Verdict
    within: str
    across: str


def race(fkl: Sequence[Closing], rkl: Sequence[Closing]) -> Race:
    """Judge by the intervals of mean log ratios, over paired students."""
    own = [np.array([c.log_ratio for c in side]) for side in (fkl, rkl)]
    one, other, relative = map(summary, (*own, own[0] - own[1]))
    pairs = list(zip(fkl, rkl, strict=True))
    head, tail = (summary([np.log(a[i] / b[i]) for a, b in pairs]) for i in (0, 1))
    return Race(
        both([below(one.low, one.high, 0), above(other.low, other.high, 0)]),
        f"FKL {_ratio(one)}, RKL {_ratio(other)}, FKL's over RKL's {_ratio(relative)}",
        f"head {_ratio(head)}, tail {_ratio(tail)}",
    )


def closing_row(name: str, each: Sequence[Closing]) -> list[str]:
    """A row under CLOSING_HEADS: means over starts or seeds."""
    times = [f"{np.mean([c[i] for c in each]):.1f}" for i in (0, 1)]
    area = summary([c.area for c in each])
    assert area.mean is not None, "there is at least one"
    ratio = _ratio(summary([c.log_ratio for c in each]))
    return [name, *times, ratio, shown(area.mean, area.low, area.high, "+.3f")]


def _ratio(logs: Summary) -> str:
    """A mean of logarithms as a ratio with its interval."""
    assert logs.mean is not None, "there is at least one"
    low, high = (None if x is None else float(np.exp(x)) for x in (logs.low, logs.high))
    return shown(float(np.exp(logs.mean)), low, high)
