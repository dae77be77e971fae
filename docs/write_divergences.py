"""Writes divergences.md and its pictures from the classes: `python docs/write_divergences.py`."""

import dataclasses
import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from akl_bench.divergences import get, names, registry
from akl_bench.divergences.base import Divergence
from akl_bench.report.figures import figure, looks, save
from akl_bench.report.text import Markup, markdown_table

# What every reader needs first, and the order in which the families are read.
_FAMILIES = {
    "Kullback-Leibler": "The two directions: cover all that the teacher does, or one mode of it.",
    "mixed KL": "Both directions at once, with a weight per token.",
    "gated KL": "Both directions, gated by the entry, the token or the course of training.",
    "mixture": "The student is compared with something between it and the teacher.",
    "alpha family": "Powers of p and q: forward and reverse KL are members or limits.",
    "bounded": "Finite whatever the student does, so that no token can dominate.",
    "decoupled and score": "Parts of the vocabulary weighed apart, or scores for probabilities.",
}

_TEACHER = (0.40, 0.35, 0.15, 0.10)
# The default k is larger than the vocabulary of the pictures.
_SETTINGS = {"top_k_forward_kl": "top_k_forward_kl(k=1)"}
_INTRODUCTION = """\
# Divergences

Generated from the classes by `python docs/write_divergences.py`; do not edit.

p is the teacher, q the student, z the student's logits, i one entry of the vocabulary. Values are
in nats per token; temperature, chunking and the mean over tokens belong to the objective. "sg"
stops the gradient. Gradients are those of one token's value with respect to z_i.

Every divergence here keeps the laws of `akl_bench.testing.check_divergence`, or says below which it
breaks on purpose: never negative, 0 with a zero gradient at p = q, the same under a permutation or
a padding of the vocabulary, finite for one-hot, -inf and +-1e4 logits, right against central
differences in float64 and in float32 at V = 151,936. `akl-bench verify divergence all` prints them.

A log-probability of -inf is taken as -100,000: a token that one model rules out costs a large
finite amount, one that both rule out costs nothing, and no other value changes by a bit.

To add one, write one file: a frozen dataclass that subclasses `Divergence` and defines `per_token`.
Put it beside the others, or name it `./mine.py:Mine`.

The pictures show a teacher p = (.40, .35, .15, .10) and a student that gives the first token the
probability on the axis and shares the rest evenly; forward and reverse KL are drawn in grey.
Equation numbers are given where they were checked; "second-hand" marks what was not read in a paper
or its code.
"""


def render() -> str:
    """The whole document, built-in divergences only."""
    entries = registry.entries()
    built_in = {n: get(n) for n, e in entries.items() if e.origin.startswith(registry.package)}
    families: dict[str, list[str]] = {family: [] for family in _FAMILIES}
    for name, divergence in built_in.items():
        families.setdefault(divergence.family, []).append(name)
    parts = [_INTRODUCTION, _overview({n: built_in[n] for f in families.values() for n in f})]
    for family, members in families.items():
        title = family[0].upper() + family[1:]
        parts.append(f"## {title}\n\n{_FAMILIES.get(family, '')}\n\n{_picture(family)}\n")
        parts += [_entry(name, built_in[name]) for name in members]
    parts.append(_in_the_wild(built_in))
    return "\n".join(parts)


def picture_name(family: str) -> str:
    """File name of a family's picture."""
    return f"{re.sub(r'[^a-z]+', '-', family.lower())}.svg"


def _picture(family: str) -> str:
    return f"![Value and gradient, {family}](figures/{picture_name(family)})"


def _overview(built_in: Mapping[str, Divergence]) -> str:
    rows = [
        [
            f"[{name}](#{name})",
            ", ".join(f"`{alias}`" for alias in d.aliases),
            f"`{d.formula}`",
            ", ".join(sorted(d.needs)),
        ]
        for name, d in built_in.items()
    ]
    return _table(["Name", "Alias", "Formula", "Needs"], rows)


def _entry(name: str, divergence: Divergence) -> str:
    about, fields = _docstring(type(divergence))
    facts = {
        "Spec": f"`{registry.spec_of(divergence)}`"
        + (f", alias {', '.join(f'`{a}`' for a in divergence.aliases)}" * bool(divergence.aliases)),
        "Formula": f"`{divergence.formula}`",
        "Gradient": f"`{divergence.gradient}`",
        "Gradient path": "closed form" if divergence.has_closed_form else "autograd",
        "Paper": divergence.paper,
        "Symmetric": "yes" if divergence.symmetric else "",
        "Needs": ", ".join(sorted(divergence.needs)),
        "Held constant": divergence.detached,
        "Limits": "; ".join(f"`{one}` = `{other}`" for one, other in divergence.limits),
        "Breaks on purpose": "; ".join(f"{law}: {why}" for law, why in divergence.exempt.items()),
        "Known as": "; ".join(divergence.known_as),
    }
    lines = [f"- {key}: {value}" for key, value in facts.items() if value]
    rows = [
        [
            f"`{f.name}`",
            f"`{getattr(f.type, '__name__', f.type)}`",
            f"`{_text(f.default)}`",
            fields.get(f.name, ""),
        ]
        for f in dataclasses.fields(divergence)
    ]
    table = "\n" + _table(["Parameter", "Type", "Default", "Meaning"], rows) if rows else ""
    return f"### {name}\n\n{about}\n\n" + "\n".join(lines) + "\n" + table


