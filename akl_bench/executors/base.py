"""What an executor is: it runs jobs in other processes and says what became of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

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
        alone: It is the only job of its call, and may use every core.
    """

    name: str
    function: str
    arguments: tuple[Any, ...]
    log: str
    alone: bool = False


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


@dataclass(frozen=True)
class Machine:
    """What jobs run on.

    Attributes:
        device: "cuda" or "cpu".
        count: Number of GPUs.
        has_bf16: Whether they compute in bfloat16 themselves, not by emulation.
    """

    device: Literal["cuda", "cpu"] = "cpu"
    count: int = 0
    has_bf16: bool = False


@dataclass(frozen=True)
class Executor:
    """Base of all executors: it runs jobs; durability is not its concern (the seal decides).

    Attributes:
        aliases: Other names of the plug-in.
        workers: Jobs at a time; 0: one for each GPU, or core.
    """

    aliases: ClassVar[tuple[str, ...]] = ()

    workers: int = 0

    def machine(self) -> Machine:
        """What jobs run on, as it is now."""
        raise NotImplementedError

    def run(
        self, jobs: Sequence[Job], on_event: Callable[[Event], None], preload: Sequence[str] = ()
    ) -> None:
        """Run all jobs, in their order as far as places are free, and return when all ended.

        A job that fails does not stop the others.

        Args:
            jobs: What to run.
            on_event: Told what happens.
            preload: Modules that jobs are known to import.
        """
        raise NotImplementedError
