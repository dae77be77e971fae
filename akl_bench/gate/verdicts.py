"""From the values of seeds to a verdict: the test, the interval, and what it could have seen.

A difference is positive where the candidate is better, whatever the metric's direction.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from statistics import fmean, variance
from typing import Literal

from scipy import special, stats

from akl_bench import statistics

_MOST_SEEDS = 200
# Without a known spread a loss counts as real from this many margins on.
_CLEAR = 3
_ROUNDING = 1e-12
_FEW = 3
_SPREAD_SEEDS = 5
Design = Literal["pooled", "welch", "paired"]
Mode = Literal["exact", "seeds", "calibrated", "threshold"]


class Verdict(str, Enum):
    """What is to be said of one metric."""

    PASS = "PASS"
    IMPROVED = "IMPROVED"
    WARN = "WARN"
    REGRESSION = "REGRESSION"
    INCONCLUSIVE = "INCONCLUSIVE"
    MISSING = "MISSING"
    INCOMPARABLE = "INCOMPARABLE"


@dataclass(frozen=True)
class Estimate:
    """What the seeds say of one metric, in raw units, better upwards.

    Attributes:
        mode: How it was compared.
        difference: Mean of the candidate minus mean of the baseline.
        margin: Loss that does not matter.
        low: Lower end of the interval with level alpha on each side; None without a spread.
        high: Its upper end.
        p_loss: One-sided p of "not worse"; None without a spread.
        p_gain: One-sided p of "not better".
        alpha: Level of the interval on each side.
        spread: Its standard error, for any number of seeds.
    """

    mode: Mode
    difference: float
    margin: float
    low: float | None = None
    high: float | None = None
    p_loss: float | None = None
    p_gain: float | None = None
    alpha: float = 0.05
    spread: "Spread | None" = field(default=None, repr=False)

    @property
    def more_seeds(self) -> int | None:
        """Further candidate seeds with which an unchanged student passes with 80 % power.

        None where no number of them does.
        """
        return self.spread.more_seeds(self.alpha, self.margin) if self.spread else None


@dataclass(frozen=True)
class Spread:
    """Standard error as a function of the number of candidate seeds n: sqrt(fixed + free / n)."""

    fixed: float
    free: float
    n: int
    baseline: int
    test: str

    def detectable(self, alpha: float, n: int | None = None) -> float:
        """Loss that a one-sided test at that level finds with 80 % power."""
        if 2 * alpha >= statistics.POWER:
            return 0.0  # A level so high that no loss at all is called as often.
        n = n or self.n
        own = self.free / n
        known = {"paired": n - 1, "calibrated": self.baseline - 1, "pooled": n + self.baseline - 2}
        df: float | None = known.get(self.test)
        if df is None:
            parts = self.fixed**2 / (self.baseline - 1) + own**2 / (n - 1)
            df = (self.fixed + own) ** 2 / parts
        se = math.sqrt(self.fixed + own)
        found = statistics.smallest_detectable(se, df, alpha=2 * alpha)
        assert found is not None, "a spread has degrees of freedom"
        return found

    def more_seeds(self, alpha: float, margin: float) -> int | None:
        """Further candidate seeds until the detectable loss is within the margin."""
        most = self.baseline if self.test == "paired" else _MOST_SEEDS
        more = range(1, most - self.n + 1)
        enough = bisect_left(more, True, key=lambda n: self.detectable(alpha, self.n + n) <= margin)
        return more[enough] if enough < len(more) else None


def mode_for(baseline: int, candidate: int) -> Mode:
    """The strongest test that so many seeds allow."""
    if min(baseline, candidate) >= _FEW:
        return "seeds"
    return "calibrated" if baseline >= _SPREAD_SEEDS else "threshold"


def estimate(
    baseline: dict[int, float],
    candidate: dict[int, float],
    *,
    mode: Mode,
    design: Design,
    alpha: float,
    margin: float,
    higher_is_better: bool,
) -> Estimate:
    """Compare the values of seeds.

    Args:
        baseline: Value by seed; one or more.
        candidate: Value by seed; one or more.
        mode: "seeds" tests as `design` says, "calibrated" takes the baseline's spread for both
            (a prediction interval), "threshold" tests nothing.
        design: "paired" compares equal seeds only.
        alpha: Level of the interval on each side.
        margin: Loss that does not matter, in raw units.
        higher_is_better: The metric's direction.
    """
    sign = 1.0 if higher_is_better else -1.0
    test = design if mode == "seeds" else mode
    shared = sorted(baseline.keys() & candidate.keys()) if test == "paired" else []
    x, y = ([sign * side[seed] for seed in shared or side] for side in (candidate, baseline))
    confidence = 1 - 2 * alpha
    if test == "pooled":
        difference = statistics.student_t(x, y, confidence)
    elif test == "calibrated":
        difference = statistics.against_known_spread(x, y, confidence)
    elif test == "welch" or shared:
        difference = (statistics.paired_t if shared else statistics.welch)(x, y, confidence)
    else:
        difference = statistics.Difference(fmean(x) - fmean(y))
    if difference.statistic is None or difference.df is None:
        # Nothing varies (an empty rate of 0 in every seed): a t-test has nothing to go by.
        tiny = _ROUNDING * max(map(abs, [*x, *y]))
        rounded = 0.0 if abs(difference.difference) <= tiny else difference.difference
        return Estimate("threshold", rounded, margin)
    free = variance(y if test == "calibrated" else x)
    if test == "pooled":
        squares = free * (len(x) - 1) + variance(y) * (len(y) - 1)
        free = squares / (len(x) + len(y) - 2)
    fixed = (free if test == "pooled" else variance(y)) / len(y)
    if test == "paired":
        fixed, free = 0.0, variance([a - b for a, b in zip(x, y, strict=True)])
    return Estimate(
        mode,
        difference.difference,
        margin,
        difference.low,
        difference.high,
        p_loss=float(special.stdtr(difference.df, difference.statistic)),
        p_gain=float(special.stdtr(difference.df, -difference.statistic)),
        alpha=alpha,
        spread=Spread(fixed, free, len(x), len(baseline), test),
    )


def judge(
    estimates: Sequence[Estimate], alpha: float, adjust: str
) -> list[tuple[Verdict, float | None, float | None]]:
    """The verdict on each metric of a tier, with the adjusted p of a loss and what was detectable.

    A loss is called where its adjusted p is at most alpha: the chance of any false alarm in the
    tier is at most alpha. That nothing is lost needs no adjustment: "none of them is worse by its
    margin" fails only if every single bound fails (an intersection-union test).

    Args:
        estimates: The metrics of the tier.
        alpha: The tier's share of the policy's alpha.
        adjust: "holm", "bh" or "none".
    """
    losses = _adjusted([e.p_loss for e in estimates], adjust)
    gains = _adjusted([e.p_gain for e in estimates], adjust)
    tested = sum(e.p_loss is not None for e in estimates)
    level = alpha / tested if adjust == "holm" and tested else alpha
    return [
        (_verdict(e, alpha, loss, gain), loss, e.spread.detectable(level) if e.spread else None)
        for e, loss, gain in zip(estimates, losses, gains, strict=True)
    ]


def _verdict(e: Estimate, alpha: float, loss: float | None, gain: float | None) -> Verdict:
    if e.low is None or loss is None or gain is None:
        if e.difference >= -e.margin:
            return Verdict.PASS
        clear = 0 < _CLEAR * e.margin < -e.difference
        return Verdict.REGRESSION if clear else Verdict.INCONCLUSIVE
    if gain <= alpha:
        return Verdict.IMPROVED
    if e.low >= -e.margin:
        return Verdict.PASS
    if loss <= alpha:
        return Verdict.REGRESSION if e.difference <= -e.margin else Verdict.WARN
    return Verdict.INCONCLUSIVE


def _adjusted(p_values: list[float | None], adjust: str) -> list[float | None]:
    if adjust == "holm":
        return statistics.holm(p_values)
    if adjust == "bh":
        known = [p for p in p_values if p is not None]
        adjusted = list(stats.false_discovery_control(known)) if known else []
        return [None if p is None else float(adjusted.pop(0)) for p in p_values]
    return list(p_values)
