import re

import pytest

from akl_bench import axes, config
from akl_bench.errors import UsageError


def test_an_axis_is_a_key_that_decides_the_student_and_its_values():
    points = axes.points(["training.steps=300,1000", "training.lr=1e-3,tuned"])
    assert points == [
        {"training.steps": steps, "training.lr": lr}
        for steps in (300, 1000)
        for lr in ("1e-3", "tuned")
    ]
    assert axes.points([]) == [{}]
    profile = axes.at(config.load("micro"), points[2])
    assert (profile.training.steps, profile.training.lr) == (1000, 0.001)


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ("training.steps=3", "write it once"),
        ("training.steps", "write it once"),
        ("tasks.micro_test.generation.temperature=1,2", "could not be compared in one table"),
        ("prompt=a,b", "could not be compared"),
        ("training.precision=fp32,bf16", "could not be compared"),
        ("training.steps=3,3", "values that differ"),
    ],
)
def test_an_axis_that_cannot_be_is_refused(sweep, said):
    with pytest.raises(UsageError, match=re.escape(said)):
        axes.points([sweep])


def test_a_point_that_a_profile_cannot_have_names_the_sweep():
    with pytest.raises(UsageError, match=r"--sweep training.steps=0: training.steps: Input should"):
        axes.at(config.load("micro"), {"training.steps": 0})


def test_a_smoke_run_has_no_axes():
    with pytest.raises(UsageError, match="--smoke and --sweep do not go together"):
        axes.at(config.load("micro", smoke=True), {"training.steps": 3})
