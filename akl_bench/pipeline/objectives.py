"""Objectives by spec: `sft`, or a divergence; `all` is every registered one."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from akl_bench import divergences
from akl_bench.errors import UnknownNameError, UsageError
from akl_bench.registry import Entry
from akl_bench.artifacts.files import file_digest

SFT = "sft"
_SFT_ENTRY = Entry(SFT, (), "Cross-entropy on the reference responses; no teacher.", "built in")


@dataclass(frozen=True)
class ObjectiveSpec:
    """An objective to train with.

    Attributes:
        label: Canonical spec; its row in the tables.
        plugin: Spec that builds the divergence in any process; "" for sft.
        source_sha256: Hash of the file that defines it; "" for sft.
    """

    label: str
    plugin: str
    source_sha256: str


def entries() -> dict[str, Entry]:
    """All objectives by name, nothing imported."""
    return {SFT: _SFT_ENTRY, **divergences.registry.entries()}


def resolve(specs: Sequence[str]) -> list[ObjectiveSpec]:
    """The objectives that specs name, `all` expanded, repeated ones once.

    Raises:
        UsageError: Unknown name or parameter; or two different plug-ins with one label.
    """
    wanted: list[str] = []
    for spec in specs:
        wanted.extend([SFT, *divergences.names()] if spec == "all" else [spec])
    found: dict[str, ObjectiveSpec] = {}
    for spec in wanted:
        objective = _resolve(spec)
        known = found.setdefault(objective.label, objective)
        if known.source_sha256 != objective.source_sha256:
            raise UsageError(
                f"'{spec}' and '{known.plugin}' are both called {objective.label}; rename a class."
            )
    return list(found.values())


def _resolve(spec: str) -> ObjectiveSpec:
    if spec == SFT:
        return ObjectiveSpec(SFT, "", "")
    try:
        divergence = divergences.get(spec)
    except UnknownNameError as error:
        raise UnknownNameError("objective", spec.partition("(")[0], _all_names()) from error
    cls = type(divergence)
    module = sys.modules[cls.__module__]
    source = Path(str(module.__file__)).resolve()
    label = divergences.registry.spec_of(divergence)
    if ".py:" in spec:
        _, _, params = label.partition("(")
        plugin = f"{source}:{cls.__name__}" + (f"({params}" if params else "")
    else:
        plugin = label
    return ObjectiveSpec(label, plugin, file_digest(source))


def _all_names() -> list[str]:
    return [name for e in entries().values() for name in (e.name, *e.aliases)] + ["all"]
