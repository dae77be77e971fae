"""The baseline file: deterministic, checked, and made of runs that prove something."""

import json

import pytest

from akl_bench.errors import BaselineError, UsageError
from akl_bench.gate import baseline
from akl_bench.gate.policy import Policy
from akl_bench.gate.snapshot import measure
from akl_bench.report.frame import load


def test_the_same_run_gives_the_same_bytes_and_they_read_back(make_run, make_rows, tmp_path):
    run = make_run("main", make_rows(range(1, 11), objectives=("sft", "akl(mu=0.5)")))
    policy = Policy(margins={"rouge_l": 1.0, "*": "5%"})
    made = [
        baseline.create(run, tmp_path / name, policy=policy, design="paired", with_items=False)
        for name in ("a.json", "b.json")
    ]
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    read = baseline.read(tmp_path / "a.json")
    assert read == made[0]
    assert read.run.model_dump() == measure(load(run)).model_dump()
    # The order of margins means something.
    assert list(read.policy.margins) == ["rouge_l", "*"]


def test_it_holds_every_value_of_every_seed(make_run, make_rows, tmp_path):
    rows = make_rows(range(1, 11))
    made = baseline.create(make_run("main", rows), tmp_path / "b.json")
    (row,) = made.run.rows
    assert row.seeds == tuple(range(1, 11))
    for seed, values in rows["akl"].items():
        for column in made.run.columns:
            assert row.by_seed(column)[seed] == values[column.key]
    assert len(set(row.weights)) == 10
    directions = {column.metric: column.higher_is_better for column in made.run.columns}
    assert directions == {
        "rouge_l": True,
        "distinct_n(n=2)": True,
        "length": None,
        "empty_rate": False,
        "perplexity": False,
        "kl_pq": False,
    }
    headlines = [column.metric for column in made.run.columns if column.headline]
    assert headlines == ["rouge_l", "perplexity", "kl_pq"]


def test_a_change_of_one_number_is_a_change_of_one_line(make_run, make_rows, tmp_path):
    rows = make_rows(range(1, 11))
    baseline.create(make_run("one", rows), tmp_path / "a.json")
    rows["akl"][3]["quiz", "rouge_l"] += 0.001
    baseline.create(make_run("two", rows), tmp_path / "b.json")
    one, two = ((tmp_path / name).read_text().splitlines() for name in ("a.json", "b.json"))
    differing = [a for a, b in zip(one, two, strict=True) if a != b]
    assert len(differing) == 2
    assert '"rouge_l": [' in differing[0]
    assert '"sha256"' in differing[1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seeds": range(1, 4)}, "akl/tiny: 3 finished seeds of 10"),
        ({"unfinished": [("akl", 4)]}, "akl/tiny: 9 finished seeds of 10"),
        ({"seeds": range(1, 13), "unfinished": [("akl", 4)]}, "akl/tiny: 11 finished seeds of 12"),
        ({"profile": {"smoke": True}}, "it is a smoke run"),
        ({"profile": {"dry_models": True}}, "it is a dry models run"),
        ({"objectives": ("teacher",)}, "it has no objective"),
    ],
)
def test_a_run_that_proves_little_is_refused_unless_told(
    make_run, make_rows, tmp_path, settings, message
):
    settings = dict(settings)
    seeds = settings.pop("seeds", range(1, 11))
    rows = make_rows(seeds, objectives=settings.pop("objectives", ("akl",)))
    run = make_run("main", rows, **settings)
    path = tmp_path / "b.json"
    with pytest.raises(UsageError) as error:
        baseline.create(run, path)
    assert message in str(error.value)
    assert not path.exists()
    baseline.create(run, path, allow_partial=True)
    assert baseline.read(path).run == measure(load(run))


def test_fewer_seeds_where_asked_for(make_run, make_rows, tmp_path):
    baseline.create(make_run("main", make_rows((1, 2))), tmp_path / "b.json", min_seeds=2)
    with pytest.raises(UsageError, match="no finished cell"):
        baseline.create(
            make_run("none", make_rows((1,)), unfinished=[("akl", 1)]),
            tmp_path / "c.json",
            allow_partial=True,
        )


