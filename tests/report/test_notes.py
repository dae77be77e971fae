"""Notes on learning rates, what tables and data say of tuning, and the cost of clipping."""

import json

import pytest

from akl_bench import config
from akl_bench.artifacts.records import Tuned
from akl_bench.report import frame
from akl_bench.report.table import render

VALIDITY = ("micro_test", "validity")
AKL = "adaptive_kl(mu=0.5)"


@pytest.fixture
def tuned_run(run_writer, tmp_path):
    """Three objectives at two budgets, whose rates are inside or at an edge of those tried."""
    writer = run_writer(tmp_path / "run", config.load("micro"))
    chosen = {"sft": (0.002, 0.004), AKL: (0.002, 0.008), "forward_kl": (0.002, 0.002)}
    for objective, rates in chosen.items():
        for steps, lr, least in zip((300, 1000), rates, (0.001, 0.002), strict=True):
            about = {"student": "one_layer", "axes": {"training.steps": steps}}
            scores = {least: 0.4, 2 * least: 0.5, 4 * least: None}
            writer.tuned.append(Tuned(objective=objective, **about, lr=lr, scores=scores))
            for seed in (1, 2):
                fields = {"training": {"lr": lr}}
                number = {"value": 0.5 + seed / 100}
                writer.cell(
                    objective, seed, {VALIDITY: number}, fields=fields, clipped=seed / 4, **about
                )
    return frame.load(writer.write())


def test_the_note_names_who_is_at_the_edge_and_how_rates_were_chosen(tuned_run):
    page = " ".join(render(tuned_run, "text").split())
    assert (
        "each objective at the best of 3 learning rates, equally many for all, by validity on "
        "validation prompts" in page
    )
    assert (
        "the smallest or largest rate tried was the best for adaptive_kl, steps=1000; "
        "forward_kl, steps=1000: another" in page
    )


def test_nobody_is_named_where_all_rates_lie_inside(run_writer, tmp_path):
    writer = run_writer(tmp_path / "run", config.load("micro"))
    scores = {0.001: 0.1, 0.002: 0.2, 0.004: 0.1}
    writer.tuned.append(
        Tuned(objective="sft", student="one_layer", axes={}, lr=0.002, scores=scores)
    )
    writer.cell("sft", 1, {VALIDITY: {"value": 0.5}}, student="one_layer")
    page = render(frame.load(writer.write()), "text")
    assert "learning rates, equally many" in page
    assert "smallest or largest" not in page


def test_json_says_how_rates_were_chosen(tuned_run):
    content = json.loads(render(tuned_run, "json"))
    assert len(content["tuned"]) == 6
    assert content["tuned"][3] == {
        "objective": AKL,
        "student": "one_layer",
        "run": "",
        "axes": {"training.steps": "1000"},
        "lr": 0.008,
        "scores": {"0.002": 0.4, "0.004": 0.5, "0.008": None},
        "at_edge": True,
    }
    assert {cost["clipped"] for cost in content["costs"]} == {0.25, 0.5}


def test_the_cost_has_the_percent_of_steps_that_were_clipped(tuned_run):
    page = render(tuned_run, "text", cost=True)
    assert "clipped" in page and "clipped" not in render(tuned_run, "text")
    # 25 % and 50 %: a mean of 37.5 and a standard deviation of 17.7.
    assert page.count(" 38±18") == 6
