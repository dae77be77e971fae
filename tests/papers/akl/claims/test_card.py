"""The rules that turn an interval into a verdict."""

import pytest

from akl_bench import divergences
from akl_bench.papers.akl.claims.card import (
    SHORT,
    Card,
    Part,
    Verdict,
    above,
    below,
    both,
    inside,
    shown,
)

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
    assert below(low, high, 1) is is_below
    assert above(low, high, 1) is is_above
    assert inside(low, high, 1) is is_inside


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


def test_both():
    assert (both([YES, YES]), both([YES, OPEN]), both([OPEN, NO])) == (YES, OPEN, NO)


def test_an_interval_is_shown_where_there_is_one():
    assert shown(1.234, None, None) == "1.23"
    assert shown(0.5, 0.25, 0.75, ".0%") == "50% [25%, 75%]"


def test_the_objectives_are_the_registry_s_own_names():
    assert [divergences.registry.spec_of(divergences.get(name)) for name in SHORT] == list(SHORT)
