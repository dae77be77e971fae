"""A sweep: its axes in tables, names, data and comparisons, and the plot over one of them."""

import csv
import io
import json
from itertools import product

import pytest

from akl_bench.report import frame, page
from akl_bench.report.compare import RowTests, compare
from akl_bench.report.frame import Row, row_name
from akl_bench.report.layout import build
from akl_bench.report.table import render

STEPS = [{"training.steps": steps} for steps in (300, 1000)]
FIRST, LAST = ((("training.steps", text),) for text in ("300", "1000"))


@pytest.fixture(scope="module")
def sweep(write_full_run):
    """Forward KL is better than sft at either budget; the larger one is listed first."""
    return write_full_run(
        ["sft", "forward_kl"], seeds=2, shifts={"forward_kl": 0.1}, points=STEPS, steps=4
    )


def test_an_axis_is_a_column_and_rows_stand_by_point_then_quality(sweep):
    table = build(frame.load(sweep))
    assert table.heads == ["objective", "steps"]
    assert [table.lead(line) for line in table.rows] == [
        ["teacher", ""],
        ["untrained", ""],
        ["forward_kl", "300"],
        ["sft", "300"],
        ["forward_kl", "1000"],
        ["sft", "1000"],
    ]


def test_bold_is_what_is_best_with_the_same_student_and_axes(run_writer, sweep, tmp_path):
    writer = run_writer(tmp_path / "run", frame.load(sweep).profile)
    low, high = (0.20, 0.21, 0.22), (0.40, 0.42, 0.41)
    best = {("one", 300): "sft", ("one", 1000): "forward_kl", ("two", 1000): "sft"}
    for (student, steps), objective in product(best, ("sft", "forward_kl")):
        values = high if objective == best[student, steps] else low
        for seed, value in enumerate(values, 1):
            number = {("micro_test", "validity"): {"value": value}}
            about = {"student": student, "axes": {"training.steps": steps}}
            writer.cell(objective, seed, number, **about)
    run = frame.load(writer.write())
    table = build(run)
    at = {(row.student, int(row.axes[0][1])): row.objective for row in _bold(table)}
    assert at == best and len(_bold(table)) == 3
    assert any("column with the same student and steps by" in note for note in table.footnotes())
    entries = json.loads(render(run, "json"))["best"]
    assert [entry["axes"]["training.steps"] for entry in entries] == ["300", "1000", "1000"]


def _bold(table):
    return [line.row for line in table.rows if line.cells[0].best]


def test_a_row_is_compared_with_the_baseline_at_its_own_point(sweep):
    run = frame.load(sweep)
    made = compare(run, run.shown, "sft", RowTests.of(run, run.shown, "sft"))
    assert {(row.axes, c.baseline.axes) for (row, *_), c in made.items()} == {
        (FIRST, FIRST),
        (LAST, LAST),
    }
    assert {row.objective for row, *_ in made} == {"forward_kl"}


def test_names_and_labels_carry_the_point(sweep):
    run = frame.load(sweep)
    row = Row("forward_kl", "one_layer", "", LAST)
    assert row_name(row, run) == "forward_kl, steps=1000"
    (first, *_) = (cell.record for cell in run.cells if cell.row == row)
    assert first.label == "forward_kl, one_layer, training.steps=1000, seed 1"
    assert "forward_kl, steps=300" in page.render(run, prompts=1)


def test_values_of_a_profile_that_are_no_numbers_are_points_too(run_writer, sweep, tmp_path):
    profile = frame.load(sweep).profile
    writer = run_writer(tmp_path / "run", profile)
    for value in (True, "bf16", [0, 1]):
        writer.cell("sft", 1, {("micro_test", "validity"): {"value": 0.5}}, axes={"k": value})
    axes = {row.axes for row in frame.load(writer.write()).rows}
    assert axes == {(("k", text),) for text in ("true", "bf16", "[0, 1]")}


