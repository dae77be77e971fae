"""Which seeds are compared, what is called significant, and what several runs may share."""

import csv
import io
import json

import pytest
from scipy import stats

from akl_bench.errors import UsageError
from akl_bench.report import frame
from akl_bench.report.compare import (
    MODERATED,
    PAIRED,
    WELCH,
    RowTests,
    baseline_of,
    compare,
    leaders,
)
from akl_bench.report.layout import build
from akl_bench.report.parts import BETTER, WORSE
from akl_bench.report.table import render
from akl_bench.statistics import moderated_t, prior, smallest_detectable

ROUGE, KL = ("open_test", "rouge_l"), ("fidelity", "kl_pq")
SFT = {ROUGE: [0.20, 0.21, 0.22, 0.20], KL: [0.50, 0.52, 0.51, 0.50]}
# Half of sft's divergence is better; half of its ROUGE-L is worse.
GOOD = {ROUGE: [0.40, 0.42, 0.43, 0.41], KL: [0.25, 0.26, 0.26, 0.24]}
BAD = {ROUGE: [0.10, 0.11, 0.10, 0.12], KL: [0.90, 0.91, 0.94, 0.90]}
SHORT = {ROUGE: [0.20, 0.21, 0.23], KL: [0.50, 0.51, 0.52]}


def loaded(write_run, values, **options):
    return frame.load(write_run(values, seeds=4, **options))


def test_p_values_are_scipy_s_and_holm_s(write_run):
    run = loaded(write_run, {"sft": SFT, "good": GOOD, "short": SHORT})
    made = compare(run, run.shown, "sft", RowTests.of(run, run.shown, "sft"))
    by_hand = [
        stats.ttest_rel(GOOD[ROUGE], SFT[ROUGE]).pvalue,
        stats.ttest_rel(GOOD[KL], SFT[KL]).pvalue,
        stats.ttest_ind(SHORT[ROUGE], SFT[ROUGE], equal_var=False).pvalue,
        stats.ttest_ind(SHORT[KL], SFT[KL], equal_var=False).pvalue,
    ]
    assert [c.p for c in made.values()] == pytest.approx(by_hand, rel=1e-9)
    assert [c.test for c in made.values()] == [PAIRED, PAIRED, WELCH, WELCH]
    ordered = sorted(by_hand)
    steps = [4 * ordered[0], 3 * ordered[1], 2 * ordered[2], ordered[3]]
    adjusted = [min(1.0, max(steps[: i + 1])) for i in range(4)]
    assert sorted(c.p_holm for c in made.values()) == pytest.approx(adjusted, rel=1e-9)


def more_rows():
    """Six further objectives, so that the table has a prior."""
    return {
        f"more{i}": {
            key: [value + 0.001 * ((7 * s + 3 * i) % 5) for s, value in enumerate(SFT[key])]
            for key in (ROUGE, KL)
        }
        for i in range(6)
    }


def test_with_enough_objectives_the_test_is_moderated_by_the_prior_of_the_whole_table(write_run):
    values = {"sft": SFT, "good": GOOD, **more_rows()}
    run = loaded(write_run, values)
    made = compare(run, run.shown, "sft", RowTests.of(run, run.shown, "sft"))
    names = list(values)
    known = prior([[values[name][key] for name in names] for key in (ROUGE, KL)])
    assert known.df == 5 / 4
    for (row, *key), one in made.items():
        assert one.test == MODERATED
        at = (ROUGE, KL).index(tuple(key)), names.index(row.objective), 0
        sides = values[row.objective][tuple(key)], SFT[tuple(key)]
        test = moderated_t(*sides, known.variance_CRR[at], known.df)
        assert one.p == pytest.approx(test.p, rel=1e-9)
        # One meaning of "detectable": this test's standard error, at the level of the adjusted p.
        least = smallest_detectable(test.se, test.df, alpha=0.05 / 14)
        assert one.detectable == pytest.approx(least, rel=1e-9)


def test_a_row_that_lost_everything_in_every_seed_is_marked(write_run):
    # 0 in each seed, and a baseline whose seeds agree: the differences have no spread at all.
    same = {ROUGE: [0.54] * 4, KL: [0.5] * 4}
    lost = {ROUGE: [0.0] * 4, KL: [3.6, 3.9, 3.5, 3.7]}
    run = loaded(write_run, {"sft": same, "lost": lost, **more_rows()})
    made = compare(run, run.shown, "sft", RowTests.of(run, run.shown, "sft"))
    assert all(made[(frame.Row("lost", "tiny"), *key)].significant for key in (ROUGE, KL))


