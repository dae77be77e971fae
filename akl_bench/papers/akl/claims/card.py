"""A claim as a card: its rule, stated before the numbers, and a verdict for each setting."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from akl_bench.statistics import Difference, Summary

Floats = NDArray[np.float64]


class Verdict(str, Enum):
    """What the data say of a claim, the weakest first."""

    REFUTED = "refuted"
    OPEN = "inconclusive"
    SUPPORTED = "supported"
    UNTESTED = "not tested"


@dataclass(frozen=True)
class Table:
    """Cells as they are shown; the first column is the row's name."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Part:
    """A claim in one setting.

    Attributes:
        setting: A toy, or a run and its student.
        verdict: By the card's rule.
        why: The numbers that decide, or what is missing.
        notes: What a reader has to know besides.
        figure: File name of the picture without its suffix; "" where there is none.
        data: The numbers, unrounded.
        table: The data as they are shown.
        draw: Writes the picture into a file.
    """

    setting: str
    verdict: Verdict
    why: str
    notes: Sequence[str] = ()
    figure: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    table: Table | None = None
    draw: Callable[[Path], None] | None = field(default=None, repr=False)


@dataclass
class Card:
    """A claim, its decision rule and what the settings say of it.

    It holds if it holds wherever it was tested.
    """

    number: int
    claim: str
    rule: str
    verdict: Verdict = field(init=False)
    parts: Sequence[Part]

    def __post_init__(self) -> None:
        self.verdict = weakest(part.verdict for part in self.parts)


def weakest(verdicts: Iterable[Verdict]) -> Verdict:
    """Refuted where one is, supported where all are; those not tested do not count."""
    return min(verdicts, key=list(Verdict).index, default=Verdict.UNTESTED)


def lies(interval: Summary | Difference, *, above: float = -inf, below: float = inf) -> Verdict:
    """Whether an interval lies between limits, wholly outside of them, or cannot tell.

    It cannot where there is none, for lack of seeds.
    """
    low, high = interval.low, interval.high
    if low is None or high is None:
        return Verdict.OPEN
    if above < low and high < below:
        return Verdict.SUPPORTED
    return Verdict.REFUTED if high < above or low > below else Verdict.OPEN


def shown(
    of: Summary | Difference, format: str = ".2f", unit: Callable[[float], float] = float
) -> str:
    """A mean or difference with its 95 % interval, where it has one, both in another unit."""
    value = of.mean if isinstance(of, Summary) else of.difference
    assert value is not None, "there is at least one"
    text = f"{unit(value):{format}}"
    if of.low is None or of.high is None:
        return text
    return f"{text} [{unit(of.low):{format}}, {unit(of.high):{format}}]"
