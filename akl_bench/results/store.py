"""Runs and cells as folders: a cell is done when its seal matches everything in it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from akl_bench.errors import UsageError
from akl_bench.results.files import digest, file_digest, read_json, write_json

SCHEMA = 1
TEACHER, UNTRAINED = "teacher", "untrained"
_SEAL = "seal.json"
# What a cell needs while it runs and nobody needs afterwards.
_SCRATCH = ("checkpoints", "log.txt", "error.txt")


@dataclass(frozen=True)
class Cell:
    """One (objective, student, seed) of a run.

    Attributes:
        objective: Canonical spec, or "teacher" or "untrained" for the two rows of reference.
        student: Name of the student in the profile; "" for the teacher.
        seed: Training and decoding seed.
        protocol: Hex sha256 of what must agree for two numbers to stand in one column: data,
            prompt, tasks, teacher, code and library versions.
        fingerprint: Hex sha256 of everything that its numbers depend on.
        plugin: The spec that builds the objective in another process (`/path/mine.py:Mine(a=1)`).
    """

    objective: str
    student: str
    seed: int
    protocol: str
    fingerprint: str
    plugin: str = ""

    @property
    def name(self) -> str:
        """Name of its folder."""
        slug = re.sub(r"[^A-Za-z0-9.]+", "-", self.objective)[:32].strip("-.")
        parts = [slug, self.student, f"s{self.seed}", self.fingerprint[:8]]
        return "-".join(part for part in parts if part)

    @property
    def label(self) -> str:
        """How it is named to people."""
        return ", ".join(
            part for part in (self.objective, self.student, f"seed {self.seed}") if part
        )


class Run:
    """A folder under results/ with `run.json`, `cells/` and `shared/`."""

    def __init__(self, folder: Path):
        self.folder = folder

    @property
    def cells(self) -> Path:
        """Folder of the cells' folders."""
        return self.folder / "cells"

    @property
    def shared(self) -> Path:
        """Folder of what all cells use: encoded data and the teacher's states."""
        return self.folder / "shared"

    def exists(self) -> bool:
        """Whether a run was started here."""
        return (self.folder / "run.json").is_file()

    def read(self) -> dict[str, Any]:
        """The content of run.json: the profile, the protocol and the cells asked for.

        Raises:
            UsageError: No run is here, or it was written by another schema.
        """
        if not self.exists():
            raise UsageError(
                f"{self.folder} holds no run (run.json is missing). "
                f"Runs here: {', '.join(_runs_beside(self.folder)) or 'none'}."
            )
        content: dict[str, Any] = read_json(self.folder / "run.json")
        schema = content.get("schema") if isinstance(content, dict) else None
        if schema != SCHEMA:
            raise UsageError(
                f"{self.folder} was written with schema {schema}; this version reads {SCHEMA}."
            )
        if not _is_complete(content):
            raise UsageError(f"{self.folder / 'run.json'} is damaged: keys are missing or wrong.")
        return content

    def write(self, content: Mapping[str, Any]) -> None:
        """Write run.json."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / "run.json", {"schema": SCHEMA, **content})

    def cell_folder(self, cell: Cell) -> Path:
        """Folder of a cell."""
        return self.cells / cell.name

    def states(self) -> list[tuple[dict[str, Any], str]]:
        """Every cell asked for, with "sealed", "begun" or "waiting"."""
        found = []
        for cell in self.read()["cells"]:
            folder = self.cells / cell["name"]
            begun = "begun" if folder.is_dir() else "waiting"
            found.append((cell, "sealed" if read_seal(folder) else begun))
        return found


def _is_complete(content: Mapping[str, Any]) -> bool:
    cells = content.get("cells")
    return (
        isinstance(content.get("profile"), dict)
        and isinstance(content.get("protocol"), str)
        and isinstance(cells, list)
        and all(
            isinstance(cell, dict)
            and cell.keys() >= {"objective", "student", "seed", "name"}
            # A name that could lead out of the run's folder is not one of ours.
            and re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,79}", str(cell["name"]))
            for cell in cells
        )
    )


def _runs_beside(folder: Path) -> list[str]:
    for place in (folder, folder.parent):
        runs = sorted(str(path.parent) for path in place.glob("*/run.json"))
        if runs:
            return runs
    return []


def seal(folder: Path, record: Mapping[str, Any]) -> None:
    """Write a cell's seal: its record, and the hash of every file in its folder.

    Scratch files are left out; they may go at any time.
    """
    files = {
        str(path.relative_to(folder)): file_digest(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not _is_scratch(path.relative_to(folder).parts[0])
    }
    content = {"schema": SCHEMA, **record, "files": files}
    write_json(folder / _SEAL, {**content, "sha256": digest(content)})


def _is_scratch(name: str) -> bool:
    # Temporary files are left behind where a process was killed while it wrote.
    return name in (*_SCRATCH, _SEAL) or (name.startswith(".") and name.endswith(".tmp"))


def read_seal(folder: Path) -> dict[str, Any] | None:
    """The record of a sealed cell; None where there is no seal or it is not what was written."""
    try:
        content = read_json(folder / _SEAL)
        if not isinstance(content, dict) or content.pop("sha256", None) != digest(content):
            return None
    except (OSError, ValueError):
        return None
    return content if content.get("schema") == SCHEMA else None


def broken_files(folder: Path, record: Mapping[str, Any]) -> list[str]:
    """Files of a sealed cell that are missing or no longer what was sealed."""
    broken = []
    for name, sha in record["files"].items():
        path = folder / name
        if not path.is_file() or file_digest(path) != sha:
            broken.append(name)
    return broken
