"""Every objective against the baseline: which seeds are compared, and Holm over the table."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np

from akl_bench import divergences, specs
from akl_bench.errors import UnknownNameError, UsageError
from akl_bench.report.frame import Column, Row, RowKey, RunFrame, is_reference, spec_of
from akl_bench.statistics import Evidence, evidence, holm, paired_t, pooled_t, welch

ALPHA = 0.05
PAIRED, WELCH, POOLED = TESTS = (
    "paired t-test over training seeds",
    "Welch's t-test where the seeds differ",
    "t-test over training seeds with one spread pooled over all objectives",
)


@dataclass(frozen=True)
class Comparison:
    """One row against the baseline's row in one column.

    Attributes:
        baseline: The row compared with.
        better: Whether the difference is in the good direction.
        difference: Mean over seeds minus the baseline's; raw value.
        seeds: Seeds on either side.
        test: One of TESTS: over pairs of the same seeds, Welch's, or with a pooled spread.
        p: Of that test; None with a single seed on a side.
        p_holm: Adjusted for all tested comparisons of the table.
        evidence: Intervals, power and counts, where they were asked for.
    """

    baseline: Row
    better: bool
    difference: float
    seeds: tuple[int, int]
    test: str
    p: float | None
    p_holm: float | None = None
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


def compare(
    frame: RunFrame,
    columns: Sequence[Column],
    baseline: str,
    *,
    pooled: bool = False,
    detailed: bool = False,
) -> dict[RowKey, Comparison]:
    """Compare every trained row with the baseline objective of its student.

    Columns without a direction, and rows without a value there, are left out.

    Args:
        frame: The run or runs.
        columns: The columns of the table; Holm's adjustment counts all their comparisons.
        baseline: An objective of the frame, in full.
        pooled: Test with one spread for all objectives of a column, which few seeds need; false
            alarms rise where an objective scatters more than the others.
        detailed: Add `evidence`, which needs every example's score.
    """
    values = frame.seed_values()
    # The baseline's are wanted by every row.
    scores = cache(partial(_scores, frame))
    comparisons: dict[RowKey, Comparison] = {}
    for row in frame.rows:
        other = _baseline_row(frame, row, baseline)
        if other is None or is_reference(row.objective):
            continue
        for column in columns:
            mine, theirs = values.get((row, *column.key)), values.get((other, *column.key))
            better = column.higher_is_better
            if better is None or not mine or not theirs:
                continue
            made = _compare(mine, theirs, other, higher_is_better=better)
            if detailed:
                x, y = scores(row, column), scores(other, column)
                made = replace(made, evidence=_evidence(x, y, better, paired=made.test == PAIRED))
            comparisons[row, column.task, column.metric] = made
    if pooled:
        comparisons |= _pooled(comparisons, values)
    adjusted = holm([made.p for made in comparisons.values()])
    return {
        key: replace(made, p_holm=p)
        for (key, made), p in zip(comparisons.items(), adjusted, strict=True)
    }


def _baseline_row(frame: RunFrame, row: Row, baseline: str) -> Row | None:
    """The baseline of the same student and axes: of the same run, or of another that has one."""
    same = row.student, row.axes
    candidates = [r for r in frame.rows if (r.objective, r.student, r.axes) == (baseline, *same)]
    candidates.sort(key=lambda r: r.run != row.run)
    return candidates[0] if candidates and candidates[0] != row else None


def _compare(
    mine: Mapping[int, float], theirs: Mapping[int, float], other: Row, *, higher_is_better: bool
) -> Comparison:
    x, y = ([side[seed] for seed in sorted(side)] for side in (mine, theirs))
    test, kind = (paired_t, PAIRED) if mine.keys() == theirs.keys() else (welch, WELCH)
    made = test(x, y)
    better = (made.difference > 0) == higher_is_better and made.difference != 0
    return Comparison(other, better, made.difference, (len(x), len(y)), kind, made.p)


def _pooled(
    comparisons: Mapping[RowKey, Comparison], values: Mapping[RowKey, Mapping[int, float]]
) -> Iterator[tuple[RowKey, Comparison]]:
    """The same comparisons, each column and baseline tested with the spread of all its rows."""
    groups: dict[RowKey, list[RowKey]] = {}
    for key, made in comparisons.items():
        groups.setdefault((made.baseline, *key[1:]), []).append(key)
    for other, keys in groups.items():
        tests = pooled_t([list(values[key].values()) for key in keys], list(values[other].values()))
        for key, test in zip(keys, tests, strict=True):
            yield key, replace(comparisons[key], test=POOLED, p=test.p)


def _scores(frame: RunFrame, row: Row, column: Column) -> list[tuple[float, dict[str, float]]]:
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


def _evidence(
    x: Sequence[tuple[float, dict[str, float]]],
    y: Sequence[tuple[float, dict[str, float]]],
    higher_is_better: bool,
    *,
    paired: bool,
) -> Evidence:
    """All that can be said of a row's scores against another's."""
    ids = sorted(x[0][1])
    # A value that is no mean over examples (a perplexity, self-BLEU) is compared as it is.
    by_example = ids and all(scores.keys() == x[0][1].keys() for _, scores in (*x, *y))
    sides = (
        np.array([[scores[i] for i in ids] if by_example else [value] for value, scores in side])
        for side in (x, y)
    )
    return evidence(*sides, higher_is_better=higher_is_better, paired=paired, confidence=1 - ALPHA)
