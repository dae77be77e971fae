import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from akl_bench.report.escape import csv_text, latex_text, markdown_text, terminal_text

PAYLOADS = [
    "adaptive_kl(mu=0.5)",
    "_x_ __y__ a_b_c",
    "a|b|c\n|d|",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "&lt;b&gt; &amp; &#60;i&#62;",
    "![x](https://example.org/x.png) [y](javascript:alert(1))",
    "`code` **bold** ~~gone~~ \\*",
    "\\input{/etc/passwd} \\write18{id} 50% $x^2$ #1 & ~",
    "\x1b[31mred\x1b[0m \x9b2J \x07 \r over",
    "\u202eevil\u202c \u2066x\u2069 \ufeff \u200b",
    "\u2028::add-mask::x",
    '=HYPERLINK("https://example.org","x")',
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
]
texts = pytest.mark.parametrize("text", PAYLOADS)
GFM = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def first_cell(text):
    """What a Markdown reader makes of a text in a table of three columns."""
    tokens = GFM.parse(f"| a | b | c |\n| --- | --- | --- |\n| {markdown_text(text)} | 1 | 2 |\n")
    kinds = [token.type for token in tokens]
    assert kinds.count("table_open") == 1 and kinds.count("td_open") == 3, kinds
    return tokens[kinds.index("td_open") + 1]


@texts
def test_markdown_shows_the_text_itself_in_one_cell(text):
    cell = first_cell(text)
    assert {child.type for child in cell.children} <= {"text", "text_special"}
    assert "".join(child.content for child in cell.children) == terminal_text(text).strip()


@given(st.text(max_size=40))
def test_markdown_holds_for_any_text(text):
    cell = first_cell(text)
    assert {child.type for child in cell.children or ()} <= {"text", "text_special"}


def test_markdown_keeps_names_readable():
    assert markdown_text("distinct_n(n=2)") == "distinct_n(n=2)"


@texts
def test_a_terminal_gets_no_control_characters_and_no_lines(text):
    shown = terminal_text(text)
    assert shown.isprintable()
    back = re.sub(r"<U\+([0-9A-F]{4})>", lambda match: chr(int(match[1], 16)), shown)
    assert back == text


@texts
def test_latex_has_no_live_character(text):
    dead = r"\\(text(backslash|asciicircum|asciitilde|less|greater|bar))\{\}|\\[{}$&#%_]"
    assert not set(re.sub(dead, "", latex_text(text))) & set("\\{}$&#%_^~\n")


@texts
def test_csv_starts_no_formula_and_loses_nothing(text):
    cell = csv_text(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert cell.removeprefix("'") == text


@pytest.mark.parametrize("text", ["", "plain", "0.5", "a=b"])
def test_csv_leaves_other_text_alone(text):
    assert csv_text(text) == text


def test_an_entity_is_shown_and_not_read():
    assert html.unescape(markdown_text("&lt;")) == "&lt;"
