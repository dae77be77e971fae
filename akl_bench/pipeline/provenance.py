"""How an artifact came to be: versions, machine, time and memory, for its seal."""

import platform
import resource
import sys
from collections.abc import Callable, Mapping

from akl_bench import __version__
from akl_bench.artifacts.records import Made


def made_here(libraries: Mapping[str, str]) -> Callable[[float], Made]:
    """For `Artifact.make`: what this process is; given the seconds at the end.

    Args:
        libraries: Versions of what the stage uses.
    """

    def made(seconds: float) -> Made:
        # Scoring text needs no torch, and does not import it.
        torch = sys.modules.get("torch")
        is_cuda = torch is not None and torch.cuda.is_initialized()
        return Made(
            akl_bench=__version__,
            libraries=dict(libraries),
            device=torch.cuda.get_device_name() if torch and is_cuda else "cpu",
            machine=platform.machine(),
            threads=torch.get_num_threads() if torch else 0,
            seconds=seconds,
            peak_memory_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        )

    return made
