"""Objectives by spec: `sft` or a divergence, `@source` behind it; `all` is every registered one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from akl_bench import divergences
from akl_bench.artifacts.keys import plugin_code
from akl_bench.errors import UnknownNameError, UsageError
from akl_bench.registry import Entry, Registry
from akl_bench.training import sources

SFT = "sft"
_SFT_ENTRY = Entry(SFT, (), "Cross-entropy on the responses; no teacher.", "built in")
_DEFAULT_SOURCE = "fixed"
# A path may have an @ of its own.
_WITH_SOURCE = re.compile(r"(?P<loss>(?:.+?\.py:)?\w+\s*(?:\(.*?\))?)\s*@(?P<source>.+)", re.S)


@dataclass(frozen=True)
class ObjectiveSpec:
    """An objective to train with.

    Attributes:
        label: Canonical spec; its row in the tables.
        loss: Spec that builds the divergence in any process; "sft": cross-entropy.
        source: Spec that builds the source in any process.
        code: Hash of the code of each.
    """

    label: str
    loss: str
    source: str
    code: dict[str, str]


def entries() -> dict[str, Entry]:
    """All objectives by name, nothing imported."""
    return {SFT: _SFT_ENTRY, **divergences.registry.entries()}


def resolve(specs: Sequence[str]) -> list[ObjectiveSpec]:
    """The objectives that specs name, `all` expanded, repeated ones once.

    Raises:
        UsageError: Unknown name or parameter; or two different plug-ins with one label.
    """
    wanted: list[ObjectiveSpec] = []
    for spec in specs:
        loss, source = split(spec)
        losses = [SFT, *divergences.names()] if loss == "all" else [loss]
        wanted += [_resolve(each, source) for each in losses]
    by_label: dict[str, ObjectiveSpec] = {}
    for objective in wanted:
        known = by_label.setdefault(objective.label, objective)
        if known.code != objective.code:
            raise UsageError(
                f"'{known.loss}' and '{objective.loss}' are both called {objective.label}; "
                "rename a class."
            )
    return list(by_label.values())


def split(spec: str) -> tuple[str, str]:
    """Loss and source of an objective's spec."""
    match = _WITH_SOURCE.fullmatch(spec.strip())
    return (match["loss"], match["source"]) if match else (spec.strip(), _DEFAULT_SOURCE)


def _resolve(loss: str, source: str) -> ObjectiveSpec:
    source_label, source, source_code = _plugin(sources.registry, source)
    if loss == SFT:
        label, code = SFT, ""
    else:
        try:
            label, loss, code = _plugin(divergences.registry, loss)
        except UnknownNameError as error:
            name = loss.partition("(")[0]
            raise UnknownNameError("objective", name, _all_names()) from error
    if source_label != _DEFAULT_SOURCE:
        label += f"@{source_label}"
    return ObjectiveSpec(label, loss, source, {"loss": code, "source": source_code})


def _plugin(registry: Registry[Any], spec: str) -> tuple[str, str, str]:
    """Canonical spec of a plug-in, the spec that builds it anywhere, and the hash of its code."""
    plugin = registry.create(spec)
    return registry.spec_of(plugin), registry.portable(spec), plugin_code(type(plugin))


def _all_names() -> list[str]:
    return [name for e in entries().values() for name in (e.name, *e.aliases)] + ["all"]
