"""Files that are either the old or the new content, whatever happens in between."""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from akl_bench.errors import UsageError

_BLOCK = 1 << 20


def digest(value: Any) -> str:
    """Hex sha256 of a JSON value; the order of keys does not matter.

    Raises:
        ValueError: The value holds a NaN or an infinity.
    """
    text = json.dumps(value, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """A nested mapping as one, with dotted keys."""
    if not isinstance(value, Mapping):
        return {prefix: value}
    dotted: dict[str, Any] = {}
    for key, inner in value.items():
        dotted.update(flat(inner, f"{prefix}.{key}" if prefix else str(key)))
    return dotted


def file_digest(path: Path) -> str:
    """Hex sha256 of a file."""
    with path.open("rb") as file:
        hashed = hashlib.sha256()
        while block := file.read(_BLOCK):
            hashed.update(block)
    return hashed.hexdigest()


def write_text(path: Path, text: str, *, durable: bool = True) -> None:
    """Write a file so that a crash leaves the old content or the new one.

    Args:
        path: The file.
        text: Its content.
        durable: See it to the disk; False where somebody else will, as in a `new_folder`.
    """
    if not durable:
        path.write_text(text, encoding="utf-8", newline="\n")
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        # It is still there where writing failed, as on a full disk.
        temporary.unlink(missing_ok=True)
    _sync(path.parent)


def write_json(path: Path, value: Any, *, durable: bool = True) -> None:
    """Write a JSON value as `write_text` does, keys in their order.

    Raises:
        ValueError: The value holds a NaN or an infinity.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1) + "\n"
    write_text(path, text, durable=durable)


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]], *, durable: bool = True) -> None:
    """Write one JSON object per line, as `write_text` does."""
    text = "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows)
    write_text(path, text, durable=durable)


def read_json(path: Path) -> Any:
    """Read a JSON file that this package wrote.

    Raises:
        UsageError: It is not JSON any more.
    """
    with _damage(path):
        return json.loads(path.read_bytes())


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """Read JSON lines that this package wrote.

    Raises:
        UsageError: One of them is not JSON any more.
    """
    with path.open("rb") as file, _damage(path):
        return [json.loads(line) for line in file]


@contextlib.contextmanager
def _damage(path: Path) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise UsageError(f"{path} is damaged: {error}.") from error


def recover_jsonl(path: Path) -> list[dict[str, Any]]:
    """Read a file that was being appended to; a torn last line is cut off the file."""
    if not path.exists():
        return []
    rows: list[dict[str, Any]] = []
    good = 0
    with path.open("rb") as file:
        for line in file:
            try:
                row = json.loads(line) if line.endswith(b"\n") else None
            except ValueError:
                row = None
            if not isinstance(row, dict):
                break
            rows.append(row)
            good += len(line)
    if good < path.stat().st_size:
        os.truncate(path, good)
    return rows


def append_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Append JSON lines and see them to the disk."""
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps(row, allow_nan=False) + "\n" for row in rows)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill; it takes the name `path` once everything in it is on the disk.

    A folder of that name from before is replaced.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
    except BaseException:
        # A full disk is not to stay full.
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    for file in temporary.rglob("*"):
        _sync(file)
    _sync(temporary)
    shutil.rmtree(path, ignore_errors=True)
    temporary.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
