"""The built wheel holds all data that a run needs, and works away from the source tree."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from akl_bench import config, tasks

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parent.parent
NEEDED = [
    *(f"akl_bench/_tasks/{name}.yaml" for name in tasks.available()),
    *(f"akl_bench/profiles/{name}.yaml" for name in config.profile_paths()),
    "akl_bench/microworld/teacher/config.json",
    "akl_bench/microworld/teacher/model.safetensors",
    "akl_bench/microworld/teacher/tokenizer.json",
    "akl_bench/microworld/teacher_two/model.safetensors",
    "akl_bench/py.typed",
]
LOOK = """
import os, akl_bench
from akl_bench import tasks
from akl_bench.microworld import TEACHER
print(os.path.dirname(akl_bench.__file__))
print((TEACHER / "model.safetensors").is_file(), len(tasks.available()))
from akl_bench.cli.main import main
main(["ls", "tasks"])
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = folder.glob("*.whl")
    return found


def test_the_data_is_inside_and_the_weights_are_small(wheel):
    with zipfile.ZipFile(wheel) as archive:
        sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
    assert [name for name in NEEDED if name not in sizes] == []
    assert sizes["akl_bench/microworld/teacher/model.safetensors"] <= 4 * 2**20
    assert sizes["akl_bench/microworld/teacher_two/model.safetensors"] <= 4 * 2**20
    assert not [name for name in sizes if name.startswith(("tests/", "results/", "benchmarks/"))]
    assert not [name for name in sizes if name.endswith((".bin", ".pt", ".pkl"))]


def test_an_installed_wheel_lists_its_tasks_from_another_folder(wheel, tmp_path):
    target = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--no-deps", "--no-index", "--target", target, wheel], check=True)
    # Dependencies come from the interpreter that runs the tests, the package from the wheel alone.
    done = subprocess.run(
        [sys.executable, "-c", LOOK],
        env={**os.environ, "PYTHONPATH": str(target)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    where, found, *lines = done.stdout.splitlines()
    assert where == str(target / "akl_bench")
    assert found == f"True {len(tasks.available())}"
    assert [line.split()[0] for line in lines] == list(tasks.available())
