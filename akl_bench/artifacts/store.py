"""Runs, cells and artifacts as folders: an artifact is there when its seal matches its files."""

import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from akl_bench.artifacts.files import (
    digest,
    file_digest,
    new_folder,
    read_json,
    read_jsonl,
    write_json,
)
from akl_bench.artifacts.records import (
    SCHEMA,
    Completions,
    Fields,
    Made,
    RunRecord,
    Scores,
    Seal,
    Shared,
    Student,
    Trial,
)
from akl_bench.errors import UsageError
from akl_bench.strict import describe

TEACHER, UNTRAINED = "teacher", "untrained"
STUDENT, MODEL, TRIAL = "student", "model", "trial"
SEAL, TRAIN_LOG, COMPLETIONS, ROWS = "seal.json", "train.jsonl", "completions.jsonl", "rows.jsonl"


@dataclass(frozen=True)
class Artifact:
    """An artifact as it is wanted: where it lies, and all that it depends on."""

    folder: Path
    fields: Fields

    @property
    def key(self) -> str:
        """Hash of its fields."""
        return digest(self.fields)

    @property
    def part(self) -> Path:
        """A file beside it that may grow from call to call until the artifact is made."""
        return self.folder.with_name(f".{self.folder.name}-{self.key[:8]}.part.jsonl")

    def sealed(self) -> Seal | None:
        """Its seal, where what lies there is this artifact; its files are not looked at."""
        seal = read_seal(self.folder)
        return seal if seal is not None and seal.key == self.key else None

    def whole(self) -> Seal | None:
        """Its seal, after a look at its files; a damaged artifact is set aside as `.corrupt`."""
        seal = self.sealed()
        if seal is None or not broken_files(self.folder, seal):
            return seal
        aside = self.folder.with_name(f".{self.folder.name}.corrupt")
        shutil.rmtree(aside, ignore_errors=True)
        self.folder.rename(aside)
        return None

    @contextmanager
    def make(self, made: Callable[[float], Made]) -> Iterator["Making"]:
        """A folder to fill; sealed with the record that it is given, it takes the artifact's place.

        Args:
            made: Says how it came to be, given the seconds that it took.
        """
        start = time.monotonic()
        with new_folder(self.folder) as temporary:
            making = Making(temporary)
            yield making
            assert making.record is not None, "whoever makes an artifact says what it holds"
            files = {
                path.relative_to(temporary).as_posix(): file_digest(path)
                for path in sorted(temporary.rglob("*"))
                if path.is_file()
            }
            seconds = round(time.monotonic() - start, 3)
            seal = Seal(
                key=self.key,
                fields=self.fields,
                record=making.record,
                made=made(seconds),
                files=files,
            )
            content = seal.model_dump(mode="json")
            write_json(temporary / SEAL, {**content, "sha256": digest(content)}, durable=False)


@dataclass
class Making:
    """An artifact that is being made: where its files go, and what it will hold."""

    folder: Path
    record: Student | Trial | Completions | Scores | Shared | None = None


def read_seal(folder: Path) -> Seal | None:
    """The seal of a folder; None where there is none or it is not what was written."""
    try:
        content = read_json(folder / SEAL)
        if not isinstance(content, dict) or content.pop("sha256", None) != digest(content):
            return None
        return Seal.model_validate(content)
    except (OSError, ValueError):
        return None


def broken_files(folder: Path, seal: Seal) -> list[str]:
    """Files of an artifact that are missing or no longer what was sealed."""
    return [
        name
        for name, sha in seal.files.items()
        if not (folder / name).is_file() or file_digest(folder / name) != sha
    ]


def read_lines(folder: Path, seal: Seal, name: str) -> list[dict[str, Any]]:
    """The rows of a JSONL file of an artifact; none where the run was copied without it.

    Raises:
        UsageError: The file is not what was sealed.
    """
    path = folder / name
    if name not in seal.files or not path.is_file():
        return []
    if file_digest(path) != seal.files[name]:
        raise UsageError(f"{path} is not what was sealed; `akl-bench show` names all such files.")
    return read_jsonl(path)


def folder_name(text: str) -> str:
    """A short plain name for a folder; different texts have different ones."""
    plain = re.sub(r"[^A-Za-z0-9_.]+", "-", text)[:48].strip("-.")
    return plain if plain == text else f"{plain}-{digest(text)[:8]}"


def cell_name(objective: str, student: str, seed: int, key: str) -> str:
    """Name of a cell's folder; the key is that of its model."""
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", objective)[:32].strip("-.")
    return "-".join(part for part in (slug, student, f"s{seed}", key[:8]) if part)


class Run:
    """A folder under results/: `run.json`, `cells/`, `trials/` and `shared/`, which all use."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.cells, self.shared = folder / "cells", folder / "shared"
        self.trials = folder / "trials"

    def task_rows(self, task: str) -> list[dict[str, Any]]:
        """The rows of a task: records or lm-eval documents; none where the run has them no more."""
        for path in sorted(self.shared.glob(f"rows-*/{ROWS}")):
            # The name of one task may begin with that of another.
            if path.parent.name.rpartition("-")[0] == f"rows-{task}":
                return read_jsonl(path)
        return []

    def exists(self) -> bool:
        """Whether a run was started here."""
        return (self.folder / "run.json").is_file()

    def read(self) -> RunRecord:
        """The content of run.json.

        Raises:
            UsageError: No run is here, it is damaged, or it was written by another schema.
        """
        path = self.folder / "run.json"
        if not self.exists():
            raise UsageError(
                f"{self.folder} holds no run (run.json is missing). "
                f"Runs here: {', '.join(_runs_beside(self.folder)) or 'none'}."
            )
        content = read_json(path)
        fields = content if isinstance(content, dict) else {}
        if (schema := fields.get("schema_version", fields.get("schema"))) != SCHEMA:
            raise UsageError(
                f"{self.folder} was written with schema {schema}; this version reads {SCHEMA}. "
                "Give the same command another --out, or read it with the version that wrote it."
            )
        try:
            return RunRecord.model_validate(content)
        except ValidationError as error:
            raise UsageError(describe(error, f"{path} is damaged", RunRecord)) from error

    def write(self, record: RunRecord) -> None:
        """Write run.json."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / "run.json", record.model_dump(mode="json"))


class CellFolder:
    """Where the artifacts of a cell lie; `model` is its student as a checkpoint."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.student = folder / STUDENT
        self.model = self.student / MODEL
        self.checkpoints, self.log = folder / "checkpoints", folder / "log.txt"

    def completions(self, task: str) -> Path:
        return self.folder / "completions" / task

    def scores(self, task: str, name: str) -> Path:
        return self.folder / "scores" / task / folder_name(name)


def _runs_beside(folder: Path) -> list[str]:
    for place in (folder, folder.parent):
        runs = sorted(str(path.parent) for path in place.glob("*/run.json"))
        if runs:
            return runs
    return []
