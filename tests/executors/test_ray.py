"""Tasks of a Ray cluster of this machine: the same jobs end the same way as in child processes."""

import importlib.util
import os
import signal
import sys
import time

import pytest

from akl_bench.errors import MissingDependencyError, UsageError
from akl_bench.executors.base import Job, Machine
from akl_bench.executors.ray import Ray

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None,
    reason='ray is absent: pip install "akl-bench[ray]"',
)
JOBS = """
import os, pathlib, signal, time
from akl_bench.errors import UsageError

def tell(path, report):
    import torch
    print("to the log")
    report("half", 1, 2)
    settings = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    pathlib.Path(path).write_text(f"{os.getpid()} {settings}")

def fail(report):
    raise ZeroDivisionError("no luck")

def refuse(report):
    raise UsageError("one clear sentence")

def die(report):
    os.kill(os.getpid(), signal.SIGKILL)

def wait(path, report):
    pathlib.Path(path).write_text(str(os.getpid()))
    report("waiting", 0, 0)
    time.sleep(60)
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run functions of JOBS in a folder of their own; gives what was told about each."""
    (tmp_path / "ray_jobs.py").write_text(JOBS)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    monkeypatch.chdir(tmp_path)

    def start(*calls, on_event=None):
        jobs = [
            Job(f"{function}-{index}", f"ray_jobs:{function}", arguments, "log")
            for index, (function, *arguments) in enumerate(calls)
        ]
        told = {job.name: [] for job in jobs}

        def note(event):
            told[event.job.name].append(event)
            if on_event is not None:
                on_event(event)

        Ray(workers=2, address="local").run(jobs, note)
        return told

    return start


@pytest.mark.slow
@needs_ray
def test_jobs_end_as_they_do_in_child_processes(run, tmp_path):
    told = run(("fail",), ("tell", "a"), ("refuse",), ("die",), ("tell", "b"))
    for name in ("tell-1", "tell-4"):
        assert [event.kind for event in told[name]] == ["start", "progress", "done"]
        assert [(e.stage, e.done, e.total) for e in told[name] if e.stage] == [("half", 1, 2)]
    failed = [told[name][-1] for name in ("fail-0", "refuse-2", "die-3")]
    assert [event.kind for event in failed] == ["failed"] * 3
    assert [event.message for event in failed][:2] == [
        "ZeroDivisionError: no luck",
        "one clear sentence",
    ]
    assert failed[2].message.startswith("WorkerCrashedError: ")
    assert "\n" not in failed[2].message
    log = (tmp_path / "log").read_text()
    assert "to the log" in log and "in fail" in log, "the log has the traceback"
    # A relative path leads to the caller's folder; each job has a process of its own.
    (one, *settings), (other, *_) = (
        (tmp_path / name).read_text().split(maxsplit=1) for name in "ab"
    )
    assert one != other and settings == ["(1, True)"]


@pytest.mark.slow
@needs_ray
def test_the_machine_is_that_of_a_worker(run):
    assert Ray(address="local").machine() == Machine()


@pytest.mark.slow
@needs_ray
def test_an_interruption_ends_the_tasks(run, tmp_path):
    def interrupt(event):
        if event.kind == "progress":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(("wait", "pid"), on_event=interrupt)
    process = int((tmp_path / "pid").read_text())
    for _ in range(100):
        try:
            os.kill(process, signal.SIGCONT)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("the task runs on")


@needs_ray
@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:1"])
def test_an_address_without_a_cluster_is_refused_at_once(address):
    with pytest.raises(UsageError, match=f"--executor ray, address={address}: "):
        Ray(address=address).run([], lambda event: None)


def test_without_ray_the_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingDependencyError, match=r"--executor ray needs.*akl-bench\[ray\]"):
        Ray()
