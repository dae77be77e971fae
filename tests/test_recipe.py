"""The settings of training: learning rates, trials, adapters, budget."""

import pytest

from akl_bench import config
from akl_bench.errors import UsageError
from akl_bench.recipe import TrainingConfig, Tuning


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("training.lr=", "training.lr: expected a number above 0, or tuned; got ''"),
        ("training.lr=nan", "training.lr: expected a number above 0, or tuned; got 'nan'"),
        ("training.lr=1e999", "training.lr: expected a number above 0, or tuned"),
        ("training.lr=-1", "training.lr: expected a number above 0, or tuned; got -1"),
        ("training.steps=1.5", "training.steps: Input should be a valid integer"),
        ("training.epochs=1", "give steps or epochs, one of the two"),
        ("training.betas=[0.9, 1]", "training.betas.1: Input should be less than 1"),
        ("training.select=rouge", "training.select: Input should be 'best'"),
        ("training.lora.rank=0", "training.lora.rank: Input should be greater than or equal to 1"),
        ("training.lora.dropout=0.1", "lora.dropout needs dropout: true"),
        ("tuning.start=0", "tuning.start: Input should be greater than 0"),
        ("tuning.trials=0", "tuning.trials: Input should be greater than or equal to 1"),
        ("tuning.seeds=[]", "tuning.seeds: Tuple should have at least 1 item"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_key(setting, said):
    with pytest.raises(UsageError) as caught:
        config.load("micro", [setting])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("lr", ["tuned", 1e-4, 1])
def test_a_learning_rate_is_a_number_or_tuned(lr):
    assert TrainingConfig(steps=1, batch_size=1, lr=lr).lr == lr


def test_a_rate_written_as_text_is_a_number():
    # YAML 1.1 reads 1e-4, without a point, as text.
    assert TrainingConfig(steps=1, batch_size=1, lr="1e-4").lr == 1e-4


def test_adapters_drop_inputs_where_dropout_is_on():
    training = TrainingConfig(
        steps=1, batch_size=1, lr=0.1, dropout=True, lora={"rank": 4, "dropout": 0.1}
    )
    assert (training.lora.rank, training.lora.alpha, training.lora.dropout) == (4, 32, 0.1)
    assert training.lora.modules == "all-linear"


def test_the_seed_of_trials_is_none_that_a_run_would_take():
    assert not {*Tuning(start=0.1).seeds} & {*config.load("micro", seeds=20).seeds}
