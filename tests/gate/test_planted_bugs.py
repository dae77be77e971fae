"""A dozen training bugs, planted one by one into the real code: exact mode flags every one."""

import importlib.util
import sys
from pathlib import Path

import pytest

from akl_bench.gate import baseline
from akl_bench.gate.verdicts import Verdict

pytestmark = pytest.mark.slow

_PATH = Path(__file__).parents[2] / "benchmarks" / "planted_bugs.py"
_SPEC = importlib.util.spec_from_file_location("planted_bugs", _PATH)
bench = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = bench
_SPEC.loader.exec_module(bench)

# More than one epoch of 4 steps; answers of 8 prompts; fidelity on 8.
BUDGET = [
    "training.steps=6",
    "data.train.rows=128",  # fewer than are trained on, so that an epoch ends
    "data.validation.rows=8",
    "tasks.micro_test.data.rows=8",
    "tasks.micro_fidelity.data.rows=8",
] + [f"tasks.micro_{name}=null" for name in ("composition", "open", "agreement", "facts", "cloze")]
TRAINED = {"weights", "kl_pq"}


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    return bench.make_teacher(tmp_path_factory.mktemp("teacher"))


@pytest.fixture(scope="module")
def base(teacher, tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    run = bench.train(folder / "run", teacher, (1,), BUDGET, None)
    return baseline.create(run, folder / "b.json", allow_partial=True)


def differing(report):
    return {c.column.metric for c in report.comparisons if c.verdict is Verdict.REGRESSION}


@pytest.mark.parametrize("bug", bench.BUGS)
def test_exact_mode_flags_the_bug(base, teacher, tmp_path, bug):
    run = bench.train(tmp_path / "run", teacher, (1,), BUDGET, bug)
    report = bench.verdict_of(base, run, "exact")
    assert report.exit_code == 1
    # Keeping the end token is the one bug that leaves training alone.
    expected = {"length"} if bug == "end token kept in answers" else TRAINED
    assert expected <= differing(report)
    assert bug != "end token kept in answers" or not TRAINED & differing(report)


def test_clean_runs_raise_no_alarm(base, teacher, tmp_path):
    for number in range(3):
        run = bench.train(tmp_path / str(number), teacher, (1,), BUDGET, None)
        report = bench.verdict_of(base, run, "exact")
        assert {c.verdict for c in report.comparisons} == {Verdict.PASS}
        assert report.exit_code == 0
