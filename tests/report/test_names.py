"""Short names of objectives and of a sweep's axes."""

import pytest

from akl_bench import divergences
from akl_bench.artifacts.cells import Row
from akl_bench.report.names import axis_names, axis_order, short_names


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("adaptive_kl(mu=0.5)", "adaptive_kl"),
        ("adaptive_kl(mu=0.7)", "adaptive_kl(mu=0.7)"),
        ("adaptive_kl(mu=0.5, variant=taid)", "adaptive_kl(variant=taid)"),
        ("taid(t_start=0.4, t_end=1, alpha=0.0005, beta=0.99)", "taid"),
        ("taid(t_start=0.2, t_end=1, alpha=0.0005, beta=0.99)", "taid(t_start=0.2)"),
        ("adaptive_kl(mu=0.5)@seqkd(temperature=1)", "adaptive_kl@seqkd(temperature=1)"),
        ("sft", "sft"),
        ("my_own(weight=1)", "my_own(weight=1)"),  # nobody knows its defaults without loading it
        ("me/my model @v2", "me/my model @v2"),
        ("a(x='b@c')", "a(x='b@c')"),
    ],
)
def test_only_parameters_other_than_the_defaults_are_shown(spec, name):
    assert short_names([spec]) == {spec: name}


def test_objectives_that_differ_in_parameters_keep_all_of_theirs():
    specs = ["adaptive_kl(mu=0.5)", "adaptive_kl(mu=0.7)", "renyi(alpha=0.5)"]
    assert [*short_names(specs).values()] == [*specs[:2], "renyi"]
    # Another source is told apart by its name.
    specs = ["adaptive_kl(mu=0.5)", "adaptive_kl(mu=0.5)@seqkd(temperature=1)"]
    assert [*short_names(specs).values()] == ["adaptive_kl", "adaptive_kl@seqkd(temperature=1)"]


@pytest.mark.parametrize("name", divergences.names())
def test_every_divergence_as_it_comes_goes_by_its_name(name):
    spec = divergences.registry.spec_of(divergences.get(name))
    assert short_names([spec]) == {spec: name}


def test_an_axis_goes_by_the_last_part_of_its_key_where_that_is_its_own():
    one = Row("sft", "", axes=(("training.steps", "3"), ("data.train.rows", "9")))
    other = Row("sft", "", axes=(("data.validation.rows", "9"), ("training.seeds", "1")))
    assert axis_names([one, other], ["seeds"]) == {
        "training.steps": "steps",
        "data.train.rows": "data.train.rows",
        "data.validation.rows": "data.validation.rows",
        "training.seeds": "training.seeds",
    }


def test_points_of_a_sweep_are_ordered_as_numbers_where_they_are_some():
    rows = [Row("sft", "", axes=(("k", text),)) for text in ("1000", "b", "30", "a", "1e-3")]
    ordered = sorted(rows, key=axis_order)
    assert [dict(row.axes)["k"] for row in ordered] == ["1e-3", "30", "1000", "a", "b"]
