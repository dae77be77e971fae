"""The baseline file: a run as it should be, in a JSON that reads well in a review."""

import gzip
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from akl_bench import __version__
from akl_bench.artifacts.files import write_text
from akl_bench.errors import BaselineError, UsageError
from akl_bench.gate.policy import Policy
from akl_bench.gate.snapshot import Items, Snapshot, items, measure
from akl_bench.gate.verdicts import Design
from akl_bench.report.frame import is_reference, load
from akl_bench.strict import Strict, describe

SCHEMA = 2


class ItemsFile(Strict):
    """The file beside the baseline that has the values of single items."""

    file: str
    sha256: str


class Baseline(Strict):
    """What a check compares with.

    Attributes:
        design: How seeds are tested, said before anything is seen: "pooled" is the t-test with one
            spread for both sides (which is so where nothing changed), "welch" the one with a spread
            for each, "paired" the one on the differences between equal seeds.
        policy: The policy of every check that does not bring its own.
        items: Values of single items, for `--explain`.
    """

    schema_version: int
    akl_bench: str
    design: Design
    policy: Policy
    items: ItemsFile | None
    run: Snapshot


def create(
    folder: Path,
    path: Path,
    *,
    policy: Policy | None = None,
    design: Design = "pooled",
    min_seeds: int = 10,
    with_items: bool = False,
    allow_partial: bool = False,
) -> Baseline:
    """Make the baseline of a run and write it.

    Args:
        folder: The run.
        path: The file to write; one that is there is replaced.
        policy: Margins and tiers to go into it.
        design: See `Baseline`.
        min_seeds: Finished seeds that every objective needs.
        with_items: Also write the values of single items beside it.
        allow_partial: Take smoke runs, dry models and objectives with fewer seeds.

    Raises:
        UsageError: No run there, or one that proves too little.
    """
    frame = load(folder)
    run = measure(frame)
    problems = [] if allow_partial else _problems(run, min_seeds)
    if problems:
        raise UsageError(
            f"{folder} cannot be a baseline:\n"
            + "\n".join(f"  {problem}" for problem in problems)
            + "\nAdd seeds with --seeds, or accept it as it is with --allow-partial."
        )
    if not any(row.seeds for row in run.rows):
        raise UsageError(f"{folder} has no finished cell.")
    path.parent.mkdir(parents=True, exist_ok=True)
    about_items = None
    if with_items:
        name = f"{path.name.removesuffix('.json')}.items.json.gz"
        text = json.dumps(items(frame), separators=(",", ":"), allow_nan=False)
        # No time stamp inside, so that the same run gives the same bytes.
        content = gzip.compress(text.encode(), mtime=0)
        path.with_name(name).write_bytes(content)
        about_items = ItemsFile(file=name, sha256=hashlib.sha256(content).hexdigest())
    baseline = Baseline(
        schema_version=SCHEMA,
        akl_bench=__version__,
        design=design,
        policy=policy or Policy(),
        items=about_items,
        run=run,
    )
    content_json = baseline.model_dump(mode="json")
    write_text(path, _text({**content_json, "sha256": _sha256(content_json)}))
    return baseline


def _problems(run: Snapshot, min_seeds: int) -> list[str]:
    problems = [f"it is a {stamp.replace('_', ' ')} run" for stamp in run.stamps]
    objectives = [row for row in run.rows if not is_reference(row.objective)]
    for row in objectives:
        needed = max(min_seeds, len(row.seeds) + len(row.unfinished))
        if len(row.seeds) < needed:
            problems.append(f"{row.name}: {len(row.seeds)} finished seeds of {needed}")
    if not objectives:
        problems.append("it has no objective")
    return problems


def read(path: Path) -> Baseline:
    """Read a baseline.

    Raises:
        UsageError: There is no such file.
        BaselineError: It is not what was written, or of another schema.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise BaselineError(f"{path}: damaged: this is not JSON.") from error
    if not isinstance(content, dict):
        raise BaselineError(f"{path}: damaged: this is not a JSON object.")
    sha256 = content.pop("sha256", None)
    if sha256 != _sha256(content):
        raise BaselineError(
            f"{path}: damaged or edited: its sha256 does not match. "
            "Create it again with `akl-bench baseline create`."
        )
    if content.get("schema_version") != SCHEMA:
        raise BaselineError(
            f"{path} is of schema {content.get('schema_version')}, this version reads {SCHEMA}: "
            "create it again with `akl-bench baseline create`."
        )
    try:
        return Baseline.model_validate(content)
    except ValidationError as error:
        raise BaselineError(describe(error, str(path), Baseline)) from error


def read_items(baseline: Baseline, path: Path) -> Items:
    """The values of single items of the baseline that was read from `path`.

    Raises:
        UsageError: It was made without, or the file is gone.
        BaselineError: The file is not what was written.
    """
    if baseline.items is None:
        raise UsageError(
            f"{path} has no items; create it with `akl-bench baseline create --items`."
        )
    beside = path.with_name(Path(baseline.items.file).name)
    try:
        content = beside.read_bytes()
    except OSError as error:
        raise UsageError(f"{beside}: cannot be read: {error.strerror}.") from error
    if hashlib.sha256(content).hexdigest() != baseline.items.sha256:
        raise BaselineError(
            f"{beside}: damaged, or it belongs to another baseline: its sha256 does not match."
        )
    by_row: Items = json.loads(gzip.decompress(content))
    return by_row


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _sha256(content: Any) -> str:
    # The order of keys counts: the last margin that matches is the one that holds.
    text = json.dumps(content, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _text(content: Any) -> str:
    """JSON with one line for a list of numbers: differences stay small."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    return re.sub(r'\[\n[^][{}"]*\]', lambda match: " ".join(match[0].split()), text) + "\n"
