"""A plug-in that is a package of its own is installed, found, held to the laws and part of all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
SOURCE = Path(__file__).parent / "plugin_package"
RUN = "from akl_bench.cli.main import main; main()"
ALL = """
from akl_bench import divergences, metrics
from akl_bench.pipeline.objectives import resolve
from akl_bench.testing import check_metric
made = divergences.get("squared_euclidean(weight=2)")
print(divergences.registry.spec_of(made))
print([o.label for o in resolve(["all"]) if "euclidean" in o.label])
print(metrics.get("question_rate").per_example(["Why?", "So."]))
print(list(check_metric("question_rate").failures))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """Run Python with the plug-in installed beside the package under test."""
    target = tmp_path_factory.mktemp("site")
    source = tmp_path_factory.mktemp("source") / "plugin_package"
    # Nothing is built in the source tree.
    subprocess.run(["cp", "-r", SOURCE, source], check=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--target", target]
    subprocess.run([*pip, *options, source], check=True)
    root = str(SOURCE.parent.parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(target), root])}

    def run(code, *arguments):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=environment,
            cwd=target,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize(
    ("kind", "name"), [("objectives", "squared_euclidean"), ("metrics", "question_rate")]
)
def test_ls_shows_it_with_where_it_comes_from(python, kind, name):
    (line,) = (row for row in python(RUN, "ls", kind).splitlines() if row.startswith(name))
    assert f"installed plug-in akl_bench_example.{name}:" in line


def test_the_laws_hold_for_it(python):
    page = python(RUN, "verify", "divergence", "squared_euclidean")
    assert page.startswith("squared_euclidean(weight=1): all laws hold")


def test_it_is_built_by_spec_and_part_of_all(python):
    spec, objectives, scores, broken = python(ALL).splitlines()
    assert spec == "squared_euclidean(weight=2)"
    assert objectives == "['squared_euclidean(weight=1)']"
    assert scores == "[1.0, 0.0]"
    assert broken == "[]"
