"""Sequence-level distillation: responses that the teacher wrote, once for the whole run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from akl_bench.data.examples import Example
from akl_bench.errors import UsageError
from akl_bench.training.sources.base import Source, Writer


@dataclass(frozen=True)
class SeqKD(Source):
    """Sequence-level knowledge distillation, arXiv 1606.07947, Eq. (6).

    The paper takes the mode by beam search; later work samples, as is done here. `sft@seqkd` is the
    method of the paper; with a divergence the student also learns the teacher's distribution on
    the teacher's own text.

    Attributes:
        temperature: Divides the teacher's logits; 0 takes the likeliest token.
    """

    needs: ClassVar[frozenset[Literal["teacher text", "student samples"]]] = frozenset(
        {"teacher text"}
    )

    temperature: float = 1.0

    def __post_init__(self) -> None:
        if self.temperature < 0:
            raise UsageError(f"temperature={self.temperature} must be 0 or more.")

    def prepare(self, rows: Sequence[Example], teacher: Writer | None) -> list[Example]:
        assert teacher is not None, "`needs` asks for it"
        how = {"temperature": self.temperature} if self.temperature else {"do_sample": False}
        prompts = {row.id: row.prompt for row in rows}
        answers = {a.id: a for a in teacher(prompts, seed=0, **how)}
        # A response that was cut has no end token to learn; one without any token has only that.
        return [
            replace(row, response=response, cache_row=None)
            for row in rows
            if (response := answers[row.id].ids + row.response[-1:] * answers[row.id].finished)
        ]
