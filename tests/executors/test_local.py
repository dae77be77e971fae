"""Child processes: what becomes of jobs that end well, badly, or not by themselves."""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from akl_bench.executors import local, registry
from akl_bench.executors.base import Job, Machine
from akl_bench.executors.local import Local

JOBS = """
import os, pathlib, signal, sys, time
from akl_bench.errors import UsageError

def write(path, report):
    report("half", 1, 2)
    print("to the log")
    print("of errors too", file=sys.stderr)
    os.system("echo of children too")
    pathlib.Path(path).write_text(os.environ.get("CUDA_VISIBLE_DEVICES", "none"))

def fail(report):
    raise ZeroDivisionError("no luck")

def refuse(report):
    raise UsageError("one clear sentence")

def die(report):
    os.kill(os.getpid(), signal.SIGKILL)

def leave(report):
    os._exit(7)

def threads(path, report):
    import torch
    pathlib.Path(path).write_text(str(torch.get_num_threads()))

def wait(path, report):
    pathlib.Path(path).write_text(str(os.getpid()))
    time.sleep(60)

def overlap(folder, report):
    mark = pathlib.Path(folder) / str(os.getpid())
    mark.write_text("")
    time.sleep(0.2)
    at_once = len(list(pathlib.Path(folder).iterdir()))
    mark.unlink()
    report("at once", at_once, 0)
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run functions of JOBS, each with its arguments; gives what was told about each."""
    (tmp_path / "executor_jobs.py").write_text(JOBS)
    monkeypatch.syspath_prepend(tmp_path)

    def start(*calls, workers=2, gpus=0, alone=False, on_event=None):
        machine = Machine("cuda", gpus) if gpus else Machine()
        monkeypatch.setattr(Local, "machine", lambda self: machine)
        jobs = [
            Job(
                f"{function}-{index}",
                f"executor_jobs:{function}",
                arguments,
                str(tmp_path / "log"),
                alone,
            )
            for index, (function, *arguments) in enumerate(calls)
        ]
        told = {job.name: [] for job in jobs}

        def note(event):
            told[event.job.name].append(event)
            if on_event is not None:
                on_event(event)

        registry.create(f"local(workers={workers})").run(jobs, note)
        return told

    return start


def kinds(events):
    return [event.kind for event in events]


def test_a_job_tells_where_it_is_and_what_it_prints_goes_to_its_log(run, tmp_path, capfd):
    told = run(("write", tmp_path / "x"), workers=1)
    assert kinds(told["write-0"]) == ["start", "progress", "done"]
    assert [(e.stage, e.done, e.total) for e in told["write-0"] if e.stage] == [("half", 1, 2)]
    assert (tmp_path / "x").read_text() == "none"
    log = (tmp_path / "log").read_text()
    assert all(line in log for line in ("to the log", "of errors too", "of children too"))
    assert capfd.readouterr() == ("", "")


def test_a_job_that_fails_stops_no_other_and_says_why(run, tmp_path):
    told = run(("fail",), ("refuse",), ("die",), ("leave",), ("write", tmp_path / "x"), workers=2)
    last = {name: events[-1] for name, events in told.items()}
    assert kinds(last.values()) == ["failed"] * 4 + ["done"]
    assert [event.message for event in last.values()][:4] == [
        "ZeroDivisionError: no luck",
        "one clear sentence",
        "ended by signal 9 (out of memory?)",
        "exit code 7",
    ]
    assert "in fail" in (tmp_path / "log").read_text(), "the log has the traceback"


def test_no_more_jobs_than_workers_run_at_once(run, tmp_path):
    folder = tmp_path / "running"
    folder.mkdir()
    told = run(*[("overlap", folder)] * 5, workers=2)
    at_once = [event.done for events in told.values() for event in events if event.stage]
    assert len(at_once) == 5 and max(at_once) == 2


def test_each_place_has_its_device(run, tmp_path, monkeypatch):
    paths = [tmp_path / name for name in "abc"]
    run(*[("write", path) for path in paths], workers=1, gpus=2)
    assert [path.read_text() for path in paths] == ["0", "0", "0"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5, GPU-7")
    for gpus in (1, 2):
        run(*[("write", path) for path in paths], workers=gpus, gpus=gpus)
        assert {path.read_text() for path in paths} == set(["5", "GPU-7"][:gpus])


@pytest.mark.parametrize(("alone", "threads"), [(False, "1"), (True, "3")])
def test_a_job_that_is_alone_has_every_core(run, tmp_path, monkeypatch, alone, threads):
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    run(("threads", tmp_path / "t"), workers=1, alone=alone)
    assert (tmp_path / "t").read_text() == threads


@pytest.mark.parametrize(("gpus", "places"), [(0, 3), (2, 2)])
def test_without_a_number_of_workers_there_is_one_for_each_gpu_or_core(
    run, tmp_path, monkeypatch, gpus, places
):
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    folder = tmp_path / "running"
    folder.mkdir()
    told = run(*[("overlap", folder)] * 6, workers=0, gpus=gpus)
    assert max(event.done for events in told.values() for event in events if event.stage) == places


def test_without_a_driver_the_machine_is_known_without_torch(tmp_path):
    code = (
        "import sys; from akl_bench.executors import local, registry; "
        f"local._DRIVERS = ('{tmp_path}/none',); "
        "print(registry.create('local').machine()); "
        "print('torch' in sys.modules)"
    )
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert child.stdout == f"{Machine('cpu', 0, False)}\nFalse\n"


def test_a_driver_without_a_gpu_is_a_machine_without_one(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "_DRIVERS", (str(tmp_path),))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert Local().machine() == Machine()


def test_an_interruption_ends_the_children(run, tmp_path):
    path = tmp_path / "pid"

    def interrupt(event):
        while not path.exists() or not path.read_text():
            time.sleep(0.01)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(("wait", path), on_event=interrupt)
    with pytest.raises(ProcessLookupError):
        os.kill(int(path.read_text()), signal.SIGCONT)


CTRL_C = """
import threading, time
from akl_bench.executors import registry
from akl_bench.executors.base import Job, Machine
from akl_bench.executors.local import Local

if __name__ == "__main__":
    # As the progress bars have one: it can take the signal that the main thread blocks.
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    try:
        job = Job("wait", "executor_jobs:wait", ("pid",), "log")
        Local(workers=1).run([job], lambda event: None, preload=("slow_to_import",))
    except KeyboardInterrupt:
        raise SystemExit(130)
"""


@pytest.mark.parametrize("moment", ["importing", "pid"])
def test_ctrl_c_ends_the_children_and_only_the_parent_speaks(tmp_path, moment):
    (tmp_path / "executor_jobs.py").write_text(JOBS)
    (tmp_path / "ctrl_c.py").write_text(CTRL_C)
    (tmp_path / "slow_to_import.py").write_text(
        "import pathlib, time\npathlib.Path('importing').touch()\ntime.sleep(2)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "ctrl_c.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # In a job that a shell put into the background Ctrl-C is ignored, by children as well.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / moment).exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        # The job would wait for a minute.
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, err) == (130, "")
