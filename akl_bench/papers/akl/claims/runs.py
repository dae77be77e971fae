"""What the claims need of a run: its objectives' numbers by seed, and their training curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from akl_bench.papers.akl.claims.card import AKL, SHORT
from akl_bench.papers.akl.claims.closing import Floats
from akl_bench.report.frame import Column, Row, RunFrame, SealedCell, load
from akl_bench.statistics import Difference, paired_t, smallest_detectable


@dataclass(frozen=True)
class Trained:
    """The students of one architecture in a run."""

    folder: Path
    frame: RunFrame
    student: str

    @property
    def label(self) -> str:
        """How it is named to people."""
        return f"{self.frame.profile.name}, student {self.student}"

    @property
    def slug(self) -> str:
        """How it is named in file names."""
        return f"{self.frame.profile.name}-{self.student}"

    def cells(self, objective: str) -> dict[int, SealedCell]:
        """Its sealed cells by seed."""
        return {cell.seed: cell for cell in self.frame.sealed(Row(objective, self.student))}

    def lacks(self, objectives: Sequence[str]) -> list[str]:
        """Those that it has no sealed cell of, as they are named to people."""
        return [SHORT[name] for name in objectives if not self.cells(name)]

    def values(self, objective: str, column: Column) -> dict[int, float]:
        """The raw value of a column by seed; seeds without one are left out."""
        by_seed = {}
        for seed, cell in self.cells(objective).items():
            metrics = cell.record["tasks"].get(column.task, {}).get("metrics", {})
            value = metrics.get(column.metric, {}).get("value")
            if value is not None:
                by_seed[seed] = float(value)
        return by_seed

    def columns(self, *metrics: str, kind: str) -> list[Column]:
        """Columns of the tasks of a kind whose metric, or its name, is one of these."""
        return [
            column
            for column in self.frame.columns
            if self.frame.profile.tasks[column.task].kind == kind
            and {column.metric, column.metric.partition("(")[0]} & set(metrics)
        ]

    def headlines(self, *kinds: str) -> list[Column]:
        """The headline columns of the tasks of these kinds that are shares of 1."""
        by_task: dict[str, Column] = {}
        for column in self.frame.columns:
            task = self.frame.profile.tasks[column.task]
            is_headline = task.headline in (column.metric, column.metric.partition("(")[0])
            has_direction = column.higher_is_better is not None and column.scale == 100
            if task.kind in kinds and is_headline and has_direction:
                by_task.setdefault(column.task, column)
        return list(by_task.values())

    def curve(self, cell: SealedCell) -> tuple[Floats, Floats, Floats, Floats]:
        """Updates done, head gap, tail gap and AKL's weight where a cell's log has them."""
        rows = [row for row in cell.lines("train.jsonl") if "head_gap" in row]
        names = ("step", "head_gap", "tail_gap", "akl_weight")
        step, head, tail, w = (np.array([row[n] for row in rows], dtype=float) for n in names)
        # A step's numbers are those of the student before its update.
        return step - 1, head, tail, w

    def steps(self) -> int:
        """Optimiser steps of its longest trained cell; 0 where no log tells."""
        return max(
            (
                lines[-1]["step"]
                for cell in self.frame.cells
                if cell.row.student == self.student and (lines := cell.lines("train.jsonl"))
            ),
            default=0,
        )


def trained(folders: Sequence[Path]) -> list[Trained]:
    """Every student of every run.

    Raises:
        UsageError: A folder holds no run, or what it holds is damaged.
    """
    students = []
    for folder in dict.fromkeys(folders):
        frame = load(folder)
        students += [Trained(folder, frame, student) for student in frame.profile.students]
    return students


@dataclass(frozen=True)
class Contest:
    """AKL against another objective in one measure, in points (hundredths), the higher the better.

    Attributes:
        other: The objective that AKL is compared with.
        measure: The task or metric, or "overall".
        akl, rival: Means over the common seeds.
        test: Paired over training seeds.
        seeds: Those both have.
        detectable: Smallest true difference found with 80 % power.
    """

    other: str
    measure: str
    akl: float
    rival: float
    test: Difference
    seeds: int
    detectable: float | None


def contest(run: Trained, other: str, measure: str, columns: Sequence[Column]) -> Contest | None:
    """Compare means over columns, seed by seed; None where no seed has all of them on both sides.

    Args:
        run: The students.
        other: AKL's rival.
        measure: What to call it.
        columns: Raw values are shares of 1; the sign of those that are better when lower is turned.
    """
    sides: list[list[dict[int, float]]] = [
        [run.values(objective, column) for column in columns] for objective in (AKL, other)
    ]
    seeds = sorted(set.intersection(*(set(v) for side in sides for v in side))) if columns else []
    if not seeds:
        return None
    signs = [-1 if c.higher_is_better is False else 1 for c in columns]
    akl, rival = (
        100
        * np.mean([[s * v[seed] for seed in seeds] for s, v in zip(signs, side, strict=True)], 0)
        for side in sides
    )
    test = paired_t(akl, rival)
    detectable = None
    if test.statistic is not None:
        detectable = smallest_detectable(float((akl - rival).std(ddof=1)), len(seeds))
    return Contest(
        other, measure, float(akl.mean()), float(rival.mean()), test, len(seeds), detectable
    )
