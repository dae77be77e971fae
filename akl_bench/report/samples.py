"""Sampled answers for the page: the same prompts for every objective, made inert."""

from collections.abc import Sequence
from typing import Any

from akl_bench.report.escape import terminal_text
from akl_bench.report.frame import RunFrame, SealedCell
from akl_bench.artifacts.files import read_json

_SAMPLES = 4
_LENGTH = 2000


def samples(frame: RunFrame, prompts: int) -> list[dict[str, Any]]:
    """By generation task: the first prompts, and what each row's first seed answered.

    Returns:
        Per task: its name, headline, prompts (id, text, references), and per row (by its index in
        `frame.rows`) and prompt the score of the headline and up to four answers.

    Raises:
        UsageError: A file of a cell is not what was sealed.
    """
    cells = {index: frame.sealed(row)[:1] for index, row in enumerate(frame.rows)}
    first = {index: found[0] for index, found in cells.items() if found}
    tasks = []
    for name, task in frame.profile.tasks.items():
        answers = {i: _answers(cell, name) for i, cell in first.items()}
        ids = sorted(next((a for a in answers.values() if a), {}))[:prompts]
        if task.kind != "generation" or not ids:
            continue
        texts = _prompts(list(first.values()), name)
        tasks.append(
            {
                "name": name,
                "headline": task.headline,
                "prompts": [{"id": printable(id_), **texts.get(id_, {})} for id_ in ids],
                "rows": {
                    str(i): _row(first[i], name, task.headline, ids, found)
                    for i, found in answers.items()
                },
            }
        )
    return tasks


def printable(text: str) -> str:
    """Text whose only control characters are line breaks."""
    lines = text[:_LENGTH].replace("\t", "    ").split("\n")
    shown = "\n".join(map(terminal_text, lines))
    return shown if len(text) <= _LENGTH else f"{shown} [... {len(text) - _LENGTH} more]"


def _answers(cell: SealedCell, task: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in cell.lines(f"completions-{task}.jsonl"):
        found.setdefault(line["id"], []).append(line["text"])
    return found


def _row(
    cell: SealedCell, task: str, headline: str, ids: Sequence[str], answers: dict[str, list[str]]
) -> list[dict[str, Any]]:
    """What one cell answered to each prompt, with its score there."""
    metrics = cell.record["tasks"].get(task, {"metrics": {}})["metrics"]
    scores = {
        line["id"]: line["value"]
        for line in cell.lines("scores.jsonl")
        if line["task"] == task and line["metric"].partition("(")[0] == headline.partition("(")[0]
    }
    about = next((m for name, m in metrics.items() if name.startswith(headline)), None)

    def score(id_: str) -> str | None:
        value = scores.get(id_)
        if about is None or value is None:
            return None
        return str(about["format"] % (about["scale"] * value))

    return [
        {"score": score(id_), "texts": [printable(t) for t in answers.get(id_, [])[:_SAMPLES]]}
        for id_ in ids
    ]


def _prompts(cells: Sequence[SealedCell], task: str) -> dict[str, dict[str, Any]]:
    """Instructions and references by id, where the run still has its shared data."""
    for path in sorted(cells[0].folder.parents[1].glob("shared/*/tasks.json")):
        rows = read_json(path).get(task, [])
        if rows:
            return {
                row["id"]: {
                    "text": printable("\n".join(filter(None, (row["instruction"], row["input"])))),
                    "references": [printable(output) for output in row["outputs"][:_SAMPLES]],
                }
                for row in rows
            }
    return {}