def _in_the_wild(built_in: Mapping[str, Divergence]) -> str:
    rows = []
    for name, divergence in built_in.items():
        for line in divergence.known_as:
            codebases, _, called = line.partition(": ")
            rows += [[base, called, f"[{name}](#{name})"] for base in codebases.split(", ")]
    table = _table(["Codebase", "There", "Here"], sorted(rows, key=lambda row: row[0].lower()))
    return f"## Which codebase calls what by which name\n\n{table}"


def _docstring(cls: type) -> tuple[str, dict[str, str]]:
    """Prose of a class docstring, and the meaning of each parameter."""
    prose, _, listed = re.sub(
        r"\n(Attributes|Args):\n", "\0", inspect.cleandoc(cls.__doc__ or "")
    ).partition("\0")
    paragraphs = [" ".join(part.split()) for part in prose.strip().split("\n\n")]
    fields = {}
    for entry in re.split(r"\n(?=    \w)", "\n" + listed)[1:]:
        name, _, meaning = entry.strip().partition(": ")
        fields[name] = " ".join(meaning.split())
    return "\n\n".join(paragraphs), fields


def _table(heads: list[str], rows: list[list[str]]) -> str:
    """A table whose cells are Markdown already."""
    cells = [[Markup(cell.replace("|", "\\|")) for cell in row] for row in rows]
    return "".join(f"{line}\n" for line in markdown_table(heads, cells, left=len(heads)))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def draw(family: str, path: Path) -> None:
    """Draw one family into a file.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    members = [name for name in names() if get(name).family == family]
    x_N = torch.linspace(0.01, 0.99, 197, dtype=torch.float64)
    with figure(9.0, 3.9) as made:
        value, gradient = made.subplots(1, 2)
        if family != get("forward_kl").family:
            for name, look in looks(("forward_kl", "reverse_kl")).items():
                _plot(value, gradient, name, x_N, color="0.7", linestyle=look.dash, linewidth=1.2)
        for name, look in looks(members).items():
            style = {"color": look.color, "linestyle": look.dash, "linewidth": 1.9}
            _plot(value, gradient, name, x_N, **style)
        for axes, title in (
            (value, "value, nats"),
            (gradient, "gradient with respect to z of token 1"),
        ):
            axes.axvline(_TEACHER[0], color="0.4", linewidth=0.8, linestyle=(0, (2, 2)))
            axes.set_xlabel("student's probability of token 1 (teacher's: dotted)")
            axes.set_title(title)
            axes.set_xlim(0, 1)
        value.set_ylim(0, 2)
        gradient.axhline(0, color="0.4", linewidth=0.8)
        gradient.set_ylim(-0.8, 0.8)
        made.legend(*value.get_legend_handles_labels(), loc="outside lower center", ncols=4)
        save(made, path)


def _plot(value: Any, gradient: Any, name: str, x_N: Tensor, **style: Any) -> None:
    spec = _SETTINGS.get(name, name)
    divergence = get(spec)
    rest_N1 = (1 - x_N[:, None]) / 3
    z_NV = torch.cat([x_N[:, None], rest_N1, rest_N1, rest_N1], dim=-1).log().requires_grad_()
    logp_NV = torch.tensor([_TEACHER], dtype=torch.float64).log().expand(len(x_N), -1)
    keywords: dict[str, Any] = {}
    if "labels" in divergence.needs:
        keywords["labels_N"] = torch.zeros(len(x_N), dtype=torch.long)
    d_N = divergence.per_token(logp_NV, z_NV.log_softmax(-1), **keywords)
    (grad_NV,) = torch.autograd.grad(d_N.sum(), z_NV)
    value.plot(x_N, d_N.detach(), label=spec, **style)
    gradient.plot(x_N, grad_NV[:, 0], **style)


def main(folder: Path) -> None:
    """Write divergences.md and the pictures under `folder`."""
    (folder / "divergences.md").write_text(render(), encoding="utf-8")
    for family in _FAMILIES:
        draw(family, folder / "figures" / picture_name(family))


if __name__ == "__main__":
    main(Path(__file__).parent)
