"""What the verbs that only look print, on a run made of given numbers."""

import json
import shutil

import pytest
from click.testing import CliRunner

from akl_bench import config, metrics, tasks
from akl_bench.artifacts.store import Run
from akl_bench.cli.main import cli
from akl_bench.errors import UsageError
from akl_bench.pipeline import objectives


@pytest.fixture
def show():
    """Run a verb; gives its standard output."""

    def run(*arguments):
        done = CliRunner().invoke(cli, list(map(str, arguments)), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("objectives", objectives.entries()),
        ("metrics", metrics.names()),
        ("sources", ["fixed", "seqkd"]),
        ("teachers", ["cached", "live"]),
        ("samplers", ["hf"]),
        ("devices", ["one"]),
        ("executors", ["local", "ray"]),
        ("tasks", tasks.available()),
        ("profiles", config.profile_paths()),
    ],
)
def test_ls_has_one_line_with_a_summary_for_each(show, kind, names):
    lines = show("ls", kind).splitlines()
    assert [line.split()[0] for line in lines] == list(names)
    assert all(len(line.split()) > 3 for line in lines)
    assert not any("<U+" in line for line in lines)


def test_status_counts_what_is_sealed(show, write_run):
    folder = write_run()
    (folder / "cells" / Run(folder).read().cells[3].name).mkdir()
    lines = show("status", folder).splitlines()
    states = [line.split()[0] for line in lines[:-1]]
    counted = {name: states.count(name) for name in states}
    assert counted == {"finished": 11, "begun": 1, "waiting": 3}
    assert lines[-1] == f"11 of 15 cells are finished in {folder}."


@pytest.mark.parametrize("format", ["text", "markdown", "latex", "csv", "json"])
def test_table_prints_each_format(show, write_run, format):
    page = show("table", write_run(), "--format", format)
    assert page.count("forward") >= 1
    assert "\033" not in page
    if format == "json":
        json.loads(page)


def test_table_shows_headlines_or_everything(show, write_run):
    folder = write_run()
    assert "length" not in show("table", folder)
    assert "length" in show("table", folder, "--all")


@pytest.fixture
def cell(tmp_path, run_writer, write_run):
    """The folder of a cell with training and answers, and a number that it lacks."""
    writer = run_writer(tmp_path / "one", Run(write_run()).read().profile)
    about = {"n": 7, "signature": "rouge_l|version:1", "scale": 100, "format": "%.1f"}
    record = writer.cell(
        "akl",
        3,
        {("open_test", "rouge_l"): {"value": 0.25, **about}},
        answers={
            "open_test": [{"id": f"a\x1b{i}", "sample": 0, "text": "two\nlines"} for i in range(5)]
        },
        log=[{"step": i, "loss": 4 / i} for i in (1, 2, 4)],
    )
    # Another cell has a number that this one lacks.
    writer.cell("sft", 3, {("fidelity", "kl_pq"): {"value": 0.5}})
    return writer.write() / "cells" / record.name


def test_show_prints_numbers_training_and_harmless_answers(show, cell):
    page = show("show", cell, "-n", 2)
    assert "tiny (1,000 parameters)" in page
    assert "loss 4.000 at 1, 2.000 at 2, 1.000 at 4; weights of step 3" in page
    assert "rouge_l                      25.0  n=7  rouge_l|version:1" in page
    assert "missing     fidelity/fidelity" in page and "kl_pq" not in page
    assert page.count("  > ") == 2
    assert "a<U+001B>0: two<U+000A>lines" in page


@pytest.mark.parametrize(
    "name",
    [
        "student/train.jsonl",
        "completions/open_test/completions.jsonl",
        "scores/open_test/rouge_l/rows.jsonl",
    ],
)
def test_show_says_what_changed_since_the_seal_and_does_not_print_it(show, cell, name):
    (cell / name).write_text("{")
    page = show("show", cell)
    assert f"{name} changed since the seal" in page
    assert "  > " not in page and "25.0" in page


def test_show_refuses_a_cell_with_nothing_sealed(cell):
    for folder in (cell / "student", cell / "completions", cell / "scores"):
        shutil.rmtree(folder)
    with pytest.raises(UsageError, match="is not a cell that has anything yet"):
        CliRunner().invoke(cli, ["show", str(cell)], catch_exceptions=False)
