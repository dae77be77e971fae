"""Whole tables, letter by letter; the numbers are worked out by hand in tests/conftest.py."""

import csv
import io
import json
import random
import re
import shutil
import subprocess
from itertools import product
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from akl_bench import config, divergences
from akl_bench.artifacts.store import Run
from akl_bench.report import frame
from akl_bench.report.table import render

ROUGE, KL = ("open_test", "rouge_l"), ("fidelity", "kl_pq")
EXPECTED = Path(__file__).with_name("expected")
UP = {"higher_is_better": True, "scale": 1.0, "format": "%.1f"}


@pytest.fixture
def show(write_run):
    """Write a run and render it."""

    def rendered(*arguments, format="text", every_metric=False, styled=False, **options):
        run = frame.load(write_run(*arguments, **options))
        return render(run, format, every_metric=every_metric, styled=styled)

    return rendered


@pytest.mark.parametrize(
    ("format", "name"), [("text", "table.txt"), ("markdown", "table.md"), ("latex", "table.tex")]
)
def test_the_whole_table(show, format, name):
    assert show(format=format) == (EXPECTED / name).read_text("utf-8")


def test_two_students_stale_numbers_single_seeds_and_a_smoke_run(show):
    page = show(
        students=("big", "tiny"),
        smoke=True,
        measure_of=lambda objective, seed: "old" if seed == 1 else "m",
        every_metric=True,
    )
    assert page == (EXPECTED / "everything.txt").read_text("utf-8")


def test_the_best_is_bold_and_the_second_underlined_on_a_terminal(show):
    page = show(styled=True)
    assert re.findall(r"\033\[1m(.*?)\033\[0m", page) == [
        "32.0\u00b12.0",
        "0.200\u00b10.100",
        "32.0\u00b11.4",
        "0.200\u00b10.000",
    ]
    assert re.findall(r"\033\[4m(.*?)\033\[0m", page) == ["0.250\u00b10.000", "20.0\u00b110.0"]
    assert "best bold, second underlined" in page
    assert not re.search("[\u00b9\u00b2]", page)


def test_csv_holds_raw_values_of_every_metric(show):
    rows = list(csv.DictReader(io.StringIO(show(format="csv"))))
    assert len(rows) == 12
    (row,) = (r for r in rows if r["objective"] == "forward_kl" and r["metric"] == "rouge_l")
    # (.3096 + .33) / 2, and .33 - .3096 over the root of 2
    assert float(row.pop("mean")) == pytest.approx(0.3198)
    assert float(row.pop("std")) == pytest.approx(0.0204 / 2**0.5)
    assert float(row.pop("difference")) == pytest.approx(0.3198 - 0.2)
    assert float(row.pop("low")) < 0.1198 < float(row.pop("high"))
    assert 0 < float(row.pop("p")) <= float(row.pop("p_holm")) <= 1
    assert row == {
        "objective": "forward_kl",
        "student": "tiny",
        "lr": "",
        "task": "open_test",
        "metric": "rouge_l",
        "seeds": "2",
        "higher_is_better": "True",
        "n": "100",
        "baseline": "sft",
        "significant": "False",
        "signature": "rouge_l|version:1",
    }


def test_json_holds_every_value_of_every_seed(show):
    content = json.loads(show(format="json", smoke=True))
    assert len(content["values"]) == 3 * 3 * 3 + 2 * 3
    undefined = {v["objective"] for v in content["values"] if v["value"] is None}
    assert undefined == {"teacher"}
    assert [c["metric"] for c in content["columns"]] == ["rouge_l", "length", "kl_pq"]
    assert {entry["seeds"] for entry in content["seeds_asked"]} == {3}
    assert content["stamps"] == ["smoke run: a handful of steps and rows, no evidence"]
    assert content["columns"][2]["protocol"] == {
        "task": "fidelity",
        "signature": "kl_pq|version:1",
        "higher_is_better": False,
    }
    # What is not trained costs nothing.
    costs = {(c["objective"], c["seconds"], c["peak_memory_mib"]) for c in content["costs"]}
    trained = ("sft", "adaptive_kl(mu=0.5)", "forward_kl")
    assert costs == {(objective, 2.0, 300) for objective in trained}
    assert len(content["costs"]) == 3 + 3 + 2


def test_a_checkpoint_goes_by_its_label_and_costs_nothing(run_writer, write_run, tmp_path):
    writer = run_writer(tmp_path / "run", Run(write_run()).read().profile)
    for objective in ("sft", "forward_kl"):
        writer.cell(objective, 1, {ROUGE: {"value": 0.25}})
    writer.cell("me/my model @v2", 1, {ROUGE: {"value": 0.5}}, kind="checkpoint")
    run = frame.load(writer.write())
    page = render(run, "text", baseline="fkl", cost=True)
    (own,) = (line for line in page.splitlines() if line.startswith("me/my"))
    assert re.fullmatch(r"me/my model @v2 +0.500\S* +- +-", own)


def test_a_value_that_some_seeds_lack_says_how_many_have_it(show):
    page = show({"sft": {ROUGE: [0.1, 0.2], KL: [None, 0.5]}}, seeds=2)
    assert "0.500 (seeds: 1)" in page


