"""What an executor is: it runs jobs in other processes and says what became of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

# (stage, steps done, all steps): how a job tells where it is.
Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Job:
    """A function of a module, called in another process as `function(*arguments, report)`.

    Attributes:
        name: Unique among the jobs of a call.
        function: `module:function`; only the other process imports it.
        arguments: Picklable.
        log: File that takes what the job prints.
    """

    name: str
    function: str
    arguments: tuple[Any, ...]
    log: str


@dataclass(frozen=True)
class Event:
    """Something that happened to a job: "start", "progress", "done" or "failed".

    Attributes:
        job: The job.
        kind: What happened.
        stage: What it is doing, with "progress".
        done: Steps of the stage done.
        total: Steps of the stage.
        message: Why it failed, one line.
    """

    job: Job
    kind: str
    stage: str = ""
    done: int = 0
    total: int = 0
    message: str = ""


class Executor(Protocol):
    """Runs jobs; durability is not its concern (the seal decides what is done)."""

    def run(self, jobs: Sequence[Job], on_event: Callable[[Event], None]) -> None:
        """Run all jobs, in their order as far as places are free, and return when all ended.

        A job that fails does not stop the others.
        """
        ...
