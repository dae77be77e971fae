"""A claim as a card: its rule, stated before the numbers, and a verdict for each setting."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from akl_bench.papers.akl.objectives import OBJECTIVES
from akl_bench.report.figures import looks
from akl_bench.statistics import Difference, Summary
from akl_bench.strict import read_yaml

Floats = NDArray[np.float64]
TEXTS = read_yaml(Path(__file__).with_name("claims.yaml"))
LOOKS = looks(OBJECTIVES)


class Verdict(str, Enum):
    """What the data say of a claim, the weakest first."""

    REFUTED = "refuted"
    OPEN = "inconclusive"
    SUPPORTED = "supported"
    UNTESTED = "not tested"


class Table(NamedTuple):
    """Cells as they are shown; the first column is the row's name."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Part:
    """A claim in one setting."""

    setting: str  # a toy, or a run and its student
    verdict: Verdict  # by the card's rule
    why: str  # the numbers that decide, or what is missing
    notes: Sequence[str] = ()  # what a reader has to know besides
    figure: str = ""  # file name of the picture without its suffix; "" where there is none
    data: Mapping[str, Any] = field(default_factory=dict)  # the numbers, unrounded
    table: Table | None = None  # the data as they are shown
    draw: Callable[[Path], None] | None = field(default=None, repr=False)  # into a file


class Where(NamedTuple):
    """Toys or a run, as people, pictures' names and claims.yaml call them."""

    label: str
    slug: str
    kind: str = "runs"

    def part(
        self,
        claim: str,
        verdicts: Iterable[Verdict],
        rows: Sequence[Sequence[str]],
        data: Mapping[str, Any],
        draw: Callable[[Path], None],
        notes: Sequence[str] = (),
        **facts: object,
    ) -> Part:
        """A claim's part here: as weak as its verdicts, with its texts, in which the facts go."""
        texts = TEXTS[claim][self.kind]
        notes = [*notes, *(note.format(**facts) for note in texts["notes"])]
        why, table = texts["why"].format(**facts), Table(texts["heads"], rows)
        figure = f"{self.slug}-{claim}"
        return Part(self.label, weakest(verdicts), why, notes, figure, data, table, draw)


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


def listed(named: Mapping[str, Summary], format: str, between: str = "; ") -> str:
    """All of them, each after its name."""
    return between.join(f"{name} {shown(each, format)}" for name, each in named.items())
