"""The policy of a check: how much may be lost, what it costs, and how sure to be."""

from collections.abc import Mapping
from enum import Enum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field, StrictFloat, ValidationError

from akl_bench.errors import UsageError
from akl_bench.report.frame import Column, is_reference
from akl_bench.strict import Strict, describe, read_yaml

T = TypeVar("T")
# Of a metric that a table shows as a percentage, in points; of any other, of the baseline's mean.
_POINTS, _SHARE = 1.0, "5%"
_PERCENTAGE = 100.0


class Tier(str, Enum):
    """How much a metric counts: a loss in the first two fails the check."""

    CRITICAL = "critical"
    SUPPORTING = "supporting"
    ADVISORY = "advisory"

    @property
    def fails(self) -> bool:
        """Whether a loss fails the check."""
        return self is not Tier.ADVISORY


def _checked_margin(value: float | str) -> float | str:
    if isinstance(value, str):
        try:
            number = float(value.removesuffix("%"))
        except ValueError:
            number = -1.0
        if not (value.endswith("%") and 0 <= number < float("inf")):
            raise ValueError(f"write a number as 1.0, or a share of the mean as 5%, not {value!r}")
    elif value < 0:
        raise ValueError("a margin is 0 or more")
    return value


Margin = Annotated[StrictFloat | str, AfterValidator(_checked_margin)]


class Policy(Strict):
    """What a check may and may not let pass.

    Patterns are globs over `task/metric`; one without a slash is over the metric. A metric answers
    to its spec, `distinct_n(n=2)`, and to its name, `distinct_n`. The last pattern that matches
    counts.

    Attributes:
        margins: Loss that does not matter, in the unit that tables show, or as "5%" of the
            baseline's mean. Else: 1 point of a percentage, 5 % of anything else.
        tiers: Else a task's headline is critical, what its table shows besides is supporting, and
            the rest is advisory.
        alpha: Chance of any false alarm in the whole check.
        adjust: How the tests of a tier are taken together; bh bounds the share of false alarms
            among the alarms instead of the chance of any.
    """

    margins: dict[str, Margin] = Field(default_factory=dict)
    tiers: dict[str, Tier] = Field(default_factory=dict)
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    adjust: Literal["holm", "bh", "none"] = "holm"

    def margin(self, column: Column, mean: float) -> float:
        """Loss of a metric that does not matter, in raw units; `mean` is the baseline's."""
        default: float | str = _POINTS if column.scale == _PERCENTAGE else _SHARE
        margin = _last_match(self.margins, column, default)
        if isinstance(margin, str):
            return float(margin.removesuffix("%")) / 100 * abs(mean)
        return margin / abs(column.scale)

    def tier(self, column: Column, objective: str) -> Tier:
        """How much a metric of an objective counts; the rows of reference are advisory."""
        if is_reference(objective):
            return Tier.ADVISORY
        default = Tier.SUPPORTING if column.shown else Tier.ADVISORY
        return _last_match(self.tiers, column, Tier.CRITICAL if column.headline else default)


def _last_match(patterns: Mapping[str, T], column: Column, default: T) -> T:
    matching = [value for pattern, value in patterns.items() if matches(column, pattern)]
    return matching[-1] if matching else default


def matches(column: Column, pattern: str) -> bool:
    """Whether a glob over `task/metric`, or over the metric where it has no slash, fits."""
    names = [column.metric, column.metric.partition("(")[0]]
    if "/" in pattern:
        names = [f"{column.task}/{name}" for name in names]
    return any(fnmatchcase(name, pattern) for name in names)


def load(path: Path) -> Policy:
    """Read a policy file.

    Raises:
        UsageError: Unreadable, or a key or value that a policy cannot have.
    """
    return parsed(read_yaml(path), str(path))


def parsed(content: Mapping[str, object], where: str) -> Policy:
    """The policy of a mapping; see `load`."""
    try:
        return Policy.model_validate(content)
    except ValidationError as error:
        raise UsageError(describe(error, where, Policy)) from error
