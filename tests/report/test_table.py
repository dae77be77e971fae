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
from akl_bench.artifacts.records import Overlap
from akl_bench.artifacts.store import Run
from akl_bench.report import frame
from akl_bench.report.table import render
from akl_bench.statistics import smallest_detectable

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


def test_what_is_not_told_apart_from_the_best_is_bold_on_a_terminal_and_marked_elsewhere(show):
    # Against "best": "near" differs by less than its seeds do, "sft" by twenty points in each.
    values = {
        "sft": {ROUGE: [0.20, 0.21, 0.22]},
        "best": {ROUGE: [0.40, 0.42, 0.41]},
        "near": {ROUGE: [0.42, 0.40, 0.38]},
    }
    page = show(values, styled=True)
    marked = ["41.0\u00b11.0", "40.0\u00b12.0"]
    assert re.findall(r"\033\[1m(.*?)\033\[0m", page) == marked
    assert "bold: not told apart from the best" in page
    assert "\u00b9" not in page
    plain = show(values)
    assert re.findall(r"(\S+\u00b1\S+)\u2020\u00b9", plain) == marked
    assert "\u00b9: not told apart from the best" in plain
    for format, bold in (("markdown", "**"), ("latex", r"\textbf{"), ("html", "<strong>")):
        page = show(values, format=format).replace(r"$\pm$", "\u00b1")
        assert f"{bold}40.0\u00b12.0" in page and f"{bold}21.0" not in page
        assert "bold: not told apart from the best" in page
    entry = {"student": "tiny", "run": "", "axes": {}, "task": "open_test", "metric": "rouge_l"}
    best = json.loads(show(values, format="json"))["best"]
    assert best == [{"objective": name, **entry} for name in ("best", "near")]


@pytest.mark.parametrize("format", ["text", "markdown", "latex", "html", "json"])
def test_the_smallest_detectable_difference_is_under_every_table(show, format):
    values = {"sft": {ROUGE: [0.20, 0.21, 0.22]}, "fkl": {ROUGE: [0.40, 0.42, 0.44]}}
    page = " ".join(show(values, format=format).split())
    # d = 20, 21, 22: a standard error of 1 / sqrt(3) and two degrees of freedom.
    least = 100 * smallest_detectable(0.01 / 3**0.5, 2)
    said = f"80 % power at alpha 0.05/1: open_test rouge_l {least:.1f}"
    assert said in page.replace(r"\%", "%").replace(r"\_", "_").replace("rouge\\_l", "rouge_l")
    if format == "json":
        (column,) = json.loads(page)["columns"]
        assert 100 * column["detectable"] == pytest.approx(least)


def test_csv_has_what_a_difference_must_be_to_be_found(show):
    values = {"sft": {ROUGE: [0.20, 0.21, 0.22]}, "fkl": {ROUGE: [0.40, 0.42, 0.44]}}
    rows = csv.DictReader(io.StringIO(show(values, format="csv")))
    (fkl,) = (row for row in rows if row["objective"] == "fkl")
    assert float(fkl["detectable"]) == pytest.approx(smallest_detectable(0.01 / 3**0.5, 2))
    assert (fkl["best"], fkl["significant"]) == ("True", "True")


def test_the_spread_over_seeds_is_split_into_decoding_and_training(run_writer, write_run, tmp_path):
    writer = run_writer(tmp_path / "run", Run(write_run()).read().profile)
    draws = {1: [[0, 1], [0, 0]], 2: [[0, 1], [1, 0]]}
    for seed, by_prompt in draws.items():
        rows = [
            {"id": str(i), "value": sum(each) / 2, "draws": each}
            for i, each in enumerate(by_prompt)
        ]
        value = sum(row["value"] for row in rows) / 2
        number = {"value": value, "draws": [sum(x) / 2 for x in zip(*by_prompt, strict=True)]}
        writer.cell("sft", seed, {ROUGE: number}, examples={ROUGE: rows})
    run = frame.load(writer.write())
    # By hand in tests/statistics/test_decoding.py: total 0.03125, all of it decoding (0.09375).
    (row,) = csv.DictReader(io.StringIO(render(run, "csv")))
    assert float(row["decoding_std"]) == pytest.approx(0.09375**0.5)
    assert float(row["training_std"]) == 0
    content = json.loads(render(run, "json"))
    assert [column["decoding_share"] for column in content["columns"]] == [1.0]
    assert content["spreads"][0]["decoding_std"] == float(row["decoding_std"])
    assert "typical objective: open_test rouge_l 100 %; the rest is training" in " ".join(
        render(run, "text").split()
    )


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
    assert float(row.pop("detectable")) > 0.1198
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
        "best": "False",
        "decoding_std": "",
        "training_std": "",
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


@pytest.mark.parametrize("format", ["text", "markdown", "latex", "html", "json"])
def test_what_training_has_seen_is_a_footnote(write_run, format):
    folder = write_run()
    without = render(frame.load(folder), format)
    overlap = {
        "validation": Overlap(rows=40, prompts=0, pairs=0, ngrams=0),
        "open_test": Overlap(rows=40, prompts=10, pairs=1, ngrams=0),
    }
    record = Run(folder).read()
    Run(folder).write(record.model_copy(update={"overlap": overlap}))
    text = " ".join(render(frame.load(folder), format).replace("\\", "").split())
    said = (
        "rows that share text with the training data: open_test prompt 25.0 %, prompt with answer"
    )
    assert f"{said} 2.5 %" in text
    assert "training data" not in without and "validation" not in text


def test_a_checkpoint_goes_by_its_label_and_costs_nothing(run_writer, write_run, tmp_path):
    writer = run_writer(tmp_path / "run", Run(write_run()).read().profile)
    for objective in ("sft", "forward_kl"):
        writer.cell(objective, 1, {ROUGE: {"value": 0.25}})
    writer.cell("me/my model @v2", 1, {ROUGE: {"value": 0.5}}, kind="checkpoint")
    run = frame.load(writer.write())
    page = render(run, "text", baseline="fkl", cost=True)
    (own,) = (line for line in page.splitlines() if line.startswith("me/my"))
    assert re.fullmatch(r"me/my model @v2 +0.500\S* +- +- +-", own)


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
    page = render(frame.load(writer.write()), "text")
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
        ("b", r"5.0\%"),
        ("a", r"0.0\%"),
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
    assert kinds.count("td_open") == len(PAYLOADS) * (2 + len(PAYLOADS) + 3)  # and three of cost
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
    page = render(run, "latex", siunitx=True)
    assert "\\num{" in page and "\\dag" in page
    compile_latex(tmp_path, [page], "siunitx")
