"""What every test runs under: no network, one thread; and a run on disk made of given numbers."""

import os
import socket
from pathlib import Path
from unittest import mock

import pytest

from akl_bench import config
from akl_bench.artifacts.files import digest, file_digest, write_jsonl
from akl_bench.artifacts.records import (
    CellRecord,
    Completions,
    Made,
    Measured,
    Metric,
    RunRecord,
    Scores,
    Student,
)
from akl_bench.artifacts.store import (
    COMPLETIONS,
    ROWS,
    TRAIN_LOG,
    Artifact,
    CellFolder,
    Run,
    cell_name,
)
from akl_bench.config import Profile

# Before torch and the Hugging Face libraries are imported; child processes inherit them.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ.pop("AKL_BENCH_ONLINE", None)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    """A connection to anything but this machine fails; pipes and local sockets work."""
    connect = socket.socket.connect

    def guarded(self, address):
        local = self.family == socket.AF_UNIX or address[0] in ("127.0.0.1", "::1", "localhost")
        if not local:
            raise AssertionError(f"a test tried to reach {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


ROUGE, KL, LENGTH = ("open_test", "rouge_l"), ("fidelity", "kl_pq"), ("open_test", "length")
ABOUT = {
    ROUGE: {"higher_is_better": True, "scale": 100.0, "format": "%.1f"},
    KL: {"higher_is_better": False, "scale": 1.0, "format": "%.3f"},
    LENGTH: {"higher_is_better": None, "scale": 1.0, "format": "%.1f"},
}
# By hand: akl 32.0 +- 2.0 and 0.200 +- 0.100; fkl 31.98 +- 1.44 and 0.250 +- 0; sft 20 +- 10 and
# 0.200 +- 0. On the page akl and fkl tie on ROUGE-L, akl and sft on KL. One seed of fkl is missing,
# and the untrained student altogether.
VALUES = {
    "teacher": {ROUGE: [0.5, 0.5, 0.5], KL: [None, None, None], LENGTH: [9, 10, 11]},
    "untrained": {},
    "sft": {ROUGE: [0.1, 0.2, 0.3], KL: [0.2, 0.2, 0.2], LENGTH: [5, 5, 5]},
    "adaptive_kl(mu=0.5)": {ROUGE: [0.30, 0.32, 0.34], KL: [0.1, 0.2, 0.3], LENGTH: [7, 7, 7]},
    "forward_kl": {ROUGE: [0.3096, 0.33], KL: [0.25, 0.25], LENGTH: [6, 8]},
}
PLACE = {"source": "microworld"}
TASKS = {
    "open_test": {
        "name": "open_test",
        "version": 1,
        "kind": "generation",
        "description": "",
        "data": PLACE,
        "metrics": ["rouge_l", "length"],
        "headline": "rouge_l",
    },
    "fidelity": {
        "name": "fidelity",
        "version": 1,
        "kind": "fidelity",
        "description": "",
        "data": PLACE,
        "headline": "kl_pq",
    },
}


MADE = {
    "akl_bench": "0.1.0",
    "libraries": {"python": "3.11.7", "torch": "2.13.0"},
    "device": "cpu",
    "machine": "x86_64",
    "threads": 1,
    "seconds": 2.0,
    "peak_memory_mib": 300,
}
# Of whatever a test does not name.
NUMBER = {
    "n": 100,
    "signature": "made up|version:1",
    "higher_is_better": True,
    "scale": 1.0,
    "format": "%.3f",
}


# What a test writes need not outlive a power cut, and a run has hundreds of files.
_no_sync = mock.patch("os.fsync", lambda descriptor: None)


class RunWriter:
    """Writes a run as `akl-bench run` leaves it, artifact by artifact, with a test's numbers."""

    def __init__(self, folder, profile):
        self.run = Run(Path(folder))
        self.profile = Profile.model_validate(profile) if isinstance(profile, dict) else profile
        self.cells = []
        self.completions = {}
        self.scores = {}
        self.tuned = []

    @_no_sync
    def cell(
        self,
        objective,
        seed,
        numbers,
        *,
        student="tiny",
        kind=None,
        examples=None,
        answers=None,
        log=None,
        weights="w",
        fields=None,
        protocols=None,
        measure="m",
        code=None,
        made=None,
        axes=None,
        clipped=0.0,
    ):
        """Add a cell.

        Args:
            objective: Label of its row; teacher and untrained are what they are called.
            seed: Its seed.
            numbers: (task, metric) -> what `records.Metric` has, over NUMBER; None: not sealed.
            student: Name of the student; the teacher has none.
            kind: As in `CellRecord`; None: by its label.
            examples: (task, metric) -> rows of id and value.
            answers: Task -> rows of its completions.
            log: Rows of train.jsonl.
            weights: Content of the student's weights; None: it is not sealed.
            fields: Key fields of its student, as `training.lr`.
            protocols: Task -> what must agree for its numbers to be comparable.
            measure: How it is measured; in run.json it is "m".
            code: Task -> hash of the code that answered and scored.
            made: Laid over MADE in all its seals.
            axes: Its point of a sweep, as {"training.steps": 300}.
            clipped: Share of its student's steps whose gradient was clipped.
        """
        kind = kind or (objective if objective in ("teacher", "untrained") else "trained")
        student = "" if kind in ("teacher", "checkpoint") else student
        run = self.run.folder.name if kind == "trained" else ""
        name = cell_name(objective, student, seed, digest([run, objective, seed, fields, axes]))
        record = CellRecord(
            objective=objective, student=student, seed=seed, kind=kind, name=name, axes=axes or {}
        )
        self.cells.append(record)
        self.place = CellFolder(self.run.cells / name)
        self.made = Made(**MADE | (made or {}))
        if numbers is None:
            return record
        model = None
        if kind == "trained" and weights is not None:
            model = self._student(
                f"{weights} of {objective}, seed {seed}", fields or {}, log, clipped
            )
        answered = {}
        for task, rows in (answers or {}).items():
            self.completions[task] = "m"
            own = {"code": (code or {}).get(task), "model": model}
            with self._making(self.place.completions(task), own) as making:
                write_jsonl(making.folder / COMPLETIONS, rows)
                making.record = Completions(task=task, n=len(rows), measure="m")
            answered[task] = file_digest(self.place.completions(task) / COMPLETIONS)
        artifacts = {}
        for (task, metric), number in numbers.items():
            of = self.profile.tasks[task].kind
            name = metric if of == "generation" else of
            artifacts.setdefault((task, name), {})[metric] = Metric(**NUMBER | number)
        for (task, name), metrics in artifacts.items():
            protocol = (protocols or {}).get(task, {"task": task})
            now = Measured(measure="m", protocol=protocol)
            self.scores.setdefault(task, {}).setdefault(name, now)
            own = {"code": (code or {}).get(task), "of": answered.get(task, model)}
            with self._making(self.place.scores(task, name), own) as making:
                each = ((m, row) for m in metrics for row in (examples or {}).get((task, m), ()))
                write_jsonl(making.folder / ROWS, ({"metric": m, **row} for m, row in each))
                making.record = Scores(
                    task=task, measure=measure, protocol=protocol, metrics=metrics
                )
        return record

    def _student(self, weights, fields, log, clipped):
        with self._making(self.place.student, fields) as making:
            (making.folder / "model.safetensors").write_text(weights)
            rows = list(log or ())
            write_jsonl(making.folder / TRAIN_LOG, rows)
            content, steps = digest(weights), len(rows) or 3
            making.record = Student(
                content=content, parameters=1000, steps=steps, selected_step=steps, clipped=clipped
            )
        return content

    def _making(self, folder, fields):
        made = self.made
        return Artifact(folder, fields).make(
            lambda seconds: made.model_copy(update={"seconds": made.seconds})
        )

    @_no_sync
    def write(self):
        """Write run.json and give the folder."""
        self.run.write(
            RunRecord(
                profile=self.profile,
                cells=self.cells,
                tuned=self.tuned,
                completions=self.completions,
                scores=self.scores,
            )
        )
        return self.run.folder


@pytest.fixture(scope="session")
def run_writer():
    """The class `RunWriter`."""
    return RunWriter


def write(
    folder: Path,
    values=VALUES,
    *,
    students=("tiny",),
    seeds=3,
    about=ABOUT,
    measure_of=lambda objective, seed: "m",
    **profile,
) -> Path:
    """Write a run of those values: by objective and column, one per seed."""
    content = config.load("micro").model_dump(mode="json") | {"tasks": TASKS, "table": []} | profile
    writer = RunWriter(folder, content)
    for objective, by_column in values.items():
        for student in students[:1] if objective == "teacher" else students:
            for index in range(seeds):
                numbers = {
                    key: {"value": row[index], "signature": f"{key[1]}|version:1", **about[key]}
                    for key, row in by_column.items()
                    if index < len(row)
                }
                measure = measure_of(objective, index + 1)
                writer.cell(objective, index + 1, numbers or None, student=student, measure=measure)
    return writer.write()


@pytest.fixture
def write_run(tmp_path):
    return lambda *arguments, **options: write(tmp_path / "run", *arguments, **options)
