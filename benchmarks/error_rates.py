"""False alarms and recall of the table's test, tried on made-up and on measured tables.

    python benchmarks/error_rates.py                  # family-wise error under the null
    python benchmarks/error_rates.py --ten-seeds FILE # and recall: few seeds of a run with many

FILE is a baseline (`akl-bench baseline create`). Each table is tested as `akl-bench table` does it:
every objective against the first one, a prior over the whole table, Holm over all comparisons.
"""

import argparse
import itertools
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from akl_bench.statistics import MOST_PRIOR_DF, Prior, holm, prior
from akl_bench.statistics.moderated import inverse_trigamma

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]
ALPHA = 0.05


def p_values(values_CRS: Floats, base: int, known: Prior) -> Floats:
    """P of each row but `base` against it, by column; without a prior the ordinary paired t-test.

    What `moderated_t` does, for all comparisons at once.
    """
    d_CRS = np.delete(values_CRS, base, axis=1) - values_CRS[:, [base]]
    n = d_CRS.shape[-1]
    variance_CR = d_CRS.var(axis=-1, ddof=1)
    if known.df > 0:
        prior_CR = np.delete(known.variance_CRR[:, :, base], base, axis=1)
        total = known.df + n - 1
        mixed = (known.df * prior_CR + (n - 1) * variance_CR) / total
    else:
        mixed, total = variance_CR, n - 1
    mixed, df = (
        np.where(np.isnan(mixed), variance_CR, mixed),
        np.where(np.isnan(mixed), n - 1, total),
    )
    mean_CR = d_CRS.mean(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        p_CR = 2 * stats.t.sf(np.abs(mean_CR) / np.sqrt(mixed / n), df)
    # As `paired_t`: where nothing varies, that of flipping signs.
    return np.where(mixed > 0, p_CR, np.where(mean_CR == 0, 1.0, 2.0 ** (1 - n)))


def smyth(values_CRS: Floats) -> Prior:
    """The prior of Smyth (2004) as it is: one d0, and s0^2 by column, of the differences tested."""
    _, rows, seeds = values_CRS.shape
    half = (seeds - 1) / 2
    variance_CR = (values_CRS[:, 1:] - values_CRS[:, :1]).var(axis=-1, ddof=1)
    e_CR = np.log(variance_CR) - special.digamma(half) + np.log(half)
    left = float(e_CR.var(axis=1, ddof=1).mean() - special.polygamma(1, half))
    df = 2 * inverse_trigamma(left) if left > 0 else 1e6
    s0_C = np.exp(e_CR.mean(axis=1) + special.digamma(df / 2) - np.log(df / 2))
    return Prior(df, np.broadcast_to(s0_C[:, None, None], (len(s0_C), rows, rows)))


def significant(p_CR: Floats) -> NDArray[np.bool_]:
    """Where Holm's procedure over the table rejects."""
    adjusted = holm(p_CR.ravel().tolist())
    return np.array([p is not None and p <= ALPHA for p in adjusted]).reshape(p_CR.shape)


def normal(spread_CR: Floats) -> Draw:
    """Tables of normal values with these standard deviations and no differences."""
    return lambda rng, n: spread_CR[..., None] * rng.normal(size=(*spread_CR.shape, n))


def scatters(columns: int, rows: int, factor: float, which: object) -> Floats:
    """Standard deviations of 1, but `factor` for some rows."""
    spread = np.ones((columns, rows))
    spread[:, which] = factor  # type: ignore[index]
    return spread


def settings() -> Iterator[tuple[str, Draw]]:
    """Made-up nulls: 25 objectives in 9 columns unless said otherwise."""
    equal = np.ones((9, 25))
    yield "equal spreads", normal(equal)
    yield "the baseline scatters 3 times as much", normal(scatters(9, 25, 3, 0))
    yield "one other objective scatters 3 times as much", normal(scatters(9, 25, 3, 5))
    yield "one other objective scatters 10 times as much", normal(scatters(9, 25, 10, 5))
    yield "a third of them scatter 3 times as much", normal(scatters(9, 25, 3, slice(0, None, 3)))
    odd = np.ones((9, 25))
    odd[2, 5] = 10
    yield "one scatters 10 times as much in one column", normal(odd)
    yield (
        "log-normal spreads, a factor of 2.7 each way",
        lambda rng, n: np.exp(rng.normal(size=(9, 25, 1))) * rng.normal(size=(9, 25, n)),
    )
    yield "heavy tails: t with 3 degrees of freedom", lambda rng, n: rng.standard_t(3, (9, 25, n))
    yield (
        "discrete: an accuracy of 200 prompts, sd 0.5 points",
        lambda rng, n: np.round(rng.normal(0, 1, (9, 25, n))) / 2,
    )
    yield "columns in threes that correlate by 0.8", _in_threes(equal)
    yield "1 column", normal(np.ones((1, 25)))
    yield "1 column, the baseline scatters 3 times as much", normal(scatters(1, 25, 3, 0))
    yield "7 objectives, 3 columns", normal(np.ones((3, 7)))
    yield "7 objectives, 3 columns, baseline 3 times", normal(scatters(3, 7, 3, 0))
    yield "7 objectives, 1 column, baseline 3 times", normal(scatters(1, 7, 3, 0))
    yield "4 objectives, 9 columns, baseline 3 times", normal(scatters(9, 4, 3, 0))
    yield "3 objectives, 3 columns (no prior)", normal(np.ones((3, 3)))


def _in_threes(spread_CR: Floats) -> Draw:
    columns, rows = spread_CR.shape

    def draw(rng: np.random.Generator, n: int) -> Floats:
        shared = np.repeat(rng.normal(size=(-(-columns // 3), rows, n)), 3, axis=0)[:columns]
        own = rng.normal(size=(columns, rows, n))
        values: Floats = spread_CR[..., None] * (np.sqrt(0.8) * shared + np.sqrt(0.2) * own)
        return values

    return draw


def measured(values_CRS: Floats) -> Iterator[tuple[str, Draw]]:
    """Nulls that scatter as a run did."""
    spread_CR = values_CRS.std(axis=-1, ddof=1)
    yield "spreads as measured", normal(spread_CR)
    yield "as measured, columns in threes correlate by 0.8", _in_threes(spread_CR)
    seeds = values_CRS.shape[-1]
    centred = (values_CRS - values_CRS.mean(axis=-1, keepdims=True)) / np.sqrt(seeds - 1)
    yield (
        "covariance of all values as measured",
        lambda rng, n: centred @ rng.normal(size=(seeds, n)),
    )


def read(path: Path) -> Floats:
    """Shown values of a baseline's trained objectives, sft first: columns, rows, seeds."""
    run = json.loads(path.read_text("utf-8"))["run"]
    columns = [c for c in run["columns"] if c["shown"] and c["direction"] in ("higher", "lower")]
    rows = [row for row in run["rows"] if row["objective"] not in ("teacher", "untrained")]
    rows.sort(key=lambda row: row["objective"] != "sft")
    return np.array(
        [[row["values"][c["task"]][c["metric"]] for row in rows] for c in columns], dtype=float
    )


def false_alarms(
    draw: Draw, seeds: int, tables: int, fit: Callable[[Floats], Prior] = prior
) -> float:
    """Share of null tables with any significant difference."""
    rng, alarms = np.random.default_rng(seeds), 0
    for _ in range(tables):
        values_CRS = draw(rng, seeds)
        alarms += bool(significant(p_values(values_CRS, 0, fit(values_CRS))).any())
    return alarms / tables


def recall(
    values_CRS: Floats, seeds: int, draws: int, fit: Callable[[Floats], Prior]
) -> tuple[float, float, float]:
    """Of the differences that all seeds find by the ordinary test, the share that few find.

    By the ordinary paired t-test, by the moderated one, and how many more the latter calls.
    """
    none = Prior(0.0, np.empty(0))
    real = significant(p_values(values_CRS, 0, none))
    rng, found = np.random.default_rng(0), []
    for _ in range(draws):
        few = values_CRS[..., rng.choice(values_CRS.shape[-1], seeds, replace=False)]
        ordinary, ours = (significant(p_values(few, 0, known)) for known in (none, fit(few)))
        hits = [(called & real).sum() / real.sum() for called in (ordinary, ours)]
        found.append((*hits, (ours & ~real).sum()))
    return tuple(np.mean(found, axis=0).tolist())


def left_out(seeds: int, equal: int, tables: int) -> tuple[float, float]:
    """How often a given best objective is not bold, and any, where `equal` of 25 are equally good.

    As `report.compare.leaders`: each against the one with the best mean, Holm over the column.
    """
    rng, missed = np.random.default_rng(seeds), []
    for _ in range(tables):
        values_CRS = rng.normal(size=(9, 25, seeds))
        values_CRS[:, equal:] -= 30
        known = prior(values_CRS)
        for c, best in enumerate(values_CRS.mean(axis=-1).argmax(axis=1).tolist()):
            of_column = known._replace(variance_CRR=known.variance_CRR[[c]])
            apart = significant(p_values(values_CRS[[c]], best, of_column))[0]
            apart = np.insert(apart, best, False)
            missed.append((apart[0], apart[:equal].any()))
    given, some = np.mean(missed, axis=0).tolist()
    return given, some


def main() -> None:
    """Print them as Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--ten-seeds", type=Path, metavar="FILE", help="baseline of a run")
    parser.add_argument("--tables", type=int, default=1000)
    parser.add_argument("--prior-df", type=float, default=MOST_PRIOR_DF, help="limit of d0")
    options = parser.parse_args()
    fit = partial(prior, most_df=options.prior_df)
    values = read(options.ten_seeds) if options.ten_seeds else None
    print("| null | 3 seeds | 5 seeds | 10 seeds | Smyth's prior, 3 seeds |")
    print("| --- | --: | --: | --: | --: |")
    for name, draw in (*settings(), *(() if values is None else measured(values))):
        rates = [false_alarms(draw, seeds, options.tables, fit) for seeds in (3, 5, 10)]
        with np.errstate(divide="ignore", invalid="ignore"):
            rates.append(false_alarms(draw, 3, options.tables // 4, smyth))
        print(f"| {name} | {' | '.join(f'{100 * rate:.1f} %' for rate in rates)} |", flush=True)
    if values is not None:
        print("\n| seeds | ordinary paired t | moderated | more |\n| --: | --: | --: | --: |")
        for seeds in (3, 5):
            ordinary, ours, more = recall(values, seeds, 100, fit)
            print(f"| {seeds} | {100 * ordinary:.0f} % | {100 * ours:.0f} % | {more:.1f} |")

    print("\n| seeds | equally best | a given one is not bold | any |\n| --: | --: | --: | --: |")
    for seeds, equal in itertools.product((3, 5, 10), (2, 12)):
        given, some = left_out(seeds, equal, options.tables // 9)
        print(f"| {seeds} | {equal} | {100 * given:.1f} % | {100 * some:.1f} % |", flush=True)


if __name__ == "__main__":
    main()
