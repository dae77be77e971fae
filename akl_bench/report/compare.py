"""Every objective against the baseline: which seeds are compared, and Holm over the table."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from akl_bench import divergences, specs
from akl_bench.artifacts.cells import Key
from akl_bench.errors import UnknownNameError, UsageError
from akl_bench.report.frame import Column, Row, RowKey, RunFrame, is_reference, spec_of
from akl_bench.statistics import (
    Difference,
    Evidence,
    Prior,
    evidence,
    holm,
    moderated_t,
    prior,
    smallest_detectable,
    welch,
)

ALPHA = 0.05
# Of a row: a value for each seed, and the scores of its examples.
SeedScores = list[tuple[float, dict[str, float]]]
DEFAULT_BASELINE = "sft"
MODERATED, PAIRED, WELCH = TESTS = (
    "moderated paired t-test over training seeds",
    "paired t-test over training seeds",
    "Welch's t-test where the seeds differ",
)


@dataclass(frozen=True)
class Comparison:
    """One row against the baseline's row in one column.

    Attributes:
        baseline: The row compared with.
        better: Whether the difference is in the good direction.
        difference: Mean over seeds minus the baseline's; raw value.
        seeds: Seeds on either side.
        test: One of TESTS: over pairs of the same seeds, with or without a prior, or Welch's.
        p: Of that test; None with a single seed on a side.
        p_holm: Adjusted for all tested comparisons of the table.
        detectable: Smallest true difference found with 80 % power at the level that the adjustment
            asks of the smallest p, alpha over the number of comparisons; raw unit.
        evidence: Intervals and counts, where they were asked for.
    """

    baseline: Row
    better: bool
    difference: float
    seeds: tuple[int, int]
    test: str
    p: float | None
    p_holm: float | None = None
    detectable: float | None = None
    evidence: Evidence | None = None

    @property
    def significant(self) -> bool:
        """Whether the adjusted p-value is at most alpha."""
        return self.p_holm is not None and self.p_holm <= ALPHA


def baseline_of(frame: RunFrame, text: str) -> str:
    """The objective of the run that a name, an alias or a spec means.

    Raises:
        UsageError: No objective of the run, or several, answer to it.
    """
    objectives = list(dict.fromkeys(row.objective for row in frame.rows))
    if text in objectives:
        return text
    wanted = specs.parse(text)
    try:
        name = divergences.registry.resolve(wanted.name)
    except UnknownNameError:
        name = wanted.name
    answering = [
        objective
        for objective in objectives
        if not is_reference(objective)
        and (known := spec_of(objective)).name == name
        and wanted.params.items() <= known.params.items()
    ]
    if not answering:
        raise UnknownNameError("baseline", text, objectives)
    if len(answering) > 1:
        raise UsageError(f"'{text}' could be any of {', '.join(answering)}; name one of them.")
    return answering[0]


@dataclass(frozen=True)
class RowTests:
    """Tests of one row against another, with what the whole table says of their spread.

    Attributes:
        values: Value by seed, of the whole frame.
        prior: Over the rows and columns below.
        rows: Position of a row in the prior.
        columns: Position of a column in it.
    """

    values: Mapping[RowKey, Mapping[int, float]]
    prior: Prior
    rows: Mapping[Row, int]
    columns: Mapping[Key, int]

    @classmethod
    def of(cls, frame: RunFrame, columns: Sequence[Column], baseline: str | None) -> "RowTests":
        """With the prior of the trained rows, and the baseline, in the columns with a direction."""
        values = frame.seed_values()
        keys = [column.key for column in columns if column.higher_is_better is not None]
        rows = [row for row in frame.rows if not is_reference(row.objective)]
        rows += [row for row in frame.rows if row.objective == baseline and row not in rows]
        seeds = sorted({seed for by_seed in values.values() for seed in by_seed})
        values_CRS = [
            [[values.get((row, *key), {}).get(s, np.nan) for s in seeds] for row in rows]
            for key in keys
        ]
        shaped = np.reshape(np.array(values_CRS, dtype=float), (len(keys), len(rows), len(seeds)))
        at = {row: i for i, row in enumerate(rows)}, {key: i for i, key in enumerate(keys)}
        return cls(values, prior(shaped), *at)

    def seeds(self, row: Row, key: Key) -> int:
        """Number of a row's seeds that have a value."""
        return len(self.values.get((row, *key), {}))

    def __call__(self, row: Row, other: Row, key: Key) -> tuple[Difference, str] | None:
        """Row minus the other, and which of TESTS was made; None where a side has no value."""
        mine, theirs = (self.values.get((side, *key), {}) for side in (row, other))
        if not mine or not theirs:
            return None
        x, y = ([side[seed] for seed in sorted(side)] for side in (mine, theirs))
        if mine.keys() != theirs.keys():
            return welch(x, y), WELCH
        at = self.columns[key], self.rows[row], self.rows[other]
        variance = float(self.prior.variance_CRR[at])
        has_prior = self.prior.df > 0 and variance > 0
        return moderated_t(x, y, variance, self.prior.df), MODERATED if has_prior else PAIRED


