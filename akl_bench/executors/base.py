"""What an executor is: it runs jobs in other processes and says what became of each."""

import contextlib
import importlib
import io
import os
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from akl_bench.errors import AklBenchError

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


def carry_out(job: Job, report: Report, *, threads: int) -> str:
    """Run a job in this process, which is for it alone, with deterministic algorithms.

    Args:
        job: What to run; its log takes the traceback of a failure, too.
        report: Told where it is.
        threads: Torch threads.

    Returns:
        Why it failed, one line; empty where it did not.
    """
    # Read when cuBLAS starts; without it the next line makes every product on CUDA an error.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    torch.set_num_threads(threads)
    # On CUDA some operations (cumsum, as in nucleus sampling) have no deterministic form.
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    # It also fills memory that is about to be overwritten: hundreds of times a step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    Path(job.log).parent.mkdir(parents=True, exist_ok=True)
    with Path(job.log).open("a", encoding="utf-8", buffering=1) as log, _output_to(log):
        try:
            module, _, function = job.function.partition(":")
            getattr(importlib.import_module(module), function)(*job.arguments, report)
        except BaseException as error:
            traceback.print_exc()
            known = isinstance(error, AklBenchError)
            return str(error) if known else f"{type(error).__name__}: {error}"
    return ""


def survey() -> Machine:
    """What this process could run on."""
    import torch

    if not (count := torch.cuda.device_count()):
        return Machine()
    return Machine("cuda", count, torch.cuda.is_bf16_supported(including_emulation=False))


@contextlib.contextmanager
def _output_to(log: io.TextIOBase) -> Any:
    """Send this process's standard output and error, libraries' included, to a file."""
    for descriptor in (1, 2):
        os.dup2(log.fileno(), descriptor)
    with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        yield
