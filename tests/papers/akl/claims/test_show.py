"""Cards as text, Markdown and JSON, and their pictures."""

import json

from akl_bench.papers.akl.claims import cards
from akl_bench.papers.akl.claims.card import Card, Part, Table, Verdict
from akl_bench.report.figures import figure, save


def picture(path):
    with figure(3, 2) as made:
        made.subplots().plot([0, 1], [1, 0], label="a|b")
        save(made, path)


PART = Part(
    "run <b>x</b>",
    Verdict.REFUTED,
    "KL(p||q) is\x1b[31m larger",
    ["a note"],
    "claims-x",
    {"value": float("nan"), "by_seed": {1: 0.5}},
    Table(["student", "n|m"], [["a", "1"], ["b_c", "22"]]),
    picture,
)
CARDS = [Card(1, "All is well.", "a rule", [PART, Part("runs", Verdict.UNTESTED, "needs a run")])]


def render(format, tmp_path):
    return cards.render(CARDS, format, command="akl-bench claims", figures=tmp_path / "figures")


def test_markdown_links_the_pictures_and_keeps_foreign_text_inert(tmp_path):
    page = render("markdown", tmp_path)
    assert "| 1. All is well. | refuted |" in page
    assert "![claims-x](figures/claims-x.svg)" in page
    assert "    akl-bench claims\n" in page
    assert "### run &lt;b&gt;x&lt;/b&gt;: refuted" in page
    assert "| student | n\\|m |" in page
    assert "\x1b" not in page


def test_text_aligns_columns(tmp_path):
    page = render("text", tmp_path)
    assert "     student  n|m\n     a          1\n     b_c       22\n" in page
    assert "REFUTED" in page
    assert "\x1b" not in page


def test_json_reads_back_without_nan(tmp_path):
    (card,) = json.loads(render("json", tmp_path))
    assert card["verdict"] == "refuted"
    assert card["parts"][0]["data"] == {"value": None, "by_seed": {"1": 0.5}}
    assert card["parts"][1]["verdict"] == "not tested"


def test_pictures_are_the_same_bytes_twice(tmp_path):
    cards.draw(CARDS, tmp_path / "one")
    cards.draw(CARDS, tmp_path / "two")
    one, two = (tmp_path / name / "claims-x.svg" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert not list((tmp_path / "one").glob("*.png"))
