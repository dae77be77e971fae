"""A cell as it lies on disk: its seals, its numbers and the files behind them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from akl_bench.artifacts.records import (
    CellRecord,
    Completions,
    Fields,
    Metric,
    RunRecord,
    Scores,
    Seal,
    Student,
)
from akl_bench.artifacts.store import (
    COMPLETIONS,
    ROWS,
    SEAL,
    TRAIN_LOG,
    CellFolder,
    Run,
    broken_files,
    read_lines,
    read_seal,
)

Key = tuple[str, str]  # task, metric


class Row(NamedTuple):
    """What a row of a table is about.

    Attributes:
        run: Empty where there is one run.
        axes: Its point of a sweep: key of the profile and value, as text.
    """

    objective: str
    student: str
    run: str = ""
    axes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Cell:
    """What a cell of a run has so far.

    Attributes:
        row: Its row.
        record: What run.json says of it.
        folder: Where its artifacts lie.
        student: Seal of its student, where it trained one.
        completions: Seal of its answers, by task.
        scores: Seals of its scores, by task and name.
        missing: Scores that it has not or that are out of date, as `task/name`.
        stale: How many of them are out of date.
    """

    row: Row
    record: CellRecord
    folder: CellFolder
    student: Seal | None
    completions: Mapping[str, Seal]
    scores: Mapping[Key, Seal]
    missing: Sequence[str]
    stale: int

    @property
    def seed(self) -> int:
        """Training and decoding seed."""
        return self.record.seed

    @property
    def is_done(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing and (self.student is not None or self.record.kind != "trained")

    @cached_property
    def metrics(self) -> dict[Key, Metric]:
        """Its numbers."""
        return {
            (task, metric): number
            for (task, _), seal in self.scores.items()
            for metric, number in _scores(seal).metrics.items()
        }

    @cached_property
    def protocols(self) -> dict[Key, Fields]:
        """What must agree for a number to be comparable with its own."""
        return {
            (task, metric): protocol_of(_scores(seal), metric)
            for (task, _), seal in self.scores.items()
            for metric in _scores(seal).metrics
        }

    @property
    def notes(self) -> list[str]:
        """Why it has no numbers where it could have none."""
        return [
            f"{self.record.objective}, {task}: {note}"
            for (task, _), seal in self.scores.items()
            if (note := _scores(seal).note)
        ]

    def behind(self, task: str, metric: str) -> list[Seal]:
        """Seals of what a number comes from: answers, where it is about some, and scores."""
        answers = [seal for of, seal in self.completions.items() if of == task]
        scores = [seal for (of, _), seal in self.scores.items() if of == task]
        return answers + [seal for seal in scores if metric in _scores(seal).metrics]

    @property
    def artifacts(self) -> list[tuple[Path, Seal]]:
        """What it is made of so far: folders with their seals."""
        return [
            *([(self.folder.student, self.student)] if self.student else []),
            *((self.folder.completions(task), seal) for task, seal in self.completions.items()),
            *((self.folder.scores(*key), seal) for key, seal in self.scores.items()),
        ]

    @property
    def trained(self) -> Student | None:
        """What its student is."""
        record = self.student.record if self.student else None
        return record if isinstance(record, Student) else None

    def examples(self, task: str, metric: str) -> list[dict[str, Any]]:
        """The rows of a metric, one per example: id, value, and draws where it has them.

        Raises:
            UsageError: The file is not what was sealed.
        """
        rows: list[dict[str, Any]] = []
        for (of, name), seal in self.scores.items():
            if of == task and metric in _scores(seal).metrics:
                lines = read_lines(self.folder.scores(task, name), seal, ROWS)
                rows += [line for line in lines if line["metric"] == metric]
        return rows

    def answers(self, task: str) -> list[dict[str, Any]]:
        """Its completions of a task: id, sample, text.

        Raises:
            UsageError: The file is not what was sealed.
        """
        seal = self.completions.get(task)
        return read_lines(self.folder.completions(task), seal, COMPLETIONS) if seal else []

    def train_log(self) -> list[dict[str, Any]]:
        """A row per optimiser step.

        Raises:
            UsageError: The file is not what was sealed.
        """
        return read_lines(self.folder.student, self.student, TRAIN_LOG) if self.student else []

    def broken(self) -> list[str]:
        """Files of its artifacts that are not what was sealed."""
        root = self.folder.folder
        seals = (path for path in root.rglob(f"[!.]*/{SEAL}") if read_seal(path.parent) is None)
        return [
            *(str(path.relative_to(root)) for path in seals),
            *(
                str(folder.relative_to(root) / name)
                for folder, seal in self.artifacts
                for name in broken_files(folder, seal)
            ),
        ]


def _scores(seal: Seal) -> Scores:
    assert isinstance(seal.record, Scores), "read_cell has looked"
    return seal.record


def protocol_of(scores: Scores, metric: str) -> Fields:
    """What must agree with a number for another to stand beside it."""
    number = scores.metrics[metric]
    return {
        **scores.protocol,
        "signature": number.signature,
        "higher_is_better": number.higher_is_better,
    }


def read_cell(run: Run, content: RunRecord, record: CellRecord, row: Row) -> Cell:
    """What a cell has of what run.json asks for."""
    folder = CellFolder(run.cells / record.name)
    is_trained = record.kind == "trained"
    student = read_seal(folder.student) if is_trained else None
    # Only of a trained student the run itself says what it is; without it no number is known.
    model = student.record.content if student and isinstance(student.record, Student) else None
    completions: dict[str, Seal] = {}
    scores: dict[Key, Seal] = {}
    missing: list[str] = []
    stale = 0
    for task, by_name in content.scores.items():
        of = model
        if task in content.completions:
            seal = read_seal(folder.completions(task))
            of = None
            if seal is not None and isinstance(seal.record, Completions):
                same_model = not is_trained or seal.fields.get("model") == model
                if same_model and seal.record.measure == content.completions[task]:
                    completions[task] = seal
                    of = seal.files.get(COMPLETIONS)
        for name, measured in by_name.items():
            seal = read_seal(folder.scores(task, name))
            if seal is None or not isinstance(seal.record, Scores):
                missing.append(f"{task}/{name}")
                continue
            is_answered = task in completions or task not in content.completions
            is_same = (of is None and not is_trained) or seal.fields.get("of") == of
            if is_answered and is_same and seal.record.measure == measured.measure:
                scores[task, name] = seal
            else:
                missing.append(f"{task}/{name}")
                stale += 1
    return Cell(row, record, folder, student, completions, scores, missing, stale)
