"""What rows are called to people: short, and each by a name of its own."""

from collections import Counter
from collections.abc import Iterable

from akl_bench import divergences, specs
from akl_bench.artifacts.cells import Row
from akl_bench.artifacts.store import TEACHER, UNTRAINED
from akl_bench.errors import UsageError


def is_reference(objective: str) -> bool:
    """Whether a row is set apart: the teacher or the untrained student."""
    return objective in (TEACHER, UNTRAINED)


def spec_of(objective: str) -> specs.Spec:
    """A row's objective as a spec; the label of a checkpoint may be none, and is a name then."""
    try:
        return specs.parse(objective)
    except UsageError:
        return specs.Spec(objective)


def short_names(objectives: Iterable[str]) -> dict[str, str]:
    """Objectives by their specs, without the parameters that are defaults.

    Where several differ in nothing but parameters, all of these keep theirs.
    """
    parts = {text: text.partition("@") for text in dict.fromkeys(objectives)}
    loss = {text: spec_of(part) for text, (part, _, _) in parts.items()}
    alike = Counter((loss[text].name, source) for text, (_, _, source) in parts.items())
    known = divergences.registry.entries()
    names = {}
    for text, (_, at, source) in parts.items():
        name, params = loss[text].name, loss[text].params
        defaults = known[name].defaults if name in known else {}
        own = {key: value for key, value in params.items() if defaults.get(key) != value}
        is_shorter = alike[name, source] == 1 and own != params
        names[text] = specs.format_spec(name, own) + at + source if is_shorter else text
    return names


def axis_names(rows: Iterable[Row], taken: Iterable[str] = ()) -> dict[str, str]:
    """The axes of a sweep by their keys: the last part of the key where that is no other's."""
    keys = dict.fromkeys(key for row in rows for key, _ in row.axes)
    short = {key: key.rpartition(".")[2] for key in keys}
    used = Counter([*short.values(), *taken])
    return {key: name if used[name] == 1 else key for key, name in short.items()}


def axis_order(row: Row) -> tuple[tuple[float, str], ...]:
    """Where a row stands in a sweep: numbers by size, other values after them by name."""
    return tuple((_number(text), text) for _, text in row.axes)


def axis_number(text: str) -> float | None:
    """The value of an axis as a number; None where it is none."""
    try:
        return float(text)
    except ValueError:
        return None


def _number(text: str) -> float:
    value = axis_number(text)
    return float("inf") if value is None else value
