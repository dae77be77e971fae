import numpy as np
import torch

from akl_bench.data.batches import collate
from akl_bench.divergences import get
from akl_bench.models.heads import body, output_head
from akl_bench.training.objective import Head, Objective
from akl_bench.training.teacher_states import CachedTeacher, LiveTeacher, write_cache


def test_cached_and_live_teacher_give_one_loss_and_one_gradient(
    tmp_path, encoded, teacher, new_student, tokenizer
):
    write_cache(tmp_path / "c", teacher, encoded, pad_id=tokenizer.pad_token_id, batch_size=7)
    batch = collate(encoded, [3, 30, 11, 4, 8], tokenizer.pad_token_id)
    teacher_head = Head(output_head(teacher)[0].detach())
    found = {}
    for name, states in {
        "cached": CachedTeacher(tmp_path / "c"),
        "live": LiveTeacher(teacher),
    }.items():
        student = new_student()
        hidden_BTD = body(student)(batch.input_ids_BT, batch.attention_mask_BT)
        loss = Objective(get("akl"))(
            hidden_BTD.flatten(0, 1)[batch.positions_N],
            Head(output_head(student)[0]),
            batch.labels_N,
            states.hidden(batch),
            teacher_head,
            total_tokens=len(batch.labels_N),
        ).loss
        loss.backward()
        gradients = [p.grad.flatten() for p in student.parameters()]
        found[name] = (loss.item(), torch.cat(gradients))
    assert found["cached"][0] > 0
    np.testing.assert_allclose(found["cached"][0], found["live"][0], rtol=1e-6)
    difference = (found["cached"][1] - found["live"][1]).norm() / found["live"][1].norm()
    assert difference < 1e-6


def test_a_cached_state_predicts_the_token_that_follows(tmp_path, encoded, teacher, tokenizer):
    write_cache(tmp_path / "c", teacher, encoded, pad_id=tokenizer.pad_token_id, batch_size=16)
    row = 9
    batch = collate(encoded, [row], tokenizer.pad_token_id)
    cached_ND = CachedTeacher(tmp_path / "c").hidden(batch)
    sequence = torch.tensor([encoded.prompts[row] + encoded.responses[row]])
    with torch.no_grad():
        logits_TV = teacher(sequence).logits[0]
        mine_NV = cached_ND @ output_head(teacher)[0].T
    first = len(encoded.prompts[row]) - 1
    expected_NV = logits_TV[first : first + len(encoded.responses[row])]
    torch.testing.assert_close(mine_NV, expected_NV, rtol=1e-4, atol=1e-5)


def test_bfloat16_states_are_kept_bit_for_bit(tmp_path, encoded, teacher, tokenizer):
    half = type(teacher)(teacher.config).to(torch.bfloat16).eval()
    write_cache(tmp_path / "c", half, encoded, pad_id=tokenizer.pad_token_id, batch_size=40)
    batch = collate(encoded, list(range(len(encoded))), tokenizer.pad_token_id)
    cached_ND = CachedTeacher(tmp_path / "c").hidden(batch)
    assert cached_ND.dtype == torch.bfloat16
    # Padding to another width changes a bf16 product by a rounding, hence not all bits.
    torch.testing.assert_close(cached_ND, LiveTeacher(half).hidden(batch), rtol=2e-2, atol=2e-2)
