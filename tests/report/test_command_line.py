"""The verbs over a run: table, plot, report."""

import pytest
from click.testing import CliRunner

from akl_bench.cli.main import cli
from akl_bench.errors import UsageError


def call(*arguments):
    return CliRunner().invoke(cli, [str(a) for a in arguments], catch_exceptions=False).output


def test_table_takes_several_runs_and_a_baseline(write_full_run):
    one = write_full_run(["sft", "forward_kl"], name="one", shifts={"forward_kl": 0.3})
    two = write_full_run(["reverse_kl"], name="two")
    page = call("table", one, two, "--baseline", "fkl")
    assert "from forward_kl" in page or "than forward_kl" in page
    assert [line.split()[1] for line in page.splitlines() if line.startswith("reverse_kl")] == [
        "two"
    ]
    with pytest.raises(UsageError, match="Unknown baseline 'nothing'"):
        call("table", one, "--baseline", "nothing")


def test_table_adds_published_numbers_when_asked(write_full_run):
    run = write_full_run(["sft"], seeds=1)
    assert "published" not in call("table", run)
    assert "no published number is about a task of this run" in call("table", run, "--published")


def test_plot_writes_into_the_run_unless_told_otherwise(write_full_run, tmp_path):
    pytest.importorskip("matplotlib", reason="needs akl-bench[plots]")
    run = write_full_run(seeds=1, steps=3)
    assert call("plot", run, "--kind", "ranks") == f"{run / 'plots' / 'ranks.png'}\n"
    assert call("plot", run, "--kind", "cost", "--format", "svg", "--out", tmp_path / "new") == (
        f"{tmp_path / 'new' / 'cost.svg'}\n"
    )
    assert (tmp_path / "new" / "cost.svg").read_bytes().startswith(b"<?xml")


def test_report_writes_one_page(write_full_run, tmp_path):
    path = tmp_path / "new" / "page.html"
    run = write_full_run(seeds=1, steps=3)
    assert call("report", run, "--html", path, "--prompts", 1) == f"{path}\n"
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_plot_s_choices_are_the_kinds_and_formats_there_are():
    from akl_bench.cli.plot import plot
    from akl_bench.report import figures, plots

    choices = {option.name: getattr(option.type, "choices", None) for option in plot.params}
    assert list(choices["kinds"]) == list(plots.KINDS)
    assert list(choices["format_"]) == list(figures.FORMATS)