def test_all_that_are_not_told_apart_from_the_best_are_marked(write_run):
    near = {ROUGE: [0.41, 0.42, 0.42, 0.41], KL: GOOD[KL]}
    run = loaded(write_run, {"sft": SFT, "good": GOOD, "near": near, **more_rows()})
    tests = RowTests.of(run, run.shown, None)
    rouge, kl = run.shown
    assert {row.objective for row in leaders(run.rows, rouge, tests)} == {"good", "near"}
    assert {row.objective for row in leaders(run.rows, kl, tests)} == {"good", "near"}
    # Nothing is told apart among rows that differ by less than their spread.
    alike = [row for row in run.rows if row.objective in ("more0", "more5")]
    assert leaders(alike, rouge, tests) == set()


def test_daggers_follow_the_metric_s_direction(write_run):
    table = build(loaded(write_run, {"sft": SFT, "good": GOOD, "bad": BAD}))
    marks = {line.row.objective: [c.mark for c in line.cells[:2]] for line in table.rows}
    assert marks == {"good": [BETTER, BETTER], "sft": ["", ""], "bad": [WORSE, WORSE]}
    note = "\n".join(table.notes)
    for part in ("worse than sft", "paired t-test", "Holm's correction over the 4", "alpha 0.05"):
        assert part in note


def test_one_seed_is_shown_and_never_significant(write_run):
    one = {name: {ROUGE: [value]} for name, value in (("sft", 0.1), ("good", 0.9))}
    page = render(frame.load(write_run(one, seeds=1)), "text")
    assert "90.0" in page and "one seed" in page
    assert BETTER not in page and WORSE not in page and "t-test" not in page


def test_another_baseline_goes_by_name_alias_or_part_of_its_spec(write_run):
    values = {
        "sft": SFT,
        "forward_kl": GOOD,
        "adaptive_kl(mu=0.5)": BAD,
        "adaptive_kl(mu=0.7)": BAD,
    }
    run = loaded(write_run, values)
    assert baseline_of(run, "fkl") == "forward_kl"
    assert baseline_of(run, "akl(mu=0.7)") == "adaptive_kl(mu=0.7)"
    with pytest.raises(UsageError, match=r"could be any of adaptive_kl.mu=0.5"):
        baseline_of(run, "akl")
    with pytest.raises(UsageError, match=r"Available: .*forward_kl"):
        baseline_of(run, "rkl")
    table = build(run, baseline="fkl")
    assert table.baseline == "forward_kl"
    assert {c.baseline.objective for c in table.comparisons.values()} == {"forward_kl"}


def test_a_run_without_sft_says_how_to_name_a_baseline(write_run):
    table = build(loaded(write_run, {"good": GOOD, "bad": BAD}))
    assert table.baseline is None and not table.comparisons
    assert any("--baseline" in note for note in table.notes)


def test_students_are_compared_with_their_own_baseline(write_run):
    run = loaded(write_run, {"sft": SFT, "good": GOOD}, students=("big", "one_layer"))
    made = compare(run, run.shown, "sft", RowTests.of(run, run.shown, "sft"))
    assert {(row.student, c.baseline.student) for (row, *_), c in made.items()} == {
        ("big", "big"),
        ("one_layer", "one_layer"),
    }


def test_intervals_come_from_examples_where_their_mean_is_the_value(write_full_run):
    run = frame.load(write_full_run(shifts={"forward_kl": 0.2}, examples=30))
    made = compare(run, run.shown, "sft", RowTests.of(run, run.shown, "sft"), detailed=True)
    by_example = made[frame.Row("forward_kl", "one_layer"), "micro_test", "validity"].evidence
    assert sum(by_example.record) == 30  # one vote per example
    assert by_example.low < by_example.difference < by_example.high
    assert 0.1 < by_example.difference < 0.3
    by_seed = made[frame.Row("forward_kl", "one_layer"), "micro_fidelity", "kl_pq"].evidence
    assert sum(by_seed.record) == 3


