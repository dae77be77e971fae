import numpy as np
import pytest

from akl_bench import statistics as ours
from akl_bench.errors import UsageError


def test_by_hand() -> None:
    # Cell means (rows: seeds) 1 3 | 5 11; draws +-1 around each, so MS_within = 2.
    # Seed means 2, 8; example means 3, 7; grand mean 5. K = 2 draws, E = 2 examples.
    # MS_T = 4 (9 + 9) / 1 = 72; MS_X = 4 (4 + 4) / 1 = 32; rest +-1: MS_TX = 2 * 4 / 1 = 8.
    cells = np.array([[1.0, 3.0], [5.0, 11.0]])
    result = ours.variance_shares(np.stack([cells - 1, cells + 1], axis=1))
    assert result.decoding == pytest.approx(2.0)
    assert result.interaction == pytest.approx((8 - 2) / 2)
    assert result.training == pytest.approx((72 - 8) / 4)
    assert result.example == pytest.approx((32 - 8) / 4)
    assert result.training_sd == pytest.approx(np.sqrt(16 + 3 / 2))
    assert result.decoding_sd == pytest.approx(1.0)
    assert result.training_share == pytest.approx(17.5 / 18.5)


def test_components_of_a_simulation_come_back() -> None:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(200):
        seeds, draws, examples = 6, 3, 40
        x = rng.normal(0, 2, (seeds, 1, 1)) + rng.normal(0, 5, (1, 1, examples))
        x = x + rng.normal(0, 3, (seeds, 1, examples)) + rng.normal(0, 4, (seeds, draws, examples))
        found.append(ours.variance_shares(x)[:4])
    assert np.mean(found, axis=0) == pytest.approx([4, 25, 9, 16], rel=0.1)


def test_one_decoding_seed_leaves_decoding_unknown() -> None:
    result = ours.variance_shares(np.random.default_rng(0).normal(size=(3, 1, 5)))
    assert (result.decoding, result.decoding_sd, result.training_share) == (None, None, None)


def test_a_corpus_metric_has_one_example() -> None:
    # Seed means 1, 3; draws +-1: MS_T = 2 (1 + 1) / 1 = 4, MS_within = 2.
    result = ours.variance_shares([[[0.0], [2.0]], [[2.0], [4.0]]])
    assert result.training == pytest.approx((4 - 2) / 2)
    assert (result.decoding, result.example, result.interaction) == (2.0, 0.0, 0.0)


def test_nothing_varies() -> None:
    assert ours.variance_shares(np.ones((2, 2, 2))).training_share is None


def test_one_training_seed_is_not_enough() -> None:
    with pytest.raises(UsageError, match="needs two"):
        ours.variance_shares(np.ones((1, 2, 2)))
