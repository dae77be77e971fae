"""Cached and live teachers are one teacher."""

import numpy as np
import torch

from akl_bench.data.batches import collate, length_batches
from akl_bench.divergences import get
from akl_bench.models.heads import output_head
from akl_bench.training.loop import Learner
from akl_bench.training.objective import Objective
from akl_bench.training.teachers import registry
from akl_bench.training.teachers.cached import _BATCH


def whole(logits):
    return logits.chunk(slice(0, logits.rows)).clone()


def test_only_the_cached_one_has_a_cache():
    assert {name: registry.create(name).has_cache for name in registry.names()} == {
        "cached": True,
        "live": False,
    }


def test_cached_and_live_give_one_loss_and_one_gradient(
    opened, examples, teacher, new_student, tokenizer
):
    batch = collate([examples[i] for i in (3, 30, 11, 4, 8)], tokenizer.pad_token_id)
    losses, gradients = {}, {}
    for spec in ("cached", "live"):
        student = new_student()
        learner = Learner(student, Objective(get("akl")), len(tokenizer), tokenizer.pad_token_id)
        loss = learner.loss(
            batch, opened(spec, teacher, examples), total_tokens=len(batch.labels_N)
        ).loss
        loss.backward()
        losses[spec] = loss.item()
        gradients[spec] = torch.cat([p.grad.flatten() for p in student.parameters()])
    assert losses["cached"] > 0
    np.testing.assert_allclose(losses["cached"], losses["live"], rtol=1e-6)
    difference = (gradients["cached"] - gradients["live"]).norm() / gradients["live"].norm()
    assert difference < 1e-6


def test_cached_and_live_are_equal_to_the_bit_on_one_composition_of_a_batch(
    opened, examples, teacher, tokenizer
):
    cached, live = (opened(spec, teacher, examples) for spec in ("cached", "live"))
    for rows in length_batches(examples, _BATCH):
        batch = collate(rows, tokenizer.pad_token_id)
        assert torch.equal(whole(cached.logits(batch)), whole(live.logits(batch)))


def test_a_cached_state_predicts_the_token_that_follows(opened, examples, teacher, tokenizer):
    example = examples[9]
    batch = collate([example], tokenizer.pad_token_id)
    mine_NV = whole(opened("cached", teacher, examples).logits(batch))
    with torch.no_grad():
        logits_TV = teacher(torch.tensor([example.prompt + example.response])).logits[0]
    first = len(example.prompt) - 1
    expected_NV = logits_TV[first : first + len(example.response)]
    torch.testing.assert_close(mine_NV, expected_NV, rtol=1e-4, atol=1e-5)


def test_bfloat16_states_are_kept_bit_for_bit(opened, examples, teacher, tokenizer):
    half = type(teacher)(teacher.config).to(torch.bfloat16).eval()
    cached, live = (opened(spec, half, examples) for spec in ("cached", "live"))
    batch = collate(length_batches(examples, _BATCH)[0], tokenizer.pad_token_id)
    logits = cached.logits(batch)
    assert logits._inputs[0].dtype == output_head(half)[0].dtype == torch.bfloat16
    assert torch.equal(whole(logits), whole(live.logits(batch)))
    # Padding to another width changes a bf16 product by a rounding, hence not all bits.
    batch = collate(examples, tokenizer.pad_token_id)
    close = whole(cached.logits(batch)), whole(live.logits(batch))
    torch.testing.assert_close(*close, rtol=2e-2, atol=2e-2)


def test_what_is_done_of_a_cache_is_told(tmp_path, examples, teacher, tokenizer):
    told = []
    registry.create("cached").fill(
        teacher,
        examples,
        tmp_path,
        pad_id=tokenizer.pad_token_id,
        progress=lambda *done: told.append(done),
    )
    assert told == [(_BATCH, len(examples)), (len(examples), len(examples))]
