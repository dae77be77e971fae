"""The outputs of a check, read by those that they are for."""

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt

from akl_bench.gate import outputs
from akl_bench.gate.comparison import Comparison, Report, Side
from akl_bench.gate.outputs import junit
from akl_bench.gate.policy import Tier
from akl_bench.gate.verdicts import Estimate, Verdict
from akl_bench.report.frame import Column

# Escapes, a line that is a workflow command, table and XML markup, turned text, a lone surrogate.
HOSTILE = (
    "a\x1b[31m\x00\n::error::x\r##[command]y|<script>alert(1)</script>`%0A]]>\u202e\ud800\ufffe,:"
)
ROUGE = Column("quiz", "rouge_l", True, 100.0, "%.1f", "rouge_l", 100, headline=True, shown=True)


def comparison(verdict, tier=Tier.CRITICAL, row="akl/tiny", column=ROUGE, reason=""):
    tested = verdict not in (Verdict.MISSING, Verdict.INCOMPARABLE)
    spread = SimpleNamespace(more_seeds=lambda alpha, margin: 4)
    estimate = Estimate("seeds", -0.02, 0.01, -0.03, -0.01, 0.001, 0.999, spread=spread)
    return Comparison(
        row,
        column,
        tier,
        verdict,
        "seeds" if tested else "",
        Side(0.25, 10),
        Side(0.23, 3) if tested else Side(None, 0),
        estimate if tested else None,
        p=0.002 if tested else None,
        detectable=0.015 if tested else None,
        reason=reason,
    )


@pytest.fixture
def report():
    hostile = replace(ROUGE, metric=HOSTILE, task=HOSTILE)
    return Report(
        (
            *(comparison(verdict) for verdict in Verdict),
            comparison(Verdict.REGRESSION, Tier.ADVISORY),
            comparison(Verdict.MISSING, row="fkl/tiny", reason="not measured"),
            comparison(Verdict.REGRESSION, row=HOSTILE, column=hostile, reason=HOSTILE),
        ),
        changed=(f"training.lr: {HOSTILE}",),
        incomparable=(HOSTILE,),
        notes=(HOSTILE,),
    )


def test_junit_is_valid_by_the_schema_and_says_what_failed(report):
    etree = pytest.importorskip("lxml.etree")
    content = junit(report)
    schema = etree.XMLSchema(etree.parse(Path(__file__).parent / "junit.xsd"))
    schema.assertValid(etree.fromstring(content.encode()))
    suites = list(ElementTree.fromstring(content))
    assert [suite.get("name") for suite in suites[:2]] == ["akl/tiny", "fkl/tiny"]
    first = suites[0]
    cases = [[child.tag for child in case] for case in first.findall("testcase")]
    # In the order of Verdict, then the advisory regression.
    assert cases == [
        [],
        [],
        ["skipped"],
        ["failure"],
        ["skipped"],
        ["failure"],
        ["error"],
        ["skipped"],
    ]
    counts = [first.get(name) for name in ("tests", "failures", "errors", "skipped")]
    assert counts == ["8", "2", "1", "3"]
    failure = first.find("testcase/failure")
    assert failure.get("message") == (
        "REGRESSION: 25.0 -> 23.0 (change -2.0, margin 1.0, 10 and 3 seeds)"
    )


def test_the_schema_can_refuse():
    etree = pytest.importorskip("lxml.etree")
    schema = etree.XMLSchema(etree.parse(Path(__file__).parent / "junit.xsd"))
    content = junit(Report((comparison(Verdict.REGRESSION),)))
    for damage in ((' type="REGRESSION"', ""), ("<properties />", ""), ("failure", "flaw")):
        assert damage[0] in content
        assert not schema.validate(etree.fromstring(content.replace(*damage)))


