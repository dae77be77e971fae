"""The numbers behind a verdict against scipy, by simulation, and at the edges."""

import numpy as np
import pytest
from scipy import stats

from akl_bench.gate.verdicts import Estimate, Verdict, estimate, judge, mode_for

ALPHA = 0.05


def by_seed(values, first=1):
    return dict(enumerate(values, first))


def compared(x, y, mode="seeds", design="pooled", margin=1.0, **settings):
    settings = {"alpha": ALPHA, "higher_is_better": True, **settings}
    return estimate(by_seed(y), by_seed(x), mode=mode, design=design, margin=margin, **settings)


@pytest.fixture
def draws():
    rng = np.random.default_rng(3)
    return [(rng.normal(0, 2, 4), rng.normal(1, 1, 9)) for _ in range(20)]


@pytest.mark.parametrize("design", ["pooled", "welch"])
def test_the_t_tests_are_scipys(draws, design):
    for x, y in draws:
        ours = compared(x, y, design=design)
        equal_var = design == "pooled"
        test = stats.ttest_ind(x, y, equal_var=equal_var, alternative="less")
        interval = test.confidence_interval(1 - ALPHA)
        assert ours.p_loss == pytest.approx(test.pvalue, abs=1e-12)
        assert ours.p_gain == pytest.approx(1 - test.pvalue, abs=1e-12)
        assert ours.high == pytest.approx(interval.high, abs=1e-12)
        greater = stats.ttest_ind(x, y, equal_var=equal_var, alternative="greater")
        assert ours.low == pytest.approx(greater.confidence_interval(1 - ALPHA).low, abs=1e-12)


def test_paired_is_scipys_over_the_seeds_that_both_have(draws):
    for x, y in draws:
        ours = compared(x, y, design="paired")
        test = stats.ttest_rel(x, y[: len(x)], alternative="less")
        assert ours.p_loss == pytest.approx(test.pvalue, abs=1e-12)
        assert ours.difference == pytest.approx(np.mean(x - y[: len(x)]), abs=1e-12)


def test_one_seed_is_compared_with_the_prediction_interval_of_the_baseline(draws):
    for x, y in draws:
        ours = compared(x[:1], y, mode="calibrated")
        half = stats.t.ppf(1 - ALPHA, len(y) - 1) * y.std(ddof=1) * np.sqrt(1 + 1 / len(y))
        assert ours.low == pytest.approx(x[0] - y.mean() - half, abs=1e-12)
        assert ours.high == pytest.approx(x[0] - y.mean() + half, abs=1e-12)


def test_a_lower_is_better_metric_is_its_mirror_image(draws):
    x, y = draws[0]
    up = compared(x, y)
    down = compared(-x, -y, higher_is_better=False)
    assert (up.difference, up.low, up.p_loss) == (down.difference, down.low, down.p_loss)


@pytest.mark.parametrize(
    ("baseline", "candidate", "mode"),
    [
        (10, 3, "seeds"),
        (3, 3, "seeds"),
        (10, 2, "calibrated"),
        (5, 1, "calibrated"),
        (4, 1, "threshold"),
        (2, 5, "threshold"),
    ],
)
def test_the_strongest_test_that_the_seeds_allow(baseline, candidate, mode):
    assert mode_for(baseline, candidate) == mode


@pytest.mark.parametrize(
    ("difference", "half", "margin", "verdict"),
    [
        (2.0, 1.0, 1.0, Verdict.IMPROVED),
        (0.1, 0.5, 1.0, Verdict.PASS),
        (-0.5, 0.5, 1.0, Verdict.PASS),
        (-0.9, 0.5, 1.0, Verdict.WARN),
        (-1.0, 0.5, 1.0, Verdict.REGRESSION),
        (-2.0, 1.0, 1.0, Verdict.REGRESSION),
        (-2.0, 2.5, 1.0, Verdict.INCONCLUSIVE),
        (0.1, 2.5, 1.0, Verdict.INCONCLUSIVE),
    ],
)
def test_verdicts_of_an_interval(difference, half, margin, verdict):
    se = half / stats.norm.isf(ALPHA)
    e = Estimate(
        "seeds",
        difference,
        margin,
        difference - half,
        difference + half,
        p_loss=float(stats.norm.cdf(difference / se)),
        p_gain=float(stats.norm.sf(difference / se)),
    )
    ((judged, _, _),) = judge([e], ALPHA, "holm")
    assert judged is verdict


@pytest.mark.parametrize(
    ("candidate", "verdict"),
    [(0.0, "PASS"), (0.01, "PASS"), (0.02, "INCONCLUSIVE"), (0.04, "REGRESSION")],
)
def test_a_rate_that_never_varied_is_judged_by_its_margin(candidate, verdict):
    e = compared([candidate] * 3, [0.0] * 10, margin=0.01, higher_is_better=False)
    assert e.mode == "threshold"
    ((judged, p, detectable),) = judge([e], ALPHA, "holm")
    assert (judged.value, p, detectable) == (verdict, None, None)


def test_rounding_is_no_loss_where_the_margin_is_0():
    e = compared([0.1 + 0.2] * 3, [0.3] * 10, margin=0.0, higher_is_better=False)
    assert judge([e], ALPHA, "holm")[0][0] is Verdict.PASS


