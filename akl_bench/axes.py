"""Axes: `--sweep KEY=V1,V2` sets a key of the profile to each of several values."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from pydantic import ValidationError

from akl_bench.config import Profile
from akl_bench.errors import UsageError
from akl_bench.strict import describe, merge, nested, parse_yaml

# What decides students, and nothing of how they are measured.
_SWEPT = ("training.", "data.train.", "students.")


def points(sweeps: Sequence[str]) -> list[dict[str, Any]]:
    """The points of a sweep, `KEY=V1,V2,...` for each axis: values by key of the profile.

    Raises:
        UsageError: No such form, one value, or a key that decides more than the student.
    """
    axes: dict[str, list[Any]] = {}
    for sweep in sweeps:
        key, equals, text = (part.strip() for part in sweep.partition("="))
        values = parse_yaml(f"[{text}]", f"--sweep {sweep}") if equals else None
        different = {repr(value) for value in values or ()}
        if not values or len(different) < max(2, len(values)) or key in axes:
            raise UsageError(
                f"--sweep {sweep}: write it once, as key.path=value,value with values that differ: "
                "training.steps=300,1000."
            )
        if not key.startswith(_SWEPT) or key == "training.precision":
            raise UsageError(
                f"--sweep {sweep}: numbers with different {key} could not be compared in one "
                f"table. An axis begins with {', '.join(_SWEPT)}; else make a run for each value."
            )
        axes[key] = values
    return [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]


def at(profile: Profile, point: Mapping[str, Any]) -> Profile:
    """A profile at a point of its axes.

    Raises:
        UsageError: A key or value that it cannot have.
    """
    if point and profile.smoke:
        raise UsageError("--smoke and --sweep do not go together: a smoke run has no budget.")
    content = profile.model_dump()
    for key, value in point.items():
        content = merge(content, nested(key.split("."), value))
    try:
        return Profile.model_validate(content)
    except ValidationError as error:
        shown = ", ".join(f"{key}={value}" for key, value in point.items())
        raise UsageError(describe(error, f"--sweep {shown}", Profile)) from error
