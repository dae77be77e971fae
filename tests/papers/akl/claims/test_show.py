"""Cards as text, Markdown and JSON, and their pictures."""

import json
import sys

import pytest

from akl_bench.errors import MissingDependencyError
from akl_bench.papers.akl.claims import draw, show
from akl_bench.papers.akl.claims.card import Card, Part, Table, Verdict


def picture(path):
    with draw.figure(path, 3, 2) as made:
        made.subplots().plot([0, 1], [1, 0], label="a|b")


PART = Part(
    "run <b>x</b>",
    Verdict.REFUTED,
    "KL(p||q) is\x1b[31m larger",
    Table(["student", "n|m"], [["a", "1"], ["b_c", "22"]]),
    ["a note"],
    {"value": float("nan"), "by_seed": {1: 0.5}},
    "claims-x",
    picture,
)
CARDS = [Card(1, "All is well.", "a rule", [PART, Part("runs", Verdict.UNTESTED, "needs a run")])]


def render(format, tmp_path):
    return show.render(CARDS, format, command="akl-bench claims", figures=tmp_path / "figures")


def test_markdown_links_the_pictures_and_keeps_foreign_text_inert(tmp_path):
    page = render("markdown", tmp_path)
    assert "| 1. All is well. | not supported |" in page
    assert "![claims-x](figures/claims-x.svg)" in page
    assert "    akl-bench claims\n" in page
    assert "### run &lt;b&gt;x&lt;/b&gt;: not supported" in page
    assert "| student | n\\|m |" in page
    assert "\x1b" not in page


def test_text_aligns_columns(tmp_path):
    page = render("text", tmp_path)
    assert "     student  n|m\n     a          1\n     b_c       22\n" in page
    assert "NOT SUPPORTED" in page
    assert "\x1b" not in page


def test_json_reads_back_without_nan(tmp_path):
    (card,) = json.loads(render("json", tmp_path))
    assert card["verdict"] == "not supported"
    assert card["parts"][0]["data"] == {"value": None, "by_seed": {"1": 0.5}}
    assert card["parts"][1]["verdict"] == "not tested"


def test_pictures_are_the_same_bytes_twice(tmp_path):
    show.draw(CARDS, tmp_path / "one")
    show.draw(CARDS, tmp_path / "two")
    one, two = (tmp_path / name / "claims-x.svg" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert not list((tmp_path / "one").glob("*.png"))


def test_without_matplotlib_it_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingDependencyError, match="plots"):
        draw.check()