def rewrite(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_an_edited_baseline_is_refused(baseline_file):
    whole = baseline_file.read_text()
    baseline_file.write_text(whole.replace("0.05", "0.04", 1))
    with pytest.raises(BaselineError, match="sha256 does not match"):
        baseline.read(baseline_file)
    # The order of margins decides which one holds, so it is part of the hash.
    baseline_file.write_text(whole)
    rewrite(baseline_file, lambda content: content.update(design=content.pop("design")))
    with pytest.raises(BaselineError, match="sha256 does not match"):
        baseline.read(baseline_file)


@pytest.mark.parametrize("cut", [0, 1, 100, 1000, -2])
def test_a_cut_baseline_is_refused(baseline_file, cut):
    baseline_file.write_bytes(baseline_file.read_bytes()[:cut])
    with pytest.raises(BaselineError, match="damaged"):
        baseline.read(baseline_file)


@pytest.mark.parametrize("content", ["[]", "3", '{"a": NaN}', "[" * 100_000, "\ufeff{}", "{}"])
def test_what_is_no_baseline_is_refused(baseline_file, content):
    baseline_file.write_text(content)
    with pytest.raises(BaselineError):
        baseline.read(baseline_file)


@pytest.mark.parametrize("schema", [1, 99])
def test_another_schema_says_which_and_what_to_do(baseline_file, schema):
    content = json.loads(baseline_file.read_text())
    del content["sha256"]
    content["schema_version"] = schema
    content["sha256"] = baseline._sha256(content)
    baseline_file.write_text(json.dumps(content))
    with pytest.raises(BaselineError) as error:
        baseline.read(baseline_file)
    assert str(error.value) == (
        f"{baseline_file} is of schema {schema}, this version reads 2: "
        "create it again with `akl-bench baseline create`."
    )


def test_a_hashed_file_of_another_shape_names_the_key(baseline_file):
    content = json.loads(baseline_file.read_text())
    del content["sha256"]
    content["run"]["rows"][0]["seeds"] = "many"
    content["sha256"] = baseline._sha256(content)
    baseline_file.write_text(json.dumps(content))
    with pytest.raises(BaselineError, match=r"run\.rows\.0\.seeds"):
        baseline.read(baseline_file)


def test_no_file_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        baseline.read(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.pop("scores"), r"run\.json is damaged: scores"),
        (lambda content: content.update(schema_version=1), "was written with schema 1"),
    ],
)
def test_a_run_that_cannot_be_read_makes_no_baseline(
    make_run, make_rows, tmp_path, change, message
):
    folder = make_run("old", make_rows((1,)))
    rewrite(folder / "run.json", change)
    with pytest.raises(UsageError, match=message):
        baseline.create(folder, tmp_path / "b.json", allow_partial=True)


def test_cells_with_numbers_out_of_date_do_not_count(make_run, make_rows):
    folder = make_run("run", make_rows((1, 2)))

    def change(content):
        content["scores"]["quiz"]["rouge_l"]["measure"] = "another"

    rewrite(folder / "run.json", change)
    (row,) = measure(load(folder)).rows
    assert (row.seeds, row.unfinished) == ((), (1, 2))


def test_what_columns_and_students_share_is_stored_once(make_run, make_rows):
    rows = make_rows((1, 2), objectives=("teacher", "fkl", "akl"))
    own = {name: {"code.divergence": mark * 64} for name, mark in (("fkl", "1"), ("akl", "2"))}
    run = measure(load(make_run("run", rows, own=own)))
    assert run.protocols["quiz"] == {
        "version": 1,
        "stamps": [],
        "rows": "1" * 64,
        "prompt": "{{ instruction }}",
        "generation.temperature": 1.0,
        "generation.samples": 1,
    }
    rouge = next(column for column in run.columns if column.metric == "rouge_l")
    assert (rouge.protocol, rouge.signature) == ({}, "rouge_l|version:1")
    of_column = {"signature": "rouge_l|version:1", "higher_is_better": True}
    assert run.protocol(rouge) == run.protocols["quiz"] | of_column
    assert run.subject == {
        "data.train": "a" * 64,
        "data.validation": "b" * 64,
        "teacher.content": "c" * 64,
        "training.steps": 3,
        "training.lr": 0.1,
        "code.training": "d" * 64,
    }
    assert [row.own for row in run.rows] == [
        {},
        {"code.divergence": "1" * 64},
        {"code.divergence": "2" * 64},
    ]
    assert run.libraries == {"python": "3.11.7", "torch": "2.13.0"}
    assert [str(kind) for kind in run.environments] == ["device cpu, machine x86_64, threads 1"]