def test_text_shows_the_worst_first_and_obeys_no_control(report):
    shown = outputs.text(report)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\ud800]", shown)
    verdicts = [line.split()[0] for line in shown.split("\n") if re.match("[A-Z]{4,} ", line)]
    assert verdicts == [
        "INCOMPARABLE",
        "MISSING",
        "MISSING",
        "REGRESSION",
        "REGRESSION",
        "WARN",
        "INCONCLUSIVE",
        "REGRESSION",
    ]
    assert shown.splitlines()[-1].startswith("check not possible: 1 PASS")
    assert "a loss of 1.5 would have been found; 4 more seeds should settle this" in shown


def test_text_of_everything_has_a_line_for_each(report):
    shown = outputs.text(report, everything=True, styled=True)
    assert len(re.findall(r"\x1b\[3[123]m", shown)) == len(report.comparisons)


def test_markdown_is_one_table_without_foreign_markup(report):
    shown = outputs.markdown(report)
    tokens = MarkdownIt("commonmark").enable("table").parse(shown)
    rows = [t for t in tokens if t.type == "tr_open"]
    cells = [t for t in tokens if t.type in ("td_open", "th_open")]
    assert len(rows) == len(report.comparisons) + 1
    assert len(cells) == 12 * len(rows)
    children = [child.type for t in tokens for child in t.children or []]
    assert not {"html_inline", "link_open", "code_inline", "image"} & set(children)
    assert "html_block" not in [t.type for t in tokens]


def commands(log):
    """Workflow commands that GitHub's runner would obey in a log, old and new syntax."""
    obeyed, token = [], None
    for line in log.splitlines():
        stripped = line.lstrip()
        if token is not None:
            token = None if stripped == f"::{token}::" else token
        elif match := re.match(r"::([a-z-]+)(?: ([^:]*))?::(.*)$", stripped):
            if match[1] == "stop-commands":
                token = match[3]
            else:
                obeyed.append(match.groups())
        elif "##[" in line:
            obeyed.append(("##[", None, line))
    return obeyed


def test_at_most_ten_annotations_escaped_and_worst_first(report):
    many = replace(report, comparisons=report.comparisons * 3)
    lines = list(outputs.annotations(many))
    assert len(lines) == 10
    assert all("\n" not in line and "\r" not in line for line in lines)
    obeyed = commands("\n".join(outputs.annotations(report)))
    assert len(obeyed) == 8
    assert [level for level, _, _ in obeyed] == ["error"] * 5 + ["warning", "notice", "error"]
    assert all(properties.count("=") == 1 for _, properties, _ in obeyed)


def test_a_log_of_hostile_text_runs_no_command():
    hostile = "fine\n::error::injected\n  ::add-mask::x\n##[set-output name=a]b\n::abc::\n"
    assert commands(hostile)
    assert commands(outputs.inert(hostile)) == []
    assert outputs.inert("x") != outputs.inert("x")


def test_the_step_summary_is_appended_and_stays_below_one_mebibyte(report, tmp_path):
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    outputs.write_summary(report, path)
    assert path.read_text().startswith("before\n### akl-bench check")
    big = tmp_path / "big.md"
    outputs.write_summary(replace(report, comparisons=report.comparisons * 2000), big)
    content = big.read_bytes()
    assert len(content) <= 1 << 20
    assert content.decode().endswith("Cut here; --markdown writes the whole report.\n")


def test_json_has_everything_in_shown_units(report):
    content = json.loads(json.dumps(report.as_json(), allow_nan=False))
    assert content["exit_code"] == 3
    assert content["counts"]["REGRESSION"] == 3
    regression = next(c for c in content["comparisons"] if c["verdict"] == "REGRESSION")
    assert regression["baseline"] == {"mean": 25.0, "seeds": 10}
    assert regression["difference"] == pytest.approx(-2.0)
    assert regression["interval"] == pytest.approx([-3.0, -1.0])
    assert regression["margin"] == pytest.approx(1.0)
    assert len(content["comparisons"]) == len(report.comparisons)


def test_nothing_but_missing_metrics_is_never_a_pass():
    advisory = comparison(Verdict.MISSING, Tier.ADVISORY)
    assert Report((advisory,)).exit_code == 3
    assert Report((advisory, comparison(Verdict.PASS))).exit_code == 0
