"""The parts of the variance over seeds."""

import numpy as np
import pytest

from akl_bench import statistics as ours


def test_the_parts_by_hand() -> None:
    # Two prompts, two samples. Seed 1: variances 0.5 and 0, mean 0.25; seed 2: 0.5, 0.5; mean 0.5.
    # Decoding: (0.5 + 0) / 2 / 4 and (0.5 + 0.5) / 2 / 4, on average 0.09375; total 0.03125.
    made = ours.seed_spread([[[0, 1], [0, 0]], [[0, 1], [1, 0]]])
    assert made == pytest.approx((0.03125, 0.09375, 0.0, 1))
    sure = ours.seed_spread([[[0, 0], [0, 0]], [[1, 1], [1, 1]], [[0, 0], [0, 0]]])
    assert sure == pytest.approx((1 / 3, 0.0, 1 / 3, 2))


def test_what_cannot_be_split_is_none() -> None:
    assert ours.seed_spread([[[0, 1], [0, 0]]]) is None
    assert ours.seed_spread([[[0], [1]], [[1], [1]]]) is None
    assert ours.decoding_share([]) is None
    still = ours.seed_spread(np.ones((3, 2, 2)))
    assert ours.decoding_share([still]) is None


@pytest.mark.parametrize(("training", "share"), [(0.0, 1.0), (0.02, 0.5)])
def test_the_share_is_found_again(training: float, share: float) -> None:
    # 100 prompts of 4 samples with sd 0.4: decoding's sd of a mean is 0.4 / sqrt(400) = 0.02.
    rng = np.random.default_rng(0)
    spreads = []
    for _ in range(300):
        level = rng.normal(0, training, (3, 1, 1)) + rng.uniform(size=(1, 100, 1))
        spreads.append(ours.seed_spread(level + rng.normal(0, 0.4, (3, 100, 4))))
    assert np.mean([s.decoding for s in spreads]) == pytest.approx(0.02**2, rel=0.02)
    assert ours.decoding_share(spreads) == pytest.approx(share, abs=0.1)
