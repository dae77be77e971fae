"""Local child processes, forked from a server that has the heavy imports done."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from akl_bench.executors.base import Event, Executor, Job, Machine, carry_out, survey

# `torch.use_deterministic_algorithms` imports this, which takes a second or two of every child.
_PRELOAD = ("torch._inductor.config",)
# NVIDIA's, that of the Windows subsystem for Linux, and AMD's.
_DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")


@dataclass
class _Place:
    """A running child."""

    job: Job
    process: ForkServerProcess
    events: Connection
    slot: int
    failure: str = ""


@dataclass(frozen=True)
class Local(Executor):
    """Runs jobs in child processes of this machine.

    Each child computes with one thread: two processes with two threads each on two cores run
    several times slower. Where there are GPUs, each child sees that of its slot only.
    """

    def machine(self) -> Machine:
        """See `Executor.machine`; this process starts no CUDA, which would take memory of a GPU."""
        # Where there is no driver there is no need to import torch, which takes two seconds.
        if not any(Path(name).exists() for name in _DRIVERS):
            return Machine()
        import torch

        if not torch.cuda.device_count():
            return Machine()
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            return pool.submit(survey).result()

    def run(
        self, jobs: Sequence[Job], on_event: Callable[[Event], None], preload: Sequence[str] = ()
    ) -> None:
        """See `Executor.run`. On an exception (Ctrl-C) the children are ended first."""
        # Waiting threads that spin slow everything down as soon as another process wants the core.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([*_PRELOAD, *preload])
        gpus = self.machine().count
        cores = os.cpu_count() or 1

        def start(job: Job, slot: int) -> _Place:
            receiver, sender = context.Pipe(duplex=False)
            device = _device(slot % gpus) if gpus else None
            threads = cores if job.alone else 1
            process = context.Process(
                target=_child, args=(job, sender, threads, device), name=job.name
            )
            process.start()
            sender.close()
            return _Place(job, process, receiver, slot)

        waiting = list(jobs)
        free = list(range(self.workers or gpus or cores))
        running: list[_Place] = []
        try:
            while waiting or running:
                while waiting and free:
                    with _interrupts_held():
                        running.append(start(waiting.pop(0), free.pop(0)))
                    on_event(Event(running[-1].job, "start"))
                ready = wait([place.events for place in running])
                for place in [place for place in running if place.events in ready]:
                    if not _receive(place, on_event):
                        running.remove(place)
                        free.append(place.slot)
                        on_event(_ended(place))
        finally:
            for place in running:
                place.process.terminate()
            for place in running:
                place.process.join()


def _receive(place: _Place, on_event: Callable[[Event], None]) -> bool:
    """Pass one message on; False when the child has closed its end."""
    try:
        kind, *rest = place.events.recv()
    except (EOFError, OSError):
        return False
    if kind == "failed":
        place.failure = rest[0]
    else:
        on_event(Event(place.job, "progress", *rest))
    return True


def _ended(place: _Place) -> Event:
    place.process.join()
    code = place.process.exitcode
    if code == 0:
        return Event(place.job, "done")
    killed = f"ended by signal {-code}" if code is not None and code < 0 else f"exit code {code}"
    if code == -signal.SIGKILL:
        killed += " (out of memory?)"
    return Event(place.job, "failed", message=place.failure or killed)


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C waits, and the fork server started meanwhile never sees one, nor do its children.

    It reaches the whole group, while the parent decides what ends, and has to know what it started.
    """
    # It unblocks the signal when it starts.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    # Another thread, as that of the progress bars, may still take it, and this one raise.
    handler = signal.getsignal(signal.SIGINT)
    seen: list[int] = []
    is_heeded = callable(handler) and threading.current_thread() is threading.main_thread()
    if is_heeded:
        signal.signal(signal.SIGINT, lambda number, _: seen.append(number))
    try:
        yield
    finally:
        if is_heeded:
            signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if seen:
        raise KeyboardInterrupt


def _device(index: int) -> str:
    """Name of the index-th device that this process may use: a scheduler may have lent it few."""
    lent = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    return lent[index % len(lent)].strip() or str(index)


def _child(job: Job, events: Connection, threads: int, device: str | None) -> None:
    """Run one job in this process and exit with 0 or 1."""
    # Somebody else may have started the fork server.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    _die_with_parent()
    if device is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = device
    failure = carry_out(job, lambda *where: events.send(("progress", *where)), threads=threads)
    if failure:
        events.send(("failed", failure))
        events.close()
        sys.exit(1)


def _die_with_parent() -> None:
    """End this process as soon as the one that asked for it is gone (kill -9 leaves no orphans)."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "only children come here"

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
