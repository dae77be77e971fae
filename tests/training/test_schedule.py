import pytest

from akl_bench.recipe import TrainingConfig
from akl_bench.training.schedule import learning_rate, resolve_precision, total_steps


def test_learning_rate_by_hand():
    config = TrainingConfig(steps=14, batch_size=1, lr=1.0, min_lr=0.2, warmup_steps=4)
    rates = [learning_rate(config, step, 14) for step in (0, 3, 4, 9, 14)]
    assert rates == pytest.approx([0.25, 1.0, 1.0, 0.6, 0.2])


def test_a_constant_rate_stays_after_its_warm_up():
    config = TrainingConfig(steps=9, batch_size=1, lr=1.0, warmup_steps=2, schedule="constant")
    assert [learning_rate(config, step, 9) for step in (0, 1, 2, 8)] == [0.5, 1, 1, 1]


def test_epochs_are_steps_over_all_examples():
    assert total_steps(TrainingConfig(epochs=2, batch_size=8, lr=1), 21) == 6
    assert total_steps(TrainingConfig(steps=5, batch_size=8, lr=1), 21) == 5
    assert total_steps(TrainingConfig(epochs=0.01, batch_size=8, lr=1), 21) == 1


@pytest.mark.parametrize(
    ("asked", "has_bf16", "given"),
    [
        ("auto", True, "bf16"),
        ("auto", False, "fp32"),
        ("fp32", True, "fp32"),
        ("bf16", False, "bf16"),
    ],
)
def test_auto_is_bf16_only_where_a_gpu_has_it(asked, has_bf16, given):
    config = TrainingConfig(steps=1, batch_size=1, lr=1, precision=asked)
    assert resolve_precision(config, has_bf16=has_bf16) == given
