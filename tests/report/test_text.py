"""The table writer, letter by letter, and that no cell gets out of its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from akl_bench.report.text import Markup, aligned, latex_tabular, markdown_table

HEADS = ["name", "n", "loss"]
ROWS = [["a", "10", "0.5"], ["longer", "9", "12.25"]]
hostile = st.lists(
    st.tuples(*[st.text("a0 |\\&%_*[]{}<>`\n\r\x1b\u2028\u202e\u3164", max_size=6)] * 3),
    min_size=1,
    max_size=4,
)


def test_columns_are_aligned_with_rules_between_groups():
    assert aligned([[["", "", "nats"], HEADS], ROWS[:1], ROWS[1:]]) == [
        "             nats",
        "name     n   loss",
        "─────────────────",
        "a       10    0.5",
        "─────────────────",
        "longer   9  12.25",
    ]


def test_one_group_has_no_rule_and_lines_end_with_their_last_letter():
    assert aligned([[["akl", "", "short"], ["forward_kl", "fkl", "longer"]]], left=3) == [
        "akl              short",
        "forward_kl  fkl  longer",
    ]


@pytest.mark.parametrize("width", [13, 14, 16])
def test_a_wide_table_comes_in_parts_beside_the_names(width):
    assert aligned([[HEADS], ROWS], width=width) == [
        "name     n",
        "──────────",
        "a       10",
        "longer   9",
        "",
        "name     loss",
        "─────────────",
        "a         0.5",
        "longer  12.25",
    ]


def test_a_table_as_wide_as_allowed_is_one_part_and_no_column_is_ever_left_out():
    assert aligned([[HEADS], ROWS], width=17) == aligned([[HEADS], ROWS])
    assert len(aligned([[HEADS], ROWS], width=1)) == 9


def test_styles_take_no_room():
    styled = [[Markup(f"\033[1m{cell}\033[0m") for cell in row] for row in ROWS]
    lines = aligned([[HEADS], styled])
    assert lines[2] == "\033[1ma\033[0m       \033[1m10\033[0m    \033[1m0.5\033[0m"


def test_markdown_names_the_alignment_and_leaves_markup_alone():
    assert markdown_table(HEADS, [*ROWS, ["*b*", Markup("**1**"), "-"]]) == [
        "| name | n | loss |",
        "| --- | --: | --: |",
        "| a | 10 | 0.5 |",
        "| longer | 9 | 12.25 |",
        r"| \*b\* | **1** | - |",
    ]


def test_latex_counts_the_columns_where_the_head_spans_some():
    head = [["", Markup(r"\multicolumn{2}{c}{x}")], HEADS]
    assert latex_tabular([head, [ROWS[0], ["a_b", Markup(r"\textbf{1}"), "[1]"]]]) == [
        r"\begin{tabular}{lrr}",
        r"\toprule",
        r" & \multicolumn{2}{c}{x} \\",
        r"name & n & loss \\",
        r"\midrule",
        r"a & 10 & 0.5 \\",
        r"a\_b & \textbf{1} & {[}1] \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


@given(hostile)
def test_no_cell_leaves_its_place(rows):
    lines = aligned([[HEADS], rows])
    assert len(lines) == len(rows) + 2 and all(len(line.splitlines()) < 2 for line in lines)
    tokens = MarkdownIt("commonmark").enable("table").parse("\n".join(markdown_table(HEADS, rows)))
    assert [token.type for token in tokens].count("td_open") == 3 * len(rows)
    body = latex_tabular([[HEADS], rows])[4:-2]
    assert all(line.replace(r"\&", "").count("&") == 2 for line in body)
    assert not any(line.lstrip().startswith(("[", "*")) for line in body)
