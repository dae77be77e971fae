"""What the verbs that only look print, on a run made of given numbers."""

import json

import pytest
from click.testing import CliRunner

from akl_bench import config, metrics, tasks
from akl_bench.cli.main import cli
from akl_bench.pipeline import objectives
from akl_bench.artifacts.files import write_json, write_jsonl
from akl_bench.artifacts.store import Run, seal


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
    (folder / "cells" / Run(folder).read()["cells"][3]["name"]).mkdir()
    lines = show("status", folder).splitlines()
    states = [line.split()[0] for line in lines[:-1]]
    assert {name: states.count(name) for name in states} == {"sealed": 11, "begun": 1, "waiting": 3}
    assert lines[-1] == f"11 of 15 cells are sealed in {folder}."


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
def cell(tmp_path):
    """A sealed cell with training and answers."""
    folder = tmp_path / "cell"
    folder.mkdir()
    write_json(folder / "training.json", {"selected_step": 4})
    write_jsonl(folder / "train.jsonl", [{"step": i, "loss": 4 / i} for i in (1, 2, 4)])
    answers = [{"id": f"a\x1b{i}", "sample": 0, "text": "two\nlines"} for i in range(5)]
    write_jsonl(folder / "completions-open_test.jsonl", answers)
    entry = {
        "value": 0.25,
        "n": 7,
        "signature": "rouge_l|version:1",
        "scale": 100,
        "format": "%.1f",
    }
    record = {
        "cell": {"objective": "akl", "student": "tiny", "seed": 3, "fingerprint": "f" * 64},
        "parameters": 12345,
        "seconds": {"train": 1.5},
        "peak_memory_mib": 10,
        "tasks": {"open_test": {"version": 1, "metrics": {"rouge_l": entry}}},
    }
    seal(folder, record)
    return folder


def test_show_prints_numbers_training_and_harmless_answers(show, cell):
    page = show("show", cell, "-n", 2)
    assert "tiny (12,345 parameters)" in page
    assert "loss 4.000 at 1, 2.000 at 2, 1.000 at 4; weights of step 4" in page
    assert "rouge_l                      25.0  n=7  rouge_l|version:1" in page
    assert page.count("  > ") == 2
    assert "a<U+001B>0: two<U+000A>lines" in page


@pytest.mark.parametrize("name", ["train.jsonl", "completions-open_test.jsonl"])
def test_show_says_what_changed_since_the_seal_and_does_not_print_it(show, cell, name):
    (cell / name).write_text("{")
    page = show("show", cell)
    assert f"{name} changed since the seal" in page
    assert "  > " not in page and "25.0" in page
