"""What a job does in the process that was started for it, whoever started it."""

import contextlib
import importlib
import io
import os
import traceback
from pathlib import Path
from typing import Any

from akl_bench.errors import AklBenchError
from akl_bench.executors.base import Job, Machine, Report


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

    count = torch.cuda.device_count()
    if not count:
        return Machine()
    return Machine("cuda", count, torch.cuda.is_bf16_supported(including_emulation=False))


@contextlib.contextmanager
def _output_to(log: io.TextIOBase) -> Any:
    """Send this process's standard output and error, libraries' included, to a file."""
    for descriptor in (1, 2):
        os.dup2(log.fileno(), descriptor)
    with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        yield
