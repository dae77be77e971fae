import os
import subprocess
import sys

import pytest

COMMAND = [sys.executable, "-c", "from akl_bench.cli.main import main; main()"]


@pytest.fixture
def start(tmp_path):
    """Start `akl-bench` with arguments in a folder of its own; gives the process."""

    def begin(*arguments, **options):
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **options.pop("env", {})}
        return subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    return begin


@pytest.fixture
def akl_bench(start):
    """Run `akl-bench` with arguments; gives the exit code, standard output and error."""

    def run(*arguments, **options):
        with start(*arguments, **options) as process:
            out, err = process.communicate(timeout=500)
        assert "Traceback" not in err, err
        return process.returncode, out, err

    return run


@pytest.fixture(scope="session")
def run_cli():
    """Run `akl-bench` in a folder; gives the exit code, standard output and error."""

    def run(folder, *arguments):
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [*COMMAND, *map(str, arguments)],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=500,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr

    return run
