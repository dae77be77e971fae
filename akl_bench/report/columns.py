"""Columns: what runs measure, the mean over lm-eval tasks, and what students' seals say."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from akl_bench.artifacts.cells import Key
from akl_bench.artifacts.records import Fields, Metric, Seal
from akl_bench.errors import UnknownNameError
from akl_bench.registry import snake_case


@dataclass(frozen=True)
class Column:
    """One metric of one task.

    Attributes:
        metric: The metric's canonical spec.
        higher_is_better: None where neither direction is.
        scale: Factor from the raw value to the shown one.
        format: %-format of the shown value.
        signature: Everything that decides the number besides the completions.
        n: Number of examples (tokens, for fidelity) behind each seed's value.
        headline: Whether it is the task's first number.
        shown: Whether its task names it among those that `check` watches.
        protocol: What must agree for two numbers to stand in this column.
        code: Hash of the code that sampled and scored, which may change.
    """

    task: str
    metric: str
    higher_is_better: bool | None
    scale: float
    format: str
    signature: str
    n: int = 0
    headline: bool = False
    shown: bool = False
    protocol: Fields = field(default_factory=dict, compare=False)
    code: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        """Task and metric."""
        return self.task, self.metric

    @property
    def arrow(self) -> str:
        """Direction in which it gets better."""
        return {True: "↑", False: "↓", None: ""}[self.higher_is_better]


LR = Column("", "lr", None, 1.0, "%.2e", "learning rate that the student was trained with")
_SECONDS = Column("cost", "train s", False, 1.0, "%.1f", "wall clock of training, one process")
_MEMORY = Column("cost", "peak MiB", False, 1.0, "%.0f", "largest resident memory of the process")
CLIPPED = Column("cost", "clipped %", None, 100.0, "%.0f", "steps whose gradient was scaled down")
COST = (_SECONDS, _MEMORY, CLIPPED)
# What the seal of a student says; None where it does not.
OF_STUDENT: dict[Column, Callable[[Seal], float | None]] = {
    LR: lambda seal: seal.fields.get("training", {}).get("lr"),
    _SECONDS: lambda seal: seal.made.seconds,
    _MEMORY: lambda seal: seal.made.peak_memory_mib,
    CLIPPED: lambda seal: getattr(seal.record, "clipped", None),
}


def mean_accuracy(columns: Sequence[Column]) -> Column:
    """The column of the mean over several accuracies, one at least."""
    return Column(
        "lm-eval",
        "accuracy",
        True,
        100.0,
        "%.1f",
        "mean of " + ", ".join(f"{column.task} {column.metric}" for column in columns),
        sum(column.n for column in columns),
    )


def mean_of(column: Column, numbers: Sequence[Metric | None]) -> Metric | None:
    """A cell's number in a column of means; None where it lacks one of those behind it."""
    values = [number.value for number in numbers if number and number.value is not None]
    if not values or len(values) < len(numbers):
        return None
    return Metric(
        value=sum(values) / len(values),
        n=column.n,
        signature=column.signature,
        higher_is_better=column.higher_is_better,
        scale=column.scale,
        format=column.format,
    )


def named(columns: Iterable[Column], name: str) -> list[Column]:
    """The columns that a task, a metric (of any task) or TASK/METRIC means."""
    return [
        column
        for column in columns
        if name == column.task
        or is_named(column.metric, (name,))
        or is_named(f"{column.task}/{column.metric}", (name,))
    ]


def choose(columns: Sequence[Column], names: Iterable[str]) -> list[Column]:
    """All columns that names mean, in the order of the names.

    Raises:
        UnknownNameError: One of them means none.
    """
    chosen: dict[Column, None] = {}
    for name in names:
        if not (found := named(columns, name)):
            pairs = {"/".join(column.key) for column in columns if column.task}
            single = {part for column in columns for part in column.key if part}
            raise UnknownNameError("column", name, pairs if "/" in name else single)
        chosen |= dict.fromkeys(found)
    return [*chosen]


def is_named(metric: str, names: Iterable[str]) -> bool:
    """Whether a metric, or its name without parameters, is one of these; a file may be, too."""
    labels = set(names)
    for name in names:
        class_, parenthesis, params = name.rpartition(".py:")[2].partition("(")
        labels.add(f"{snake_case(class_)}{parenthesis}{params}")
    return bool({metric, metric.partition("(")[0]} & labels)
