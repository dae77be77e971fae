"""Records: instruction, input, accepted outputs; from the microworld, a file or the hub."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from akl_bench.data.hub import hub_rows
from akl_bench.data.jsonl import Check, read_rows
from akl_bench.errors import DataError, UsageError
from akl_bench.tasks import DataSource

_MICROWORLD_ROWS = 1000


@dataclass(frozen=True)
class Record:
    """One instruction with its accepted outputs; training learns the first."""

    id: str
    instruction: str
    input: str
    outputs: tuple[str, ...]


def load_records(
    source: DataSource, key: str, *, root: str = ".", online: bool = False
) -> list[Record]:
    """Read and check records of id, instruction, input, output.

    `output` is one text or a list of accepted texts.

    Args:
        source: Where they are.
        key: The configuration key of the source, for messages.
        root: Folder that a relative path starts from.
        online: Whether the hub may be asked.

    Raises:
        DataError: Lists every malformed row as `file:line: field: what`.
        UsageError: The source is not there.
    """
    rows = load_rows(source, key, root=root, online=online, check=_record_problems)
    return [
        Record(row["id"], row["instruction"], row.get("input", ""), _outputs(row)) for row in rows
    ]


def load_rows(
    source: DataSource,
    key: str,
    *,
    root: str = ".",
    online: bool = False,
    check: Check | None = None,
) -> list[dict[str, Any]]:
    """Read a source's rows, each with a unique text `id`; arguments as for `load_records`."""
    online_only = f"the hub data set {source.hub.name} needs --online" if source.hub else ""
    if source.path is not None:
        try:
            path = Path(root).expanduser() / Path(source.path).expanduser()
        except RuntimeError as error:  # ~name of nobody
            raise UsageError(f"data.root={root}, path={source.path}: {error}") from error
        if path.is_file():
            return read_rows(path, check=check, limit=source.rows, skip=source.skip)
        if source.hub is None:
            raise UsageError(
                f"{key}.path: there is no file {path}. Set data.root to the folder that holds "
                f"{source.path}, or {key}.path to the file."
            )
        online_only = f"there is no file {path}, and {online_only}"
    if source.source == "microworld":
        from akl_bench.microworld import records, world_of

        wanted = source.skip + (source.rows or _MICROWORLD_ROWS)
        rows = records(source.split, wanted, source.seed, world_of(source.world))[source.skip :]
        where = f"microworld:{source.split}"
    else:
        assert source.hub is not None, "DataSource names a place"
        if not online:
            raise UsageError(f"{key}: {online_only}; add it, or set {key}.path to a file.")
        rows = hub_rows(source.hub, source, key)
        where = f"hub:{source.hub.name}"
    if check is not None:
        problems = [f"{where}: {row['id']}: {what}" for row in rows for what in check(row)]
        if problems:
            raise DataError(problems)
    return rows


def _record_problems(row: Mapping[str, Any]) -> list[str]:
    problems = []
    instruction = row.get("instruction")
    if "instruction" not in row:
        problems.append("instruction: is missing")
    elif not isinstance(instruction, str):
        problems.append(f"instruction: expected text, got {instruction!r:.40}")
    elif not instruction.strip():
        problems.append("instruction: is empty")
    if not isinstance(row.get("input", ""), str):
        problems.append(f"input: expected text, got {row['input']!r:.40}")
    output = row.get("output")
    texts = output if isinstance(output, list) else [output]
    if "output" not in row:
        problems.append("output: is missing")
    elif not texts or not all(isinstance(text, str) for text in texts):
        problems.append(f"output: expected text or a list of texts, got {output!r:.40}")
    references = row.get("references", [])
    if not isinstance(references, list) or not all(isinstance(text, str) for text in references):
        problems.append(f"references: expected a list of texts, got {references!r:.40}")
    return problems


def _outputs(row: Mapping[str, Any]) -> tuple[str, ...]:
    output = row["output"]
    if isinstance(output, list):
        return tuple(output)
    # Further right answers beside the one to learn from; the microworld lists them.
    return (output, *(text for text in row.get("references", ()) if text != output))
