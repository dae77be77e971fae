"""Rows as the gate sees them: each point of a sweep is a row with a name of its own."""

import pytest

from akl_bench.artifacts.store import Run
from akl_bench.gate.snapshot import items, measure
from akl_bench.report.frame import load

ROUGE = ("open_test", "rouge_l")


@pytest.fixture
def sweep(run_writer, write_run, tmp_path):
    """sft at two budgets, the larger one better."""
    writer = run_writer(tmp_path / "run", Run(write_run()).read().profile)
    for steps, value in ((300, 0.25), (1000, 0.5)):
        rows = {ROUGE: [{"id": "a", "value": value}]}
        writer.cell(
            "sft", 1, {ROUGE: {"value": value}}, axes={"training.steps": steps}, examples=rows
        )
    return load(writer.write())


def test_a_row_s_name_has_its_point_of_the_sweep(sweep):
    made = measure(sweep)
    assert [row.name for row in made.rows] == [
        "sft/tiny/training.steps=300",
        "sft/tiny/training.steps=1000",
    ]
    column = next(column for column in made.columns if column.key == ROUGE)
    assert [row.numbers(column) for row in made.rows] == [{1: 0.25}, {1: 0.5}]
    assert [row.matches("*steps=300") for row in made.rows] == [True, False]


def test_the_points_of_a_sweep_do_not_share_items(sweep):
    values = {name: of["open_test"]["rouge_l"] for name, of in items(sweep).items()}
    assert values == {
        "sft/tiny/training.steps=300": {"a": 0.25},
        "sft/tiny/training.steps=1000": {"a": 0.5},
    }
