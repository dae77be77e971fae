"""Tasks of a Ray cluster."""

import contextlib
import importlib.util
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from akl_bench.errors import MissingDependencyError, UsageError
from akl_bench.executors.base import Event, Executor, Job, Machine, carry_out, survey

_CONNECT_SECONDS = 10.0
_POLL_SECONDS = 0.2
_END_SECONDS = 10.0


@dataclass(frozen=True)
class Ray(Executor):
    """Runs jobs as Ray tasks, each in a fresh process with one torch thread; none is tried twice.

    A task takes one CPU, and one GPU where the cluster has any. It works in the folder that this
    process works in, with the paths that it is given: all nodes must see the run's folder, and what
    the profile reads, at the same place, and have the same packages installed. How to come in is
    Ray's own business: a cluster with tokens wants RAY_AUTH_MODE=token here as on its nodes.

    Attributes:
        workers: Jobs at a time; 0: as many as the cluster has room for.
        address: Of the cluster. Empty: what RAY_ADDRESS says, else the cluster that this machine is
            part of, else one that is started here for the time of a call.

    Raises:
        MissingDependencyError: ray is not installed.
    """

    address: str = ""

    def __post_init__(self) -> None:
        if importlib.util.find_spec("ray") is None:
            raise MissingDependencyError("--executor ray", "ray")

    def machine(self) -> Machine:
        """See `Executor.machine`; asks a worker."""
        with self._cluster() as ray:
            gpus = 1 if ray.cluster_resources().get("GPU") else 0
            machine: Machine = ray.get(ray.remote(num_cpus=1, num_gpus=gpus)(survey).remote())
            return machine

    def run(
        self, jobs: Sequence[Job], on_event: Callable[[Event], None], preload: Sequence[str] = ()
    ) -> None:
        """See `Executor.run`. On an exception (Ctrl-C) the tasks are ended first.

        Raises:
            UsageError: No cluster answers at the address.
        """
        with self._cluster():
            self._run(jobs, on_event)

    @contextlib.contextmanager
    def _cluster(self) -> Iterator[Any]:
        # Nothing reaches the network unasked.
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        import ray

        online = {k: v for k, v in os.environ.items() if k == "AKL_BENCH_ONLINE"}
        host, _, port = self.address.rpartition(":")
        try:
            if port.isdecimal() and "://" not in host:
                # Ray itself would go on asking for a quarter of an hour.
                socket.create_connection((host, int(port)), _CONNECT_SECONDS).close()
            ray.init(
                self.address or None,
                include_dashboard=False,
                log_to_driver=False,
                logging_level="ERROR",
                runtime_env={"env_vars": online},
            )
        except (OSError, ValueError) as error:
            raise UsageError(f"--executor ray, address={self.address}: {_line(error)}") from error
        try:
            yield ray
        finally:
            ray.shutdown()

    def _run(self, jobs: Sequence[Job], on_event: Callable[[Event], None]) -> None:
        import ray
        from ray.util.queue import Queue
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        # On this node: another one that goes down must not take the news of all tasks with it.
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        news = Queue(actor_options={"num_cpus": 0, "scheduling_strategy": here})
        gpus = 1 if ray.cluster_resources().get("GPU") else 0
        task: Any = ray.remote(max_calls=1, max_retries=0, num_cpus=1, num_gpus=gpus)(_task)
        by_name = {job.name: job for job in jobs}
        waiting = list(jobs)
        running: dict[Any, Job] = {}
        try:
            while waiting or running:
                while waiting and len(running) < (self.workers or len(jobs)):
                    job = waiting.pop(0)
                    running[task.remote(job, news, Path.cwd())] = job
                ended, _ = ray.wait(list(running), timeout=_POLL_SECONDS)
                # What a task had to tell was here before it ended.
                for name, kind, *where in news.get_nowait_batch(news.qsize()):
                    on_event(Event(by_name[name], kind, *where))
                for reference in ended:
                    on_event(_ended(running.pop(reference), reference))
        finally:
            for reference in running:
                ray.cancel(reference, force=True)
            ray.wait([*running, ray.put(None)], num_returns=len(running) + 1, timeout=_END_SECONDS)


def _task(job: Job, news: Any, folder: Path) -> str:
    """Run one job in a worker of Ray; return why it failed, or nothing."""
    os.chdir(folder)
    news.put((job.name, "start"))
    return carry_out(job, lambda *where: news.put((job.name, "progress", *where)), threads=1)


def _ended(job: Job, reference: Any) -> Event:
    import ray

    try:
        failure = ray.get(reference)
    except ray.exceptions.RayError as error:
        # A task's own exception is wrapped; that of a worker that died says so itself.
        failure = _line(getattr(error, "cause", error))
    return Event(job, "failed", message=failure) if failure else Event(job, "done")


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