def test_the_table_of_all_objectives_fits_100_columns(run_writer, tmp_path):
    percent = {"n": 100, "scale": 100.0, "format": "%.1f"}
    shown = {
        ("micro_test", "validity"): percent,
        ("micro_test", "rouge_l"): percent,
        ("micro_test", "distinct_n(n=2)"): {},  # three decimals
        ("micro_test", "self_bleu(n=4)"): percent | {"higher_is_better": False},
        ("micro_facts", "acc"): percent,
        ("micro_cloze", "acc"): percent,
        ("micro_fidelity", "kl_pq"): {"n": 2262, "higher_is_better": False},
    }
    writer = run_writer(tmp_path / "run", config.load("micro"))
    plugins = map(divergences.get, divergences.names())
    names = ["sft", *map(divergences.registry.spec_of, plugins)]
    noise = random.Random(0)
    for objective, seed in product(names, (1, 2, 3)):
        # All differ from sft, the best one too: a cell with as many marks as there can be.
        level = 0.4 if objective == "sft" else 0.8
        numbers = {
            key: about | {"value": level + 0.05 * noise.random()} for key, about in shown.items()
        }
        fields = {"training": {"lr": 0.00025}}
        writer.cell(objective, seed, numbers, student="one_layer", fields=fields)
    page = render(frame.load(writer.write()), "text", pooled=True)
    lines = page.splitlines()
    assert sum(line.startswith(name.partition("(")[0]) for line in lines for name in names) == 25
    assert all(title in page for title in ("validity", "self_bleu", "accuracy", "kl_pq", "lr"))
    assert re.search("[†‡]¹", page)
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("format", ["text", "markdown", "latex", "csv", "json"])
def test_a_run_with_nothing_sealed_still_prints(show, format):
    page = show({"teacher": {}, "sft": {}}, format=format)
    assert format == "csv" or "sft" in page


def test_a_negative_zero_is_zero_and_a_percent_sign_is_text(show):
    about = {ROUGE: UP | {"format": "%.1f%%"}}
    values = {name: {ROUGE: [value]} for name, value in {"a": -0.01, "b": 5.0, "c": -3.0}.items()}
    page = show(values, about=about, seeds=1, format="latex")
    assert re.findall(r"^(.) \& (.*?) \\\\", page, re.M) == [
        ("b", r"\textbf{5.0\%}"),
        ("a", r"\underline{0.0\%}"),
        ("c", r"-3.0\%"),
    ]


PAYLOADS = [
    "<script>a|b</script>",
    "\033[31m=1+1\n::add-mask::x",
    "=cmd|' /C calc'!A0",
    "\\input{x}%$",
]
HOSTILE = {name: {("open_test", name): [1.0, 2.0]} for name in PAYLOADS}


@pytest.fixture
def hostile(write_run):
    """Objectives and metrics that are named to do harm."""
    about = {("open_test", name): UP for name in PAYLOADS}
    return frame.load(write_run(HOSTILE, about=about, seeds=2))


def test_hostile_names_stay_text_in_markdown(hostile):
    page = render(hostile, "markdown", every_metric=True)
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(page)
    kinds = [token.type for token in tokens]
    assert kinds.count("td_open") == len(PAYLOADS) * (2 + len(PAYLOADS) + 2)  # and two of cost
    tags = {c.content for t in tokens for c in t.children or () if c.type == "html_inline"}
    assert tags <= {"<br>", "<u>", "</u>"}
    assert "html_block" not in kinds


def test_hostile_names_start_no_formula_in_csv(hostile):
    for row in csv.reader(io.StringIO(render(hostile, "csv"))):
        assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@"))]


def test_hostile_names_stay_on_their_line_of_a_terminal(hostile):
    page = render(hostile, "text", every_metric=True)
    assert "\033" not in page
    assert not [line for line in page.splitlines() if line.lstrip().startswith("::")]


def compile_latex(folder, pages, *packages):
    """Run pdflatex; a page that needs a shell or a file from elsewhere fails."""
    loads = "".join(f"\\usepackage{{{name}}}" for name in ("booktabs", "graphicx", *packages))
    (folder / "page.tex").write_text(
        f"\\documentclass{{article}}\\usepackage[T1]{{fontenc}}{loads}"
        "\\begin{document}" + "\n\n".join(pages) + "\\end{document}",
        encoding="utf-8",
    )
    command = ["pdflatex", "-no-shell-escape", "-halt-on-error", "-interaction=nonstopmode"]
    done = subprocess.run(
        [*command, "page.tex"], cwd=folder, capture_output=True, text=True, errors="replace"
    )
    assert done.returncode == 0, done.stdout[-2000:]
    return done.stdout


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
@pytest.mark.parametrize("students", [("tiny",), ("big", "tiny")])
def test_latex_compiles(write_run, tmp_path, hostile, students):
    pages = [render(hostile, "latex", every_metric=True)]
    pages.append(render(frame.load(write_run(students=students)), "latex"))
    log = compile_latex(tmp_path, pages)
    assert "/etc/passwd" not in log and "write18" not in log.replace("\\write18 disabled", "")


def has_siunitx():
    asked = shutil.which("kpsewhich") and subprocess.run(
        ["kpsewhich", "siunitx.sty"], capture_output=True, check=False
    )
    return bool(asked and asked.stdout)


@pytest.mark.skipif(not has_siunitx(), reason="needs siunitx (Debian: texlive-science)")
def test_latex_with_siunitx_compiles(write_full_run, tmp_path):
    run = frame.load(write_full_run(shifts={"forward_kl": 0.3}, missing=[("reverse_kl", 2)]))
    page = render(run, "latex", siunitx=True, pooled=True)
    assert "\\num{" in page and "\\dag" in page
    compile_latex(tmp_path, [page], "siunitx")
