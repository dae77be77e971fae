from akl_bench.data.examples import Example
from akl_bench.training.sources import registry
from akl_bench.training.sources.base import StepKey

ROWS = [Example("a", (1,), (2, 3), 0), Example("b", (4,), (3,), 2)]


def test_fixed_is_the_data_set_as_it_is():
    fixed = registry.create("fixed")
    assert fixed.needs == frozenset()
    assert fixed.prepare(ROWS, None) == ROWS
    assert fixed.examples(StepKey(1, 2), ROWS, None, fixed.initial_state()) == ROWS
    assert fixed.next_state(fixed.initial_state(), -3.0) == {}
