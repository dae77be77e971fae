"""Pictures of a run: what they show, that they do not change, and what they refuse."""

import os
import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="needs akl-bench[plots]")

from akl_bench.errors import MissingDependencyError, UsageError
from akl_bench.report import figures, frame, plots
from akl_bench.report.frame import Row
from akl_bench.report.plots import curves, labels, ranks, scatter, style
from akl_bench.report.plots.inline import inline

MANY = ["sft", "forward_kl", "reverse_kl", "adaptive_kl(mu=0.5)", "symmetric_kl"]
MANY += [f"objective_number_{i}(alpha=0.{i})" for i in range(1, 22)]
SHIFTS = {name: 0.3 * np.sin(17.0 * i) for i, name in enumerate(MANY)}


@pytest.fixture(scope="module")
def small(write_full_run):
    return write_full_run(shifts={"forward_kl": 0.1, "adaptive_kl(mu=0.5)": 0.2})


@pytest.fixture(scope="module")
def many(write_full_run):
    return frame.load(write_full_run(MANY, shifts=SHIFTS, seeds=2))


def test_every_kind_is_drawn_in_every_format(small, tmp_path):
    run = frame.load(small)
    for format in figures.FORMATS:
        written = plots.write(run, tmp_path, format=format)
        kinds = [kind for kind in plots.KINDS if kind != "axis"]
        assert [path.name for path in written] == [f"{kind}.{format}" for kind in kinds]
    heads = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
    for format, head in heads.items():
        assert (tmp_path / f"ranks.{format}").read_bytes().startswith(head)


@pytest.mark.slow
def test_the_same_run_gives_the_same_bytes_in_another_process(small, tmp_path):
    code = (
        "import sys; from pathlib import Path; from akl_bench.report import figures, frame, plots\n"
        "for f in figures.FORMATS: "
        "plots.write(frame.load(Path(sys.argv[1])), Path(sys.argv[2]), format=f)"
    )
    for name in ("1", "2"):
        command = [sys.executable, "-c", code, str(small), str(tmp_path / name)]
        subprocess.run(command, check=True, env=os.environ | {"PYTHONHASHSEED": name})
    files = sorted(path.name for path in (tmp_path / "1").iterdir())
    assert len(files) == (len(plots.KINDS) - 1) * len(figures.FORMATS)  # all but that of a sweep
    for name in files:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes(), name


def test_no_name_covers_another_with_26_objectives(many):
    figure = plots.draw(many, "diversity")
    renderer = figure.canvas.get_renderer()
    for axes in figure.axes:
        boxes = [t.get_window_extent(renderer) for t in axes.texts if t.get_text()]
        assert len(boxes) >= 7  # the five known ones and both extremes
        covered = [
            (one, other)
            for i, one in enumerate(boxes)
            for other in boxes[i + 1 :]
            if one.x0 < other.x1 and other.x0 < one.x1 and one.y0 < other.y1 and other.y0 < one.y1
        ]
        assert not covered
        room = axes.get_window_extent(renderer)
        assert all(room.x0 - 1 <= b.x0 and b.x1 <= room.x1 + 1 for b in boxes)


def test_overlaps_are_areas():
    one = np.array([[0.0, 0.0, 2.0, 2.0]])
    others = np.array([[1.0, 1.0, 3.0, 3.0], [2.0, 0.0, 4.0, 2.0], [0.5, 0.5, 1.0, 1.5]])
    assert labels._overlap(one, others).tolist() == [[1.0, 0.0, 0.5]]


def test_the_front_is_what_nothing_beats_on_both_axes():
    look = figures.Look("#000000", "o")
    at = {"a": (1, 5), "b": (2, 4), "c": (1, 4), "d": (3, 1), "e": (2, 0), "teacher": (9, 9)}
    points = {Row(n, ""): style.Point(x, y, 0, 0, n, look) for n, (x, y) in at.items()}

    def front(across, up):
        axes = [scatter.Axis("", {}, better) for better in (across, up)]
        return {row.objective for row in scatter._front(points, *axes)}

    assert front(True, True) == {"a", "b", "d"}
    assert front(False, True) == {"a"}
    assert front(True, False) == {"d", "e"}


def test_a_reference_far_off_is_named_and_not_shown():
    look = figures.Look("#000000", "o")
    at = {"a": (1.0, 50.0), "b": (2.0, 60.0), "untrained": (1.5, 5.0), "teacher": (1.0, 70.0)}
    points = {Row(n, ""): style.Point(x, y, 0, 0, n, look) for n, (x, y) in at.items()}
    inside, outside = scatter._within(points)
    assert [p.name for p in outside] == ["untrained"]
    assert {row.objective for row in inside} == {"a", "b", "teacher"}


def test_one_of_many_far_outside_is_named_and_neither_shown_nor_on_the_front():
    look = figures.Look("#000000", "o")
    at = {f"o{i}": (0.38 + 0.001 * i, 80.0 + i) for i in range(9)} | {"lost": (0.5, 0.0)}
    points = {Row(n, ""): style.Point(x, y, 0, 0, n, look) for n, (x, y) in at.items()}
    inside, outside = scatter._within(points)
    assert [p.name for p in outside] == ["lost"]
    axes = [scatter.Axis("", {}, True)] * 2
    assert {row.objective for row in scatter._front(inside, *axes)} == {"o8"}
    few = dict(list(points.items())[-4:])
    assert scatter._within(few) == (few, [])


