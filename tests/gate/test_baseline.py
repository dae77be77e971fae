"""The baseline file: deterministic, checked, and made of runs that prove something."""

import json

import pytest

from akl_bench.errors import UsageError
from akl_bench.gate import baseline
from akl_bench.gate.errors import BaselineError
from akl_bench.gate.policy import Policy
from akl_bench.gate.snapshot import measure


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
    assert read.run == measure(run)
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
    directions = {column.metric: column.direction for column in made.run.columns}
    assert directions == {
        "rouge_l": "higher",
        "distinct_n(n=2)": "higher",
        "length": None,
        "empty_rate": "lower",
        "perplexity": "lower",
    }
    assert [c.metric for c in made.run.columns if c.headline] == ["rouge_l", "perplexity"]


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
        ({"seeds": range(1, 4)}, "akl/tiny: 3 sealed seeds of 10"),
        ({"unsealed": [("akl", 4)]}, "akl/tiny: 9 sealed seeds of 10"),
        ({"seeds": range(1, 13), "unsealed": [("akl", 4)]}, "akl/tiny: 11 sealed seeds of 12"),
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
    assert baseline.read(path).run == measure(run)


def test_fewer_seeds_where_asked_for(make_run, make_rows, tmp_path):
    baseline.create(make_run("main", make_rows((1, 2))), tmp_path / "b.json", min_seeds=2)
    with pytest.raises(UsageError, match="no sealed cell"):
        baseline.create(
            make_run("none", make_rows((1,)), unsealed=[("akl", 1)]),
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


def test_another_schema_says_which(baseline_file):
    content = json.loads(baseline_file.read_text())
    del content["sha256"]
    content["schema_version"] = 99
    content["sha256"] = baseline._sha256(content)
    baseline_file.write_text(json.dumps(content))
    with pytest.raises(BaselineError, match="schema 99; this version reads 1"):
        baseline.read(baseline_file)


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


def test_a_run_of_an_earlier_version_says_so(make_run, make_rows):
    folder = make_run("old", make_rows((1,)))
    rewrite(folder / "run.json", lambda content: content.pop("protocol_fields"))
    with pytest.raises(UsageError, match=r"run.json is damaged or of an earlier version"):
        measure(folder)


def test_cells_of_another_protocol_do_not_count(make_run, make_rows):
    folder = make_run("run", make_rows((1, 2)))
    rewrite(folder / "run.json", lambda content: content.update(protocol="0" * 64))
    (row,) = measure(folder).rows
    assert (row.seeds, row.unsealed) == ((), (1, 2))
