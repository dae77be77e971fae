"""What the tests promise, tried on made-up sweeps whose truth is known."""

import numpy as np
import pytest

from akl_bench import statistics as ours


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 5])
def test_family_wise_false_alarms_under_the_null(seeds: int) -> None:
    # 2000 tables of 20 objectives against one baseline: comparisons share the baseline's noise.
    rng, alarms, tables = np.random.default_rng(0), 0, 2000
    for _ in range(tables):
        scores = rng.normal(25, 0.5, (21, seeds))
        p = [ours.paired_t(candidate, scores[0]).p for candidate in scores[1:]]
        alarms += any(q is not None and q <= 0.05 for q in ours.holm(p))
    # Holm promises 5 % at most; comparisons that share a baseline keep below.
    assert alarms / tables <= 0.05, f"{alarms} of {tables}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sd", "most_alarms", "least_found"),
    [
        (np.full(21, 0.5), 0.05, 0.97),
        (np.where(np.arange(21) % 3 == 1, 1.0, 0.5), 0.06, 0.85),  # A third scatter twice as much.
        (np.where(np.arange(21) == 0, 1.0, 0.5), 0.20, 0.90),  # The baseline does: the known price.
    ],
    ids=["equal", "a third", "baseline"],
)
def test_pooling_the_spread_finds_more_at_a_known_price(
    sd: np.ndarray, most_alarms: float, least_found: float
) -> None:
    rng, alarms, pooled, paired, tables = np.random.default_rng(0), 0, 0, 0, 1000
    for _ in range(tables):
        scores = 25 + sd[:, None] * rng.normal(size=(21, 3))
        null = ours.holm([d.p for d in ours.pooled_t(list(scores[1:]), scores[0])])
        alarms += any(p is not None and p <= 0.05 for p in null)
        scores[2] -= 2.5
        p = ours.holm([d.p for d in ours.pooled_t(list(scores[1:]), scores[0])])[1]
        pooled += p is not None and p <= 0.05
        p = ours.holm([ours.paired_t(row, scores[0]).p for row in scores[1:]])[1]
        paired += p is not None and p <= 0.05
    assert alarms / tables <= most_alarms
    assert pooled / tables >= least_found > 0.15 >= paired / tables


@pytest.mark.slow
def test_power_is_the_power_stated() -> None:
    rng, detected, runs = np.random.default_rng(0), 0, 1500
    difference = ours.smallest_detectable(0.5, 5)
    assert difference is not None
    for _ in range(runs):
        d = rng.normal(difference, 0.5, 5)
        p = ours.paired_t(25 + d, np.full(5, 25.0)).p
        detected += p is not None and p <= 0.05
    assert detected / runs == pytest.approx(0.8, abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seeds", "examples", "training", "example", "noise"),
    [(3, 252, 1, 5, 20), (5, 250, 0.5, 0, 20), (5, 500, 2, 5, 10), (10, 500, 0.5, 5, 15)],
)
@pytest.mark.parametrize("paired", [True, False])
def test_bootstrap_interval_covers_the_truth(
    seeds: int, examples: int, training: float, example: float, noise: float, paired: bool
) -> None:
    # Both sides train anew; `example` is how much the difference varies from example to example.
    rng, covered, runs = np.random.default_rng(0), 0, 300
    for _ in range(runs):
        sides = [
            rng.normal(0, training, (seeds, 1)) + rng.normal(0, noise, (seeds, examples))
            for _ in range(2)
        ]
        candidate = sides[0] + rng.normal(0, example, (1, examples))
        interval = ours.hierarchical_bootstrap(candidate, sides[1], paired=paired, resamples=2000)
        assert interval.low is not None and interval.high is not None
        covered += interval.low <= 0 <= interval.high
    # 95 % give 273 or fewer of 300 with probability 0.4 %.
    assert covered >= 274, f"{covered} of {runs}"
