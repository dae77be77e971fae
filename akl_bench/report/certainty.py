"""How certain a column of a table is: what it could detect, and what its scatter is made of."""

from collections.abc import Mapping, Sequence
from itertools import groupby, product
from statistics import median
from typing import Any

from akl_bench.artifacts.cells import Key
from akl_bench.report.compare import Comparison
from akl_bench.report.frame import Column, RowKey, RunFrame, is_reference
from akl_bench.statistics import SeedSpread, decoding_share, seed_spread


def detectable(comparisons: Mapping[RowKey, Comparison]) -> dict[Key, float]:
    """By column: the smallest detectable difference of its median comparison; raw units."""
    by_column: dict[Key, list[float]] = {}
    for (_, *key), made in comparisons.items():
        if made.detectable is not None:
            by_column.setdefault((key[0], key[1]), []).append(made.detectable)
    return {key: median(each) for key, each in by_column.items()}


def seed_spreads(frame: RunFrame, columns: Sequence[Column]) -> dict[RowKey, SeedSpread]:
    """Decoding's and training's part of the variance over seeds, where each sample has a value.

    That of trained rows, and metrics that score sample by sample.

    Raises:
        UsageError: A file is not what was sealed.
    """
    spreads = {}
    for column, row in product(columns, frame.rows):
        if not is_reference(row.objective):
            numbers = ((cell, frame.number(cell, column)) for cell in frame.of(row))
            # Where draws have no values alone there is no need to read the examples.
            cells = [cell for cell, number in numbers if number and len(number.draws) > 1]
            lines = [cell.examples(*column.key) for cell in cells]
            draws: list[Any] = [
                [line.get("draws") for line in of if line["value"] is not None] for of in lines
            ]
            if all(of and all(of) for of in draws) and (split := seed_spread(draws)):
                spreads[row, column.task, column.metric] = split
    return spreads


def listed(columns: Sequence[Column], texts: Mapping[Key, str]) -> str:
    """A text for each column that has one: "task metric text, metric text; task ..."."""
    known = [column for column in columns if column.key in texts]
    return "; ".join(
        f"{task} " + ", ".join(f"{column.metric} {texts[column.key]}" for column in of)
        for task, of in groupby(known, key=lambda column: column.task)
    )


def decoding_shares(spreads: Mapping[RowKey, SeedSpread]) -> dict[Key, float]:
    """By column: what share of the variance over seeds is decoding, for a typical objective."""
    by_column: dict[Key, list[SeedSpread]] = {}
    for (_, task, metric), spread in spreads.items():
        by_column.setdefault((task, metric), []).append(spread)
    shares = {key: decoding_share(each) for key, each in by_column.items()}
    return {key: share for key, share in shares.items() if share is not None}
