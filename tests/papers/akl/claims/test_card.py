"""The rules that turn an interval into a verdict."""

import math

import pytest

from akl_bench import divergences
from akl_bench.papers.akl.claims.card import Card, Part, Verdict, lies, shown, weakest
from akl_bench.papers.akl.objectives import SHORT
from akl_bench.statistics import Difference, Summary

YES, NO, OPEN, UNTESTED = Verdict.SUPPORTED, Verdict.REFUTED, Verdict.OPEN, Verdict.UNTESTED


@pytest.mark.parametrize(
    ("low", "high", "is_below", "is_above", "is_inside"),
    [
        (-0.9, 0.9, YES, NO, YES),
        (-1.5, -1.1, YES, NO, NO),
        (-1.5, 0.0, YES, NO, OPEN),
        (0.5, 1.5, OPEN, OPEN, OPEN),
        (1.1, 1.5, NO, YES, NO),
        (None, None, OPEN, OPEN, OPEN),
    ],
)
def test_an_interval_against_one(low, high, is_below, is_above, is_inside):
    for interval in (Summary(2, 0.0, 0.0, low, high), Difference(0.0, low, high)):
        assert lies(interval, below=1) is is_below
        assert lies(interval, above=1) is is_above
        assert lies(interval, above=-1, below=1) is is_inside


@pytest.mark.parametrize(
    ("parts", "card"),
    [
        ([YES, YES], YES),
        ([YES, OPEN], OPEN),
        ([YES, OPEN, NO], NO),
        ([YES, UNTESTED], YES),
        ([UNTESTED], UNTESTED),
        ([], UNTESTED),
    ],
)
def test_a_card_is_as_weak_as_its_weakest_tested_setting(parts, card):
    assert Card(1, "x", "y", [Part("s", verdict, "w") for verdict in parts]).verdict is card


def test_the_weakest_decides():
    assert (weakest([YES, YES]), weakest([YES, OPEN]), weakest([OPEN, NO])) == (YES, OPEN, NO)


def test_an_interval_is_shown_where_there_is_one():
    assert shown(Summary(1, 1.234, None, None, None)) == "1.23"
    assert shown(Difference(0.5, 0.25, 0.75), ".0%") == "50% [25%, 75%]"
    assert shown(Summary(2, 0.0, 1.0, -math.log(2), math.log(2)), unit=math.exp) == (
        "1.00 [0.50, 2.00]"
    )


def test_the_objectives_are_the_registry_s_own_names():
    assert [divergences.registry.spec_of(divergences.get(name)) for name in SHORT] == list(SHORT)
