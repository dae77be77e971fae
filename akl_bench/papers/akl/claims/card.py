"""A claim as a card: its rule, stated before the numbers, and a verdict for each setting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

FKL, RKL = "forward_kl", "reverse_kl"
MIX, AKL = "symmetric_kl(weight=0.5)", "adaptive_kl(mu=0.5)"
SHORT = {FKL: "FKL", RKL: "RKL", MIX: "half-half mix", AKL: "AKL"}
# Within this of 1/2 a weight counts as that of the half-half mix.
NEAR = 0.05


class Verdict(str, Enum):
    """What the data say of a claim; the weakest of its settings is the card's."""

    REFUTED = "not supported"
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
        table: The data behind them.
        notes: What a reader has to know besides.
        data: The numbers, unrounded.
        figure: File name of the picture without its suffix; "" where there is none.
        draw: Writes the picture into a file.
    """

    setting: str
    verdict: Verdict
    why: str
    table: Table | None = None
    notes: Sequence[str] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    figure: str = ""
    draw: Callable[[Path], None] | None = None


@dataclass(frozen=True)
class Card:
    """A claim, its decision rule and what was found."""

    number: int
    claim: str
    rule: str
    parts: Sequence[Part]

    @property
    def verdict(self) -> Verdict:
        """A claim holds if it holds wherever it was tested."""
        tested = [part.verdict for part in self.parts if part.verdict is not Verdict.UNTESTED]
        order = list(Verdict)
        return min(tested, key=order.index, default=Verdict.UNTESTED)


def both(verdicts: Sequence[Verdict]) -> Verdict:
    """Supported where all are; refuted where one is."""
    if Verdict.REFUTED in verdicts:
        return Verdict.REFUTED
    return Verdict.OPEN if Verdict.OPEN in verdicts else Verdict.SUPPORTED


def below(low: float | None, high: float | None, limit: float) -> Verdict:
    """Whether an interval lies below a limit, above it, or cannot tell (as without an interval)."""
    if low is None or high is None:
        return Verdict.OPEN
    if high < limit:
        return Verdict.SUPPORTED
    return Verdict.REFUTED if low > limit else Verdict.OPEN


def above(low: float | None, high: float | None, limit: float) -> Verdict:
    """Whether an interval lies above a limit, below it, or cannot tell."""
    if low is None or high is None:
        return Verdict.OPEN
    return below(-high, -low, -limit)


def inside(low: float | None, high: float | None, margin: float) -> Verdict:
    """Whether an interval lies within 0 +- margin, wholly outside of that, or cannot tell."""
    if low is None or high is None:
        return Verdict.OPEN
    if -margin < low and high < margin:
        return Verdict.SUPPORTED
    return Verdict.REFUTED if low > margin or high < -margin else Verdict.OPEN


def shown(value: float, low: float | None, high: float | None, format: str = ".2f") -> str:
    """A value with its 95 % interval where it has one."""
    text = f"{value:{format}}"
    return text if low is None or high is None else f"{text} [{low:{format}}, {high:{format}}]"
