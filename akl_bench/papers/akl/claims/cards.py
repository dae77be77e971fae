"""All cards: which parts each claim has, as text, Markdown or JSON, and their pictures."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

from akl_bench.papers.akl.claims import gaps, optimum, scores, weights
from akl_bench.papers.akl.claims.card import TEXTS, Card, Part, Verdict
from akl_bench.papers.akl.claims.runs import Trained, trained
from akl_bench.papers.akl.claims.toy import train_all
from akl_bench.papers.akl.objectives import NEAR
from akl_bench.papers.akl.output import as_json
from akl_bench.report.escape import markdown_text, terminal_text
from akl_bench.report.text import aligned, markdown_table

_WIDTH = 100
_NEED = (
    "akl-bench run forward_kl reverse_kl 'symmetric_kl(weight=0.5)' 'adaptive_kl(mu=0.5)' --seeds 5"
)
_NEEDED = Part("runs", Verdict.UNTESTED, f"needs a run: {_NEED}; then name its folder")
_LIMITS = {"same": optimum.SAME, "margin": optimum.MARGIN, "near": NEAR}
_LIMITS |= {"alpha": scores.ALPHA, "point": scores.POINT}
_OF_TOYS = {"optimum": optimum.toys, "gaps": gaps.toys, "weights": weights.toys}
_OF_RUNS = {"gaps": gaps.run, "weights": weights.run}
_OF_RUNS |= {"scores": scores.scores, "diversity": scores.diversity}


def cards(
    runs: Sequence[Path] = (), longer: Sequence[Path] = (), *, hint: bool = True
) -> list[Card]:
    """Test every claim on the toys and on runs.

    Args:
        runs: Folders of runs; none: the toys only.
        longer: Runs that are only asked where FKL and RKL end (claim 1).
        hint: Where there is no run, say which one is needed.

    Raises:
        UsageError: A folder holds no run.
    """
    students, toys = trained(runs), train_all()
    together: dict[str, list[Trained]] = {}
    for run in (*students, *trained(longer)):
        together.setdefault(run.where.label, []).append(run)
    made = []
    for number, (name, texts) in enumerate(TEXTS.items(), start=1):
        claim, rule = (texts[key].format(**_LIMITS) for key in ("claim", "rule"))
        parts = [_OF_TOYS[name](toys)] if name in _OF_TOYS else []
        if name in _OF_RUNS:
            tried = [_OF_RUNS[name](run) for run in students]
        else:
            tried = [optimum.runs(group) for group in together.values()]
        made.append(Card(number, claim, rule, [*parts, *(tried or [_NEEDED] * hint)]))
    return made


def draw(cards: Sequence[Card], folder: Path) -> None:
    """Write all pictures as SVG files into a folder."""
    for part in (part for card in cards for part in card.parts):
        if part.draw is not None:
            part.draw(folder / f"{part.figure}.svg")


def render(cards: Sequence[Card], format: str, *, command: str, figures: Path | None) -> str:
    """All cards in one of the formats text, markdown, json.

    Args:
        cards: What was tested.
        format: Of these.
        command: The command that says this, for the document's head.
        figures: Folder of the pictures; the Markdown document goes beside it.
    """
    if format == "json":
        return as_json(cards)
    if format == "text":
        return "\n".join(line for card in cards for line in _text(card)) + "\n"
    verdicts = [[f"{c.number}. {c.claim}", c.verdict.value] for c in cards]
    head = [
        "# The paper's claims, tested",
        "",
        "Claims of *Rethinking Kullback-Leibler Divergence in Knowledge Distillation for Large",
        "Language Models* (arXiv 2404.02657), each with the rule that decides, stated before its",
        "numbers. A card's verdict is the weakest of its settings. p is the teacher, q the",
        "student. This page is the output of",
        "",
        f"    {terminal_text(command)}",
        "",
        *markdown_table(["claim", "verdict"], verdicts, left=2),
    ]
    body = [line for card in cards for line in _markdown(card, figures)]
    return "\n".join([*head, *body]) + "\n"


def _text(card: Card) -> list[str]:
    lines = [f"{card.number}. {card.claim}  {card.verdict.value.upper()}"]
    lines += _wrapped(f"Rule: {card.rule}", "   ")
    for part in card.parts:
        lines += ["", f"   {terminal_text(part.setting)}: {part.verdict.value}"]
        lines += _wrapped(part.why, "     ")
        if part.table is not None:
            table = [[part.table.heads, *part.table.rows]]
            lines += [f"     {line}" for line in aligned(table)]
        lines += [line for note in part.notes for line in _wrapped(note, "     ")]
    return [*lines, ""]


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        terminal_text(text), _WIDTH, initial_indent=indent, subsequent_indent=indent
    )


def _markdown(card: Card, figures: Path | None) -> list[str]:
    lines = ["", f"## {card.number}. {markdown_text(card.claim)}", ""]
    lines += [f"**Verdict: {card.verdict.value}.**", "", f"Rule: {markdown_text(card.rule)}"]
    for part in card.parts:
        lines += ["", f"### {markdown_text(part.setting)}: {part.verdict.value}", ""]
        why = markdown_text(part.why)
        lines.append(f"{why[:1].upper()}{why[1:]}.")
        if part.table is not None:
            lines += ["", *markdown_table(part.table.heads, part.table.rows)]
        lines += [line for note in part.notes for line in ("", markdown_text(note))]
        if part.draw is not None and figures is not None:
            lines += ["", f"![{part.figure}]({figures.name}/{part.figure}.svg)"]
    return lines
