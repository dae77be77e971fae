"""Sampled answers for the page: the same prompts for every objective, made inert."""

from typing import Any

from akl_bench.artifacts.cells import Cell
from akl_bench.artifacts.store import Run
from akl_bench.report.escape import terminal_text
from akl_bench.report.frame import RunFrame
from akl_bench.report.parts import shown

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
    first = {index: cells[0] for index, row in enumerate(frame.rows) if (cells := frame.of(row))}
    tasks = []
    for name, task in frame.tasks.items():
        answers = {index: _answers(cell, name) for index, cell in first.items()}
        ids = sorted(next(filter(None, answers.values()), {}))[:prompts]
        if not ids:
            continue
        texts = _prompts(next(iter(first.values())), name)
        scores = {index: _scores(frame, cell, name) for index, cell in first.items()}
        tasks.append(
            {
                "name": name,
                "headline": task.headline,
                "prompts": [{"id": printable(id_), **texts.get(id_, {})} for id_ in ids],
                "rows": {
                    str(index): [
                        {"score": scores[index].get(id_), "texts": by_id.get(id_, [])}
                        for id_ in ids
                    ]
                    for index, by_id in answers.items()
                },
            }
        )
    return tasks


def printable(text: str) -> str:
    """Text whose only control characters are line breaks."""
    lines = text[:_LENGTH].replace("\t", "    ").split("\n")
    shown = "\n".join(map(terminal_text, lines))
    return shown if len(text) <= _LENGTH else f"{shown} [... {len(text) - _LENGTH} more]"


def _answers(cell: Cell, task: str) -> dict[str, list[str]]:
    """The first answers of a cell to each prompt."""
    answers: dict[str, list[str]] = {}
    for line in cell.answers(task):
        texts = answers.setdefault(line["id"], [])
        if len(texts) < _SAMPLES:
            texts.append(printable(line["text"]))
    return answers


def _scores(frame: RunFrame, cell: Cell, task: str) -> dict[str, str]:
    """What each answer of a cell scores by the headline, by prompt, as shown."""
    column = frame.headline(task)
    if column is None or frame.number(cell, column) is None:
        return {}
    lines = cell.examples(*column.key)
    return {line["id"]: shown(column, line["value"]) for line in lines if line["value"] is not None}


def _prompts(cell: Cell, task: str) -> dict[str, dict[str, Any]]:
    """Instructions and references by id, where the run still has its shared data."""
    return {
        row["id"]: {
            "text": printable("\n".join(filter(None, (row["instruction"], row["input"])))),
            "references": [printable(output) for output in row["outputs"][:_SAMPLES]],
        }
        for row in Run(cell.folder.folder.parents[1]).task_rows(task)
    }
