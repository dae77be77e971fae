import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from akl_bench.data.batches import Encoded, collate, encode, length_batches, step_rows
from akl_bench.data.prompts import Prompt
from akl_bench.data.records import Record
from akl_bench.errors import DataError

PAD = 99
# Three examples by hand; response tokens end with 1, and lie in the cache at rows 0-1, 2, 3-5.
ENCODED = Encoded(
    ids=("a", "b", "c"),
    prompts=((10, 11), (20,), (30, 31, 32)),
    responses=((12, 1), (1,), (33, 34, 1)),
    offsets=(0, 2, 3),
    dropped=0,
)


class _Words:
    """One token per word: its length."""

    eos_token_id = 1

    def __call__(self, text, add_special_tokens):
        assert not add_special_tokens
        return {"input_ids": [len(word) for word in text.split()]}


def test_collate_by_hand():
    batch = collate(ENCODED, [2, 0], PAD)
    # The last response token predicts nothing, so it is no input.
    assert batch.input_ids_BT.tolist() == [[30, 31, 32, 33, 34], [10, 11, 12, PAD, PAD]]
    assert batch.attention_mask_BT.tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]
    # The state at the last prompt token predicts the first response token.
    assert batch.positions_N.tolist() == [2, 3, 4, 5 + 1, 5 + 2]
    assert batch.labels_N.tolist() == [33, 34, 1, 12, 1]
    assert batch.cache_rows_N.tolist() == [3, 4, 5, 0, 1]
    assert all(t.dtype == torch.int64 for t in vars(batch).values())


def test_a_response_of_one_token_is_predicted_from_the_prompt_alone():
    batch = collate(ENCODED, [1], PAD)
    assert batch.input_ids_BT.tolist() == [[20]]
    assert (batch.positions_N.tolist(), batch.labels_N.tolist()) == ([0], [1])


def test_each_label_follows_its_position_in_the_sequence():
    batch = collate(ENCODED, [0, 1, 2], PAD)
    inputs = batch.input_ids_BT.flatten()
    inside = batch.labels_N != 1
    assert torch.equal(inputs[batch.positions_N[inside] + 1], batch.labels_N[inside])


def test_encode_appends_the_end_and_leaves_out_what_is_too_long():
    records = [
        Record("fits", "a bb", "", ("ccc", "not learnt")),
        Record("long prompt", "a bb ccc", "", ("a",)),
        Record("long response", "a", "", ("a bb",)),
        Record("exact", "a", "", ("a",)),
    ]
    found = encode(
        records, Prompt("{{ instruction }}"), _Words(), max_prompt_tokens=2, max_response_tokens=2
    )
    assert found.ids == ("fits", "exact")
    assert found.prompts == ((1, 2), (1,))
    assert found.responses == ((3, 1), (1, 1))
    assert (found.offsets, found.dropped, found.response_tokens) == ((0, 2), 2, 4)


def test_encode_refuses_when_nothing_fits():
    with pytest.raises(DataError, match="none of 1 records fits"):
        encode(
            [Record("a", "a b", "", ("c",))],
            Prompt("{{ instruction }}"),
            _Words(),
            max_prompt_tokens=1,
            max_response_tokens=9,
        )


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
    assert length_batches(ENCODED, 2) == [[2, 0], [1]]