@pytest.mark.parametrize("design", ["pooled", "paired"])
def test_the_detectable_loss_is_found_with_80_percent_power_by_scipys_noncentral_t(design):
    rng = np.random.default_rng(0)
    for n in (4, 6, 10, 20):
        x, y = rng.normal(size=n), rng.normal(size=n)
        paired = design == "paired"
        variance = (x - y).var(ddof=1) / n if paired else (x.var(ddof=1) + y.var(ddof=1)) / n
        df = n - 1 if paired else 2 * n - 2
        ours = judge([compared(x, y, design=design)], ALPHA, "holm")[0][2]
        found = stats.nct.sf(stats.t.isf(ALPHA, df), df, ours / np.sqrt(variance))
        assert found == pytest.approx(0.8, abs=1e-4)  # The other tail has the rest.


def test_more_seeds_settle_an_unchanged_student():
    rng = np.random.default_rng(1)
    y, x = rng.normal(0, 1, 30), rng.normal(0, 1, 4)
    e = compared(x, y, margin=0.9)
    assert e.more_seeds is not None
    n = len(x) + e.more_seeds
    sd = np.sqrt((x.var(ddof=1) * 3 + y.var(ddof=1) * 29) / 32)
    passed = [
        compared(rng.normal(0, sd, n), rng.normal(0, sd, 30), margin=0.9).low >= -0.9
        for _ in range(400)
    ]
    assert 0.75 < np.mean(passed) < 0.9
    assert compared(x, y, margin=0.01).more_seeds is None


def pooled_estimates(x_MC, y_MB, margin):
    """What `estimate` gives for M metrics at once."""
    c, b = x_MC.shape[1], y_MB.shape[1]
    df = c + b - 2
    variance = (x_MC.var(1, ddof=1) * (c - 1) + y_MB.var(1, ddof=1) * (b - 1)) / df
    d, se = x_MC.mean(1) - y_MB.mean(1), np.sqrt(variance * (1 / c + 1 / b))
    half = stats.t.isf(ALPHA, df) * se
    columns = (d, d - half, d + half, stats.t.cdf(d / se, df), stats.t.sf(d / se, df))
    return [
        Estimate("seeds", diff, margin, low, high, p_loss=loss, p_gain=gain)
        for diff, low, high, loss, gain in zip(*(v.tolist() for v in columns), strict=True)
    ]


def simulate(sweeps, metrics, seeds, rng, *, sd, drop=0.0, margin):
    """[sweeps, metrics]: where the gate says REGRESSION; the first metric has dropped."""
    x = rng.normal(0, sd, (sweeps * metrics, seeds))
    x[::metrics] -= drop
    estimates = pooled_estimates(x, rng.normal(0, sd, (sweeps * metrics, 10)), margin)
    called = [
        verdict is Verdict.REGRESSION
        for start in range(0, len(estimates), metrics)
        for verdict, _, _ in judge(estimates[start : start + metrics], ALPHA, "holm")
    ]
    return np.array(called).reshape(sweeps, metrics)


# Seeds scatter by 0.5 points and items by 15: the setting of the gate's design.
SD = {items: np.sqrt(0.5**2 + 15**2 / items) for items in (500, 2000)}


def test_the_vectorised_estimates_are_those_of_the_gate():
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(6, 3)), rng.normal(size=(6, 10))
    for one, a, b in zip(pooled_estimates(x, y, 0.3), x, y, strict=True):
        other = compared(a, b, margin=0.3)
        for name in ("difference", "margin", "low", "high", "p_loss", "p_gain"):
            assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-12)


@pytest.mark.parametrize(
    ("sweeps", "seeds", "margin"), [(2000, 3, 1.0), (2000, 5, 1.0), (6000, 3, 0.0)]
)
def test_40_metrics_without_a_change_raise_an_alarm_in_5_percent_of_sweeps_at_most(
    sweeps, seeds, margin
):
    # Without a margin every loss that is called counts: the hardest case.
    rng = np.random.default_rng(seeds)
    alarms = simulate(sweeps, 40, seeds, rng, sd=SD[500], margin=margin).any(1)
    interval = stats.binomtest(int(alarms.sum()), sweeps).proportion_ci(method="wilson")
    assert interval.high <= 0.06
    assert interval.low <= 0.05


@pytest.mark.parametrize(
    ("metrics", "seeds", "items", "power"),
    [(1, 5, 2000, 0.95), (1, 3, 500, 0.9), (40, 5, 2000, 0.9), (40, 3, 2000, 0.75)],
)
def test_a_drop_of_two_points_is_found(metrics, seeds, items, power):
    rng = np.random.default_rng(7)
    called = simulate(1500, metrics, seeds, rng, sd=SD[items], drop=2.0, margin=1.0)
    assert called[:, 0].mean() >= power


def test_holm_and_benjamini_hochberg_keep_untested_metrics_out():
    rng = np.random.default_rng(2)
    tested = [compared(rng.normal(-1, 1, 3), rng.normal(0, 1, 10)) for _ in range(5)]
    untested = compared([0.0] * 3, [0.0] * 10)
    p = [e.p_loss for e in tested]
    for adjust, expected in (
        ("bh", stats.false_discovery_control(p)),
        ("none", p),
    ):
        adjusted = [r[1] for r in judge([untested, *tested], ALPHA, adjust)]
        assert adjusted[0] is None
        assert adjusted[1:] == pytest.approx(list(expected), abs=1e-15)
    holm = [r[1] for r in judge([untested, *tested], ALPHA, "holm")]
    assert holm[0] is None
    assert min(holm[1:]) == pytest.approx(min(1.0, 5 * min(p)))
