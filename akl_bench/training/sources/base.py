"""What a source is: it decides which responses a student is trained on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

if TYPE_CHECKING:
    from akl_bench.data.examples import Example
    from akl_bench.generation.base import Completion

# Prompts (id -> token ids) and settings of a `GenerationSpec`, with a seed -> the answers. The
# longest answer is that of the profile.
Writer = Callable[..., "list[Completion]"]
State = Mapping[str, float]


class StepKey(NamedTuple):
    """With the weights it fixes every token that a step samples."""

    seed: int
    step: int


@dataclass(frozen=True)
class Source:
    """Base of all sources: a frozen dataclass whose fields are the source's parameters.

    As it stands it is the data set itself.

    Attributes:
        aliases: Other names of the plug-in.
        needs: "teacher text": `prepare` is given the teacher as a writer; "student samples":
            `examples` is given the student as one.
    """

    aliases: ClassVar[tuple[str, ...]] = ()
    needs: ClassVar[frozenset[Literal["teacher text", "student samples"]]] = frozenset()

    def prepare(self, rows: "Sequence[Example]", teacher: Writer | None) -> "list[Example]":
        """The examples that training draws from, made once for all cells of a run.

        Args:
            rows: The training set.
            teacher: Writes in the teacher's place, where `needs` asks for that.
        """
        return list(rows)

    def examples(
        self, key: StepKey, rows: "Sequence[Example]", student: Writer | None, state: State
    ) -> "list[Example]":
        """The examples of a step.

        Args:
            key: Seeds whatever is drawn.
            rows: Those of the prepared examples whose turn it is; the same for every source.
            student: Writes in the student's place as it is now, where `needs` asks for that.
            state: As `next_state` left it.
        """
        return list(rows)

    def initial_state(self) -> State:
        """The state before the first step."""
        return {}

    def next_state(self, state: State, validation: float) -> State:
        """The state after a validation, given its score (the higher the better)."""
        return state