def test_a_changed_score_file_is_refused_and_an_absent_one_is_not_missed(write_full_run):
    folder = write_full_run(examples=3)
    (path,) = folder.glob("cells/sft-one_layer-s1-*/scores/micro_test/validity/rows.jsonl")
    path.write_text(path.read_text().replace("test-00001", "test-99999"))
    with pytest.raises(UsageError, match=f"{path} is not what was sealed"):
        render(frame.load(folder), "json")
    (cell,) = (cell for cell in frame.load(folder).cells if cell.broken())
    assert (cell.record.label, cell.broken()) == (
        "sft, one_layer, seed 1",
        ["scores/micro_test/validity/rows.jsonl"],
    )
    path.unlink()
    json.loads(render(frame.load(folder), "json"))


def test_csv_and_json_agree_on_every_comparison(write_full_run):
    run = frame.load(write_full_run(shifts={"adaptive_kl(mu=0.5)": 0.3}))
    rows = list(csv.DictReader(io.StringIO(render(run, "csv"))))
    compared = [row for row in rows if row["baseline"]]
    content = json.loads(render(run, "json"))["comparisons"]
    directed = sum(column.higher_is_better is not None for column in run.shown)
    assert len(compared) == len(content) == 3 * directed
    for entry in content:
        (row,) = (
            r
            for r in compared
            if (r["objective"], r["task"], r["metric"])
            == (entry["objective"], entry["task"], entry["metric"])
        )
        assert float(row["p_holm"]) == pytest.approx(entry["p_holm"])
        assert row["significant"] == str(entry["significant"])


class TestSeveralRuns:
    def test_rows_carry_the_run_s_name_and_references_come_once(self, write_full_run):
        one = write_full_run(["sft", "forward_kl"], name="one")
        two = write_full_run(["forward_kl"], name="two")
        table = build(frame.load(one, two))
        assert table.heads == ["objective", "run"]
        rows = [(line.row.objective, line.row.run) for line in table.rows]
        assert rows.count(("teacher", "one")) == 1 and ("teacher", "two") not in rows
        assert {("forward_kl", "one"), ("forward_kl", "two"), ("sft", "one")} <= set(rows)
        # The second run has no sft; the first one's is its baseline.
        assert {c.baseline.run for c in table.comparisons.values()} == {"one"}
        assert "two" in render(frame.load(one, two), "csv")

    def test_numbers_of_another_protocol_are_left_out_with_the_reason(self, write_full_run):
        one = write_full_run(["sft"], name="one")
        changed = {"micro_test": {"prompt": "p" * 64, "task": "micro_test", "rows": 9}}
        two = write_full_run(["forward_kl"], name="two", protocols=changed)
        both = frame.load(one, two)
        (other,) = (row for row in both.rows if row.run == "two")
        columns = {key[1:] for key in both.seed_values() if key[0] == other}
        assert columns == {c.key for c in both.measured if c.task != "micro_test"}
        table = build(both)
        (line,) = (line for line in table.rows if line.row == other)
        shown = dict(zip(table.columns, line.cells, strict=True))
        assert {c.task for c, cell in shown.items() if cell.mean is None} == {"micro_test"}
        assert not [key for key in table.comparisons if key[1] == "micro_test"]
        assert line.seeds == "3/3" and "(seeds" not in render(both, "text")
        reasons = [note for note in table.notes if "left out" in note]
        assert reasons == [
            "micro_test validity, coverage, distinct_n(n=2), length "
            f"of {two} is left out because it was measured differently: rows: absent -> 9"
        ]
        rows = json.loads(render(both, "json"))
        assert not [v for v in rows["values"] if (v["run"], v["task"]) == ("two", "micro_test")]
        assert reasons == [note for note in rows["notes"] if "left out" in note]

    def test_runs_without_a_comparable_number_are_refused_with_what_differs(self, write_full_run):
        def protocols(prompt):
            tasks = ("micro_test", "micro_open", "micro_agreement", "micro_fidelity")
            return {task: {"prompt": prompt, "lengths": [1, 2], "same": 0} for task in tasks}

        one = write_full_run(name="one", protocols=protocols("a"))
        two = write_full_run(name="two", protocols=protocols("b"))
        with pytest.raises(UsageError) as caught:
            frame.load(one, two)
        message = str(caught.value)
        assert f"{two} has no number that is comparable with those of the runs before" in message
        assert "prompt: a -> b" in message
        assert "lengths" not in message and "same" not in message

    def test_two_folders_of_one_name_go_by_their_paths(self, write_full_run):
        one, two = write_full_run(["sft"]), write_full_run(["forward_kl"])
        assert {row.run for row in frame.load(one, two).rows} == {str(one), str(two)}
