"""What the claims need of a run: its objectives' numbers by seed, and their training curves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, wraps
from pathlib import Path

import numpy as np

from akl_bench.artifacts.cells import Cell
from akl_bench.artifacts.store import TEACHER
from akl_bench.papers.akl.claims.card import Floats, Part, Verdict, Where
from akl_bench.papers.akl.objectives import SHORT
from akl_bench.report.frame import Column, Row, RunFrame, is_named, load

Curve = tuple[Floats, Floats, Floats]  # updates done, head gap, tail gap


class Untested(Exception):
    """What a run lacks for a claim."""


@dataclass(frozen=True)
class Trained:
    """The students of one architecture in a run."""

    folder: Path
    frame: RunFrame
    student: str

    @property
    def where(self) -> Where:
        """How it is named to people, and how its pictures' names begin."""
        profile = self.frame.profile.name
        return Where(f"{profile}, student {self.student}", f"claims-{profile}-{self.student}")

    @property
    def steps(self) -> int:
        """Optimiser steps of its longest trained cell; 0 where none is trained."""
        students = [c.trained for c in self.frame.cells if c.row.student == self.student]
        return max((student.steps for student in students if student), default=0)

    def cells(self, objective: str) -> dict[int, Cell]:
        """Its cells by seed."""
        return {cell.seed: cell for cell in self.frame.of(Row(objective, self.student))}

    def need(self, *objectives: str) -> None:
        """Raise `Untested` where one of them has no cell."""
        if lacking := [SHORT[name] for name in objectives if not self.cells(name)]:
            raise Untested(f"no sealed cell of {', '.join(lacking)}; train it")

    @cached_property
    def _values(self) -> dict[tuple[Row, str, str], dict[int, float]]:
        return self.frame.seed_values()

    def values(self, objective: str, column: Column) -> dict[int, float]:
        """The raw value of a column by seed; seeds without one are left out."""
        row = Row(objective, "" if objective == TEACHER else self.student)
        return self._values.get((row, *column.key), {})

    def means(
        self, objective: str, columns: Sequence[Column], *, signed: bool = False
    ) -> dict[int, float]:
        """Mean over columns by seed, in percent; those that lack one are left out.

        Args:
            objective: Whose.
            columns: Raw values are shares of 1.
            signed: Turn the sign of columns that are better when lower.
        """
        signs = [-1 if signed and c.higher_is_better is False else 1 for c in columns]
        by_column = [self.values(objective, column) for column in columns]
        seeds = set.intersection(*map(set, by_column)) if by_column else set()
        return {
            seed: 100 * float(np.mean([s * v[seed] for s, v in zip(signs, by_column, strict=True)]))
            for seed in sorted(seeds)
        }

    def columns(self, *metrics: str, kind: str) -> list[Column]:
        """Columns of the tasks of a kind whose metric, or its name, is one of these."""
        return [
            column
            for column in self.frame.columns
            if self.frame.tasks[column.task].kind == kind and is_named(column.metric, metrics)
        ]

    def headlines(self, *kinds: str) -> list[Column]:
        """The headline columns of the tasks of these kinds that are shares of 1."""
        by_task: dict[str, Column] = {}
        for column in self.frame.columns:
            task = self.frame.tasks[column.task]
            is_share = column.higher_is_better is not None and column.scale == 100
            if task.kind in kinds and is_share and is_named(column.metric, [task.headline]):
                by_task.setdefault(column.task, column)
        return list(by_task.values())

    def curves(self, objective: str) -> dict[int, Curve]:
        """By seed, where the logs have them."""
        by_seed = {}
        for seed, cell in self.cells(objective).items():
            if rows := [row for row in cell.train_log() if "head_gap" in row]:
                names = ("step", "head_gap", "tail_gap")
                step, head, tail = (np.array([row[n] for row in rows], float) for n in names)
                # A step's numbers are those of the student before its update.
                by_seed[seed] = (step - 1, head, tail)
        return by_seed


def trained(folders: Sequence[Path]) -> list[Trained]:
    """Every student of every run.

    Raises:
        UsageError: A folder holds no run, or what it holds is damaged.
    """
    frames = {folder: load(folder) for folder in folders}
    return [Trained(folder, f, name) for folder, f in frames.items() for name in f.profile.students]


def of_run(claim: Callable[[Trained], Part]) -> Callable[[Trained], Part]:
    """The claim as a function that turns `Untested` into a part."""

    @wraps(claim)
    def part(run: Trained) -> Part:
        try:
            return claim(run)
        except Untested as lack:
            return Part(run.where.label, Verdict.UNTESTED, f"{run.folder}: {lack}")

    return part