def test_ranks_count_each_task_once_and_leave_incomplete_rows_out(write_full_run):
    shifts = {"forward_kl": 0.3, "adaptive_kl(mu=0.5)": 0.2, "sft": -0.2}
    missing = [("reverse_kl", seed) for seed in (1, 2, 3)]
    ranked = ranks.ranks(frame.load(write_full_run(shifts=shifts, missing=missing)))
    assert [row.objective for row, _ in ranked.rows] == ["forward_kl", "adaptive_kl(mu=0.5)", "sft"]
    assert [interval.value for _, interval in ranked.rows] == [1, 2, 3]
    assert len(ranked.tasks) == 4
    # Nemenyi: q(0.05; 3 methods) = 2.343, times the root of 3 * 4 / (6 * 4).
    assert ranked.difference == pytest.approx(2.343 * (12 / 24) ** 0.5, abs=1e-3)


def test_curves_are_running_means(small):
    steps = np.stack([np.arange(1, 401), np.arange(400.0)], axis=1)
    smooth = curves._smooth(steps)
    assert len(smooth) == 160
    inner = smooth[5:-5]
    # A line stays the line; window 10 on either side fits inside.
    assert inner[:, 1] == pytest.approx(inner[:, 0] - 1)
    panels = curves.curves(frame.load(small))
    assert list(panels)[:2] == ["loss", "cross_entropy"] and len(panels) == 6
    assert {row.objective for row in panels["head_gap"]} == {
        "forward_kl",
        "reverse_kl",
        "adaptive_kl(mu=0.5)",
    }
    assert panels["loss"][Row("sft", "one_layer")].shape == (3, 40, 2)


def test_the_papers_objectives_have_colours_of_their_own_and_variants_do_not(write_full_run):
    names = ["sft", "adaptive_kl(mu=0.5)", "adaptive_kl(mu=0.5, variant=taid)"]
    names += [f"other_{i}" for i in range(12)] + ["me/my model @v2"]
    look = style.looks(frame.load(write_full_run(names, seeds=1, steps=1)))
    by_name = {row.objective: look for row, look in look.items()}
    assert by_name["adaptive_kl(mu=0.5)"].known and by_name["sft"].known
    assert by_name["adaptive_kl(mu=0.5, variant=taid)"].color == figures.GREY
    assert by_name["adaptive_kl(mu=0.5)"].color != by_name["sft"].color
    assert by_name["me/my model @v2"].color == figures.GREY


def test_an_svg_for_the_page_has_attributes_instead_of_styles(many):
    for kind in plots.KINDS.keys() - {"axis"}:
        text = inline(plots.draw(many, kind), kind)
        root = ElementTree.fromstring(text)
        elements = list(root.iter())
        assert not [
            e for e in elements if "style" in e.attrib or e.tag.endswith(("}style", "}script"))
        ]
        ids = [e.get("id") for e in elements if e.get("id")]
        assert len(ids) == len(set(ids)) and all(i.startswith(f"{kind}-") for i in ids)
        targets = [e.get("href") for e in elements if e.get("href")]
        targets += re.findall(r"url\(([^)]*)\)", text)
        assert targets and all(t.startswith("#") and t[1:] in ids for t in targets)
        if kind != "curves":
            tips = {e.text for e in elements if e.tag.endswith("}title")}
            assert {"sft", "objective_number_3(alpha=0.3)"} <= tips


def test_a_name_is_text_and_never_mathematics_or_markup(write_full_run):
    names = ["sft", "a(x='$\\\\frac{$')", "<script>alert(1)</script>", "b(x='\u202eevil')"]
    run = frame.load(write_full_run(["sft"], seeds=1))
    rows = [Row(name, "one_layer") for name in names]
    assert style.name_of(rows[1], run).count(r"\$") == 2
    assert "\u202e" not in style.name_of(rows[3], run)
    look = figures.Look("#000000", "o")
    with figures.figure(4, 3) as made:
        axes = made.subplots()
        points = [style.Point(i, i, 0, 0, style.name_of(r, run), look) for i, r in enumerate(rows)]
        style.scatter(axes, points)
        labels.label(axes, points, points)
    root = ElementTree.fromstring(inline(made, "x"))
    texts = {e.text for e in root.iter() if e.tag.endswith("}text")}
    assert "<script>alert(1)</script>" in texts
    assert not [e for e in root.iter() if e.tag.endswith("script")]


def test_what_a_run_cannot_show_is_left_out_or_refused(write_run, tmp_path):
    run = frame.load(write_run({"sft": {("open_test", "rouge_l"): [0.1]}}, seeds=1))
    kinds = [path.stem for path in plots.write(run, tmp_path)]
    assert "coverage" not in kinds and "curves" not in kinds
    with pytest.raises(UsageError, match="--kind coverage needs a task with validity"):
        plots.write(run, tmp_path, kinds=["coverage"])


def test_without_matplotlib_the_extra_is_named(small, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "akl-bench\[plots\]"'):
        plots.draw(frame.load(small), "ranks")
