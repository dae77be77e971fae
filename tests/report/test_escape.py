import html
import re
import sys
import unicodedata
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from akl_bench.report.escape import (
    command_property,
    command_text,
    csv_text,
    latex_text,
    markdown_text,
    terminal_text,
    xml_text,
)

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
    "> quoted",
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "a\x1b[31m\x00\n::error::x\r##[command]y|<script>alert(1)</script>`%0A]]>\ud800\ufffe,:",
    "\u115f\u3164\U000e0001\U000e0041\u0600\u06dd",
]
OUTPUTS = [
    terminal_text,
    markdown_text,
    latex_text,
    csv_text,
    xml_text,
    command_text,
    command_property,
]
texts = pytest.mark.parametrize("text", PAYLOADS)
GFM = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def acts_or_shows_nothing(character):
    code = ord(character)
    return (
        unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        or code in (0x115F, 0x1160, 0x2065, 0x3164, 0xFFA0)
        or 0xE0000 <= code < 0xE0080
    )


EVERYTHING = "".join(map(chr, range(sys.maxunicode + 1)))
UNSEEN = set(filter(acts_or_shows_nothing, EVERYTHING))


def test_what_cannot_be_seen_shows_as_its_code_point_and_all_else_as_itself():
    shown = "".join(f"<U+{ord(c):04X}>" if c in UNSEEN else c for c in EVERYTHING)
    assert terminal_text(EVERYTHING) == shown


@pytest.mark.parametrize("output", OUTPUTS)
def test_no_output_keeps_what_cannot_be_seen(output):
    shown = output("".join(sorted(UNSEEN)))
    assert UNSEEN.isdisjoint(shown) and "115F" in shown


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


def test_markdown_quotes_nothing():
    assert "blockquote_open" not in [token.type for token in GFM.parse(markdown_text("> x"))]


def test_markdown_keeps_names_readable():
    assert markdown_text("distinct_n(n=2)") == "distinct_n(n=2)"


def original(shown):
    return re.sub(r"<U\+([0-9A-F]{4,5})>", lambda match: chr(int(match[1], 16)), shown)


@texts
def test_a_terminal_gets_no_control_characters_and_no_lines(text):
    shown = terminal_text(text)
    assert UNSEEN.isdisjoint(shown)
    assert original(shown) == text


@texts
def test_latex_has_no_live_character(text):
    dead = r"\\(text(backslash|asciicircum|asciitilde|less|greater|bar))\{\}|\\[{}$&#%_]|\{[\[*]\}"
    assert not set(re.sub(dead, "", latex_text(text))) & set("\\{}$&#%_^~[*\n")


@texts
def test_csv_starts_no_formula_and_loses_nothing(text):
    cell = csv_text(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert original(cell.removeprefix("'")) == text


@pytest.mark.parametrize("text", ["", "plain", "0.5", "a=b"])
def test_csv_leaves_other_text_alone(text):
    assert csv_text(text) == text


def test_an_entity_is_shown_and_not_read():
    assert html.unescape(markdown_text("&lt;")) == "&lt;"


@texts
def test_xml_holds_the_text_in_an_attribute_and_as_content(text):
    element = ElementTree.Element("case", {"name": xml_text(text)})
    element.text = xml_text(text)
    back = ElementTree.fromstring(ElementTree.tostring(element, encoding="utf-8"))
    assert original(back.get("name")) == original(back.text) == text


@texts
def test_a_workflow_command_stays_one_command_with_one_property(text):
    command = f"::error title={command_property(text)}::{command_text(text)}"
    assert len(command.splitlines()) == 1
    match = re.fullmatch("::error title=([^:,]*)::(.*)", command)
    decoded = match[1].replace("%3A", ":").replace("%2C", ",").replace("%25", "%")
    assert original(decoded) == original(match[2].replace("%25", "%")) == text
    # The runner turns only these back into line breaks.
    assert not re.search("%0[AD]", command)
