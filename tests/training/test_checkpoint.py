import torch

from akl_bench.training import checkpoint


def test_two_newest_checkpoints_are_kept(tmp_path, new_student):
    student = new_student()
    optimizer = torch.optim.AdamW(student.parameters())
    for step in (10, 20, 30):
        checkpoint.save(tmp_path, step, student, optimizer, None, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000020", "step-00000030"]
