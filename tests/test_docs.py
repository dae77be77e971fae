"""docs/divergences.md says what the classes say, and its pictures exist."""

from __future__ import annotations

import dataclasses
import importlib.util
import re
from pathlib import Path

import pytest

from akl_bench import divergences

DOCS = Path(__file__).parents[1] / "docs"
_SPEC = importlib.util.spec_from_file_location("divergence_docs", DOCS / "write_divergences.py")
docs = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(docs)


def test_the_committed_file_is_what_the_classes_give() -> None:
    committed = (DOCS / "divergences.md").read_text(encoding="utf-8")
    assert committed == docs.render(), "run: python docs/write_divergences.py"


def test_every_picture_exists_and_is_small() -> None:
    pictures = re.findall(r"\]\((figures/\S+)\)", docs.render())
    assert len(pictures) >= 7
    for picture in pictures:
        assert 1_000 < (DOCS / picture).stat().st_size < 200_000


@pytest.mark.parametrize("name", divergences.names())
def test_every_divergence_says_where_it_comes_from(name: str) -> None:
    divergence = divergences.get(name)
    assert divergence.formula and divergence.gradient and divergence.paper
    assert divergence.family != "other"
    assert all(": " in line for line in divergence.known_as), "codebase: name"


@pytest.mark.parametrize("name", divergences.names())
def test_every_parameter_is_explained(name: str) -> None:
    cls = divergences.registry.load(name)
    _, explained = docs._docstring(cls)
    assert set(explained) == {field.name for field in dataclasses.fields(cls)}


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    docs.draw("bounded", tmp_path / "figures" / "bounded.svg")
    assert "<svg" in (tmp_path / "figures" / "bounded.svg").read_text(encoding="utf-8")
