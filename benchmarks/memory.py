"""Peak resident memory of a step, as Linux counts it."""

import ctypes
from collections.abc import Callable
from pathlib import Path

_PROCESS = Path("/proc/self")


def peak_bytes(step: Callable[[], None]) -> int:
    """Growth of this process's peak resident size over its size now, while a step is taken.

    Call it in a process that does nothing else, after a small step of the same kind: what libraries
    set up at their first use is not the step's.
    """
    ctypes.CDLL("libc.so.6").malloc_trim(0)  # nor may it use what that step gave back
    (_PROCESS / "clear_refs").write_text("5")  # the peak starts again from now
    before = _kilobytes(_PROCESS / "status", "VmRSS")
    step()
    return 1024 * (_kilobytes(_PROCESS / "status", "VmHWM") - before)


def fits(size: int) -> bool:
    """Whether so many bytes are free now, with a fifth to spare."""
    return size < 0.8 * 1024 * _kilobytes(Path("/proc/meminfo"), "MemAvailable")


def _kilobytes(table: Path, field: str) -> int:
    for line in table.read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    raise RuntimeError(f"{table} has no {field}: memory is measured on Linux alone.")