def test_data_has_an_axis_by_its_whole_key(sweep):
    run = frame.load(sweep)
    rows = list(csv.DictReader(io.StringIO(render(run, "csv"))))
    assert {row["training.steps"] for row in rows if row["objective"] == "sft"} == {"300", "1000"}
    assert {row["training.steps"] for row in rows if row["objective"] == "teacher"} == {""}
    assert {row["lr"] for row in rows if row["objective"] == "sft"} == {"0.001"}
    content = json.loads(render(run, "json"))
    for part in ("values", "costs", "comparisons", "seeds_asked"):
        axes = [entry["axes"] for entry in content[part] if entry["objective"] == "forward_kl"]
        assert {json.dumps(each) for each in axes} == {
            '{"training.steps": "300"}',
            '{"training.steps": "1000"}',
        }


class TestPlot:
    @pytest.fixture(autouse=True)
    def _needs_matplotlib(self):
        pytest.importorskip("matplotlib", reason="needs akl-bench[plots]")

    def test_a_line_has_the_values_of_all_seeds_at_each_point(self, sweep):
        from akl_bench.report.plots.axis import lines

        run = frame.load(sweep)
        column = run.headline("micro_test")
        made = lines(run, "training.steps", column)
        assert made.keys() == {Row("sft", "one_layer"), Row("forward_kl", "one_layer")}
        line = made[Row("sft", "one_layer")]
        assert [*line] == [300.0, 1000.0]
        values = run.seed_values()[(Row("sft", "one_layer", "", LAST), *column.key)]
        assert line[1000.0] == pytest.approx([100 * value for value in values.values()])

    def test_it_is_drawn_in_factors_with_the_teacher_across(self, write_full_run):
        from akl_bench.report import plots

        points = [{"training.steps": steps} for steps in (300, 1000, 3000)]
        run = frame.load(write_full_run(["sft"], seeds=2, points=points, steps=2))
        figure = plots.draw(run, "axis")
        directed = [c for c in run.shown if c.higher_is_better is not None]
        shown = [axes for axes in figure.axes if axes.get_visible()]
        assert len(shown) == len(directed)
        for axes, column in zip(shown, directed, strict=True):
            assert axes.get_xscale() == "log"
            assert [text.get_text() for text in axes.get_xticklabels()] == ["300", "1,000", "3,000"]
            teacher = run.summary()[(Row("teacher", ""), *column.key)].mean * column.scale
            levels = [[*line.get_ydata()] for line in axes.lines if len(line.get_xdata()) == 2]
            assert [pytest.approx(teacher)] * 2 in levels

    def test_of_many_the_best_and_the_baseline_have_colours(self, write_full_run):
        from akl_bench.report.plots.axis import _looks, lines

        names = ["sft", *(f"mine_{i:02}" for i in range(12))]
        shifts = {name: 0.02 * i for i, name in enumerate(names)}
        run = frame.load(
            write_full_run(names, seeds=1, shifts=shifts, points=STEPS, steps=1, samples=1)
        )
        column = run.headline("micro_fidelity")  # the lower, the better
        of_row = lines(run, "training.steps", column)
        looks = _looks(column, of_row)
        known = {row.objective for row, look in looks.items() if look.known}
        end = {row.objective: line[1000.0][0] for row, line in of_row.items()}
        assert known == {*sorted(end, key=end.__getitem__)[:4], "sft"}
        assert len({look.color for look in looks.values() if look.known}) == 5

    def test_other_pictures_show_the_end_of_a_numeric_axis(self, sweep):
        from akl_bench.report import plots

        ended = plots._at_the_end(frame.load(sweep))
        assert {row.axes for row in ended.rows} == {(), LAST}

    def test_a_run_without_a_numeric_axis_has_none(self, write_full_run):
        from akl_bench.report import plots

        points = [{"training.precision": name} for name in ("fp32", "bf16")]
        run = frame.load(write_full_run(["sft"], seeds=1, points=points, steps=1))
        assert plots.draw(run, "axis") is None
        assert len(plots._at_the_end(run).cells) == len(run.cells)
