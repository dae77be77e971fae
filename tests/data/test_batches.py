import itertools

import torch
from hypothesis import given
from hypothesis import strategies as st

from akl_bench.data.batches import collate, length_batches, step_rows
from akl_bench.data.examples import Example

PAD = 99
# Three examples by hand; response tokens end with 1, and lie in the cache at rows 0-1, 2, 3-5.
A = Example("a", (10, 11), (12, 1), 0)
B = Example("b", (20,), (1,), 2)
C = Example("c", (30, 31, 32), (33, 34, 1), 3)


def test_collate_by_hand():
    batch = collate([C, A], PAD)
    # The last response token predicts nothing, so it is no input.
    assert batch.input_ids_BT.tolist() == [[30, 31, 32, 33, 34], [10, 11, 12, PAD, PAD]]
    # The state at the last prompt token predicts the first response token.
    assert batch.positions_N.tolist() == [2, 3, 4, 5 + 1, 5 + 2]
    assert batch.labels_N.tolist() == [33, 34, 1, 12, 1]
    assert batch.cache_rows_N.tolist() == [3, 4, 5, 0, 1]
    assert all(t.dtype == torch.int64 for t in vars(batch).values())


def test_a_response_of_one_token_is_predicted_from_the_prompt_alone():
    batch = collate([B], PAD)
    assert batch.input_ids_BT.tolist() == [[20]]
    assert (batch.positions_N.tolist(), batch.labels_N.tolist()) == ([0], [1])


def test_an_example_in_no_cache_has_rows_that_nothing_can_read():
    batch = collate([Example("new", (20,), (21, 1)), A], PAD)
    assert batch.cache_rows_N.tolist() == [-1, -1, 0, 1]
    assert batch.cache_rows_N.dtype == torch.int64


def test_each_label_follows_its_position_in_the_sequence():
    batch = collate([A, B, C], PAD)
    inputs = batch.input_ids_BT.flatten()
    inside = batch.labels_N != 1
    assert torch.equal(inputs[batch.positions_N[inside] + 1], batch.labels_N[inside])


@given(n=st.integers(1, 40), batch_size=st.integers(1, 50), seed=st.integers(0, 9))
def test_every_example_comes_once_per_epoch_in_full_batches(n, batch_size, seed):
    steps = -(-3 * n // batch_size)
    batches = [step_rows(n, batch_size, step, seed) for step in range(steps)]
    assert {len(batch) for batch in batches} == {batch_size}
    seen = list(itertools.chain.from_iterable(batches))
    for epoch in range(3):
        assert sorted(seen[epoch * n : (epoch + 1) * n]) == list(range(n))


def test_epochs_and_seeds_differ_in_order_and_a_step_needs_no_history():
    first, second = (step_rows(50, 50, step, 1) for step in (0, 1))
    assert first != second and first != sorted(first)
    assert step_rows(50, 50, 0, 2) != first
    assert step_rows(50, 25, 3, 1) == second[25:]


def test_length_batches_hold_all_examples_longest_first():
    assert length_batches([A, B, C], 2) == [[C, A], [B]]


def test_of_equal_length_the_first_comes_first():
    same = [Example(name, (1,), (2, 3)) for name in "xyz"]
    assert length_batches([*same, C], 3) == [[C, *same[:2]], [same[2]]]
