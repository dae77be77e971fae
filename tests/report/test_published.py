"""The registry of published numbers against METHODS.md, section 4, typed a second time."""

import pytest

from akl_bench import config
from akl_bench.errors import UsageError
from akl_bench.report import frame, published
from akl_bench.report.layout import build
from akl_bench.report.table import render

# (table, row, column) -> mean, or (mean, spread)
TYPED = [
    ("gpt2_loss_comparison", "FKL", "dolly_eval", (23.80, 0.37)),
    ("gpt2_loss_comparison", "RKL", "sinst", (23.27, 0.29)),
    ("gpt2_loss_comparison", "AKL", "dolly_eval", (23.83, 0.59)),
    ("gpt2_loss_comparison", "AKL", "vicuna", (15.63, 0.66)),
    ("gpt2_loss_comparison", "JSD", "uinst", (21.97, 0.10)),
    ("gpt2_loss_comparison", "ABKD", "self_instruct", (13.47, 0.42)),
    ("gpt2_loss_comparison", "ABKD + adaptive SGO", "uinst", (31.13, 0.12)),
    ("openllama2_loss_comparison", "AKL", "sinst", 33.02),
    ("openllama2_loss_comparison", "ABKD", "dolly_eval", 30.25),
    ("dpkd_gpt2_120m", "AKL", "self_instruct", None),
    ("dpkd_gpt2_120m", "DPKD", "sinst", 25.4),
    ("dpkd_gpt2_340m", "MiniLLM", "self_instruct", 15.6),
    ("dpkd_opt_1_3b", "teacher", "dolly_eval", 29.2),
    ("minillm_gpt2_120m", "MiniLLM, re-run", "uinst", 18.02),
    ("csd_gpt2_120m", "CSD", "uinst", 25.88),
    ("dwa_kd", "DWA-KD", "sinst", 19.63),
    ("amid_120m_average", "AMiD", "average", 23.40),
    ("taid_table_2", "AKL", "average", 39.11),
    ("hybkd_qwen", "AKL", "average", 52.72),
    ("gpt2_teacher", "teacher", "vicuna", 16.28),
]


@pytest.mark.parametrize(("table", "row", "column", "value"), TYPED)
def test_numbers_are_those_of_the_source(table, row, column, value):
    source = published.load().tables[table]
    assert source.rows[row][source.columns.index(column)] == value


def test_every_table_names_source_and_caveat():
    for table in published.load().tables.values():
        assert table.source and table.caveat and table.title
    assert published.load().seconds_per_sample["MiniLLM"] == 4.452


def test_a_row_of_another_length_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "published.yaml"
    path.write_text(
        "names: {}\nminillm: {}\nseconds_per_sample: {}\ntables:\n  t:\n    title: t\n"
        "    source: s\n    verified: paper\n    caveat: c\n    columns: [a, b]\n"
        "    protocol: {student: x, teacher: y, train: z, decoding: other}\n    rows: {R: [1.0]}\n"
    )
    monkeypatch.setattr(published, "_FILE", path)
    published.load.cache_clear()
    try:
        with pytest.raises(UsageError, match=r"rows\.R: 1 numbers for 2 columns"):
            published.load()
    finally:
        published.load.cache_clear()


def test_the_paper_s_profile_differs_in_nothing_that_is_checked():
    rows = published.beside(config.load("gpt2-dolly"))
    akl = next(row for row in rows if row.name == "AKL")
    # This profile samples self_instruct as the papers do.
    assert akl.differences == []
    assert akl.values["dolly_eval"] == (23.83, 0.59)
    other = next(row for row in rows if "OpenLLaMA2" in row.title)
    assert any(d.startswith("student OpenLLaMA2-3B, not gpt2") for d in other.differences)


def test_other_models_data_and_decoding_are_named():
    (one, *_) = published.beside(config.load("smollm2"))
    assert set(one.values) == {"self_instruct"}
    text = "; ".join(one.differences)
    for part in ("student GPT-2 120M", "teacher", "train Dolly", "samples 5, not 1"):
        assert part in text


def test_a_run_without_a_shared_task_says_so(write_run):
    table = build(frame.load(write_run()), published=True)
    assert "no published number is about a task of this run" in table.notes


def test_published_rows_stand_apart_and_say_that_they_do_not_compare(write_run):
    about = {"higher_is_better": True, "scale": 100.0, "format": "%.1f"}
    key = ("vicuna", "rouge_l")
    tasks = {"vicuna": config.load("gpt2-dolly").tasks["vicuna"].model_dump(mode="json")}
    values = {"sft": {key: [0.1, 0.2, 0.3]}, "forward_kl": {key: [0.2, 0.2, 0.2]}}
    run = frame.load(write_run(values, about={key: about}, tasks=tasks))
    table = build(run, published=True)
    line = next(one for one in table.rows if one.row.objective.startswith("AKL [Loss"))
    assert line.group == "published" and "not comparable" in line.row.objective
    page = render(run, "text", published=True)
    (akl,) = (row for row in page.splitlines() if row.startswith("AKL [Loss functions, GPT-2"))
    assert "15.6±0.7" in akl
    # Best and second are for our own rows.
    assert not {"¹", "²"} & set(akl)
    assert "not comparable: student GPT-2 120M" in " ".join(page.split())