def compare(
    frame: RunFrame,
    columns: Sequence[Column],
    baseline: str,
    tests: RowTests,
    *,
    detailed: bool = False,
) -> dict[RowKey, Comparison]:
    """Compare every trained row with the baseline objective of its student.

    Columns without a direction, and rows without a value there, are left out.

    Args:
        frame: The run or runs.
        columns: The columns of the table; Holm's adjustment counts all their comparisons.
        baseline: An objective of the frame, in full.
        tests: Of the frame with these columns and that baseline.
        detailed: Add `evidence`, which needs every example's score.
    """
    made: dict[RowKey, tuple[Comparison, Difference, Column]] = {}
    for row in frame.rows:
        other = _baseline_row(frame, row, baseline)
        if other is None or is_reference(row.objective):
            continue
        for column in columns:
            up = column.higher_is_better
            if up is None or (tested := tests(row, other, column.key)) is None:
                continue
            found, test = tested
            better = (found.difference > 0) == up and found.difference != 0
            seeds = tests.seeds(row, column.key), tests.seeds(other, column.key)
            one = Comparison(other, better, found.difference, seeds, test, found.p)
            made[row, column.task, column.metric] = one, found, column
    adjusted = holm([found.p for _, found, _ in made.values()])
    level = ALPHA / max(1, sum(p is not None for p in adjusted))
    # The baseline's are wanted by every row.
    scores = cache(partial(seed_scores, frame))
    comparisons = {}
    for (key, (one, found, column)), p in zip(made.items(), adjusted, strict=True):
        detectable = said = None
        if found.se is not None and found.df is not None:
            detectable = smallest_detectable(found.se, found.df, alpha=level)
        if detailed:
            x, y = scores(key[0], column), scores(one.baseline, column)
            paired, up = one.test != WELCH, bool(column.higher_is_better)
            said = _evidence(x, y, higher_is_better=up, paired=paired, alpha=level)
        comparisons[key] = replace(one, p_holm=p, detectable=detectable, evidence=said)
    return comparisons


def leaders(rows: Iterable[Row], column: Column, tests: RowTests) -> set[Row]:
    """Those trained rows that are not told apart from the best of a column.

    Each is tested against the one with the best mean, with Holm's adjustment over the rows of the
    column. Rows with one seed cannot be tested and have no part in it. Empty where the column has
    no direction or tells no two rows apart.
    """
    means = {
        row: math.fsum(by_seed.values()) / len(by_seed)
        for row in rows
        if not is_reference(row.objective)
        and len(by_seed := tests.values.get((row, *column.key), {})) > 1
    }
    if column.higher_is_better is None or not means:
        return set()
    best = (max if column.higher_is_better else min)(means, key=lambda row: means[row])
    others = [row for row in means if row != best]
    found = [tests(row, best, column.key) for row in others]
    adjusted = holm([made[0].p if made else None for made in found])
    apart = {r for r, p in zip(others, adjusted, strict=True) if p is not None and p <= ALPHA}
    return means.keys() - apart if apart else set()


def _baseline_row(frame: RunFrame, row: Row, baseline: str) -> Row | None:
    """The baseline of the same student and axes: of the same run, or of another that has one."""
    same = row.student, row.axes
    candidates = [r for r in frame.rows if (r.objective, r.student, r.axes) == (baseline, *same)]
    candidates.sort(key=lambda r: r.run != row.run)
    return candidates[0] if candidates and candidates[0] != row else None


def seed_scores(frame: RunFrame, row: Row, column: Column) -> SeedScores:
    """Per seed: the value, and the scores of the examples where their mean is that value."""
    by_seed = []
    for cell in frame.of(row):
        number = frame.number(cell, column)
        if number is None or number.value is None:
            continue
        lines = cell.examples(*column.key)
        scores = {line["id"]: line["value"] for line in lines if line["value"] is not None}
        mean = math.fsum(scores.values()) / len(scores) if scores else math.nan
        is_mean = math.isclose(mean, number.value, rel_tol=1e-6)
        by_seed.append((number.value, scores if is_mean else {}))
    return by_seed


def matrices(*sides: SeedScores) -> list[NDArray[np.float64]]:
    """Scores of rows as [seeds, examples], the same examples for all.

    A value that is no mean over examples (a perplexity, self-BLEU) is a single column.
    """
    ids = sorted(sides[0][0][1])
    by_example = ids and all(scores.keys() == set(ids) for side in sides for _, scores in side)
    return [
        np.array([[scores[i] for i in ids] if by_example else [value] for value, scores in side])
        for side in sides
    ]


def _evidence(
    x: SeedScores, y: SeedScores, *, higher_is_better: bool, paired: bool, alpha: float
) -> Evidence:
    """All that can be said of a row's scores against another's."""
    return evidence(
        *matrices(x, y),
        higher_is_better=higher_is_better,
        paired=paired,
        confidence=1 - ALPHA,
        alpha=alpha,
    )
