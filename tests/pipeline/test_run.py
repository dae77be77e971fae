"""The real command, whole, on the micro profile with a tiny budget."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time

import pytest

pytestmark = pytest.mark.slow

# One generation task, one lm-eval task and fidelity: every kind of stage in a few seconds.
FEW = ["--smoke", "--out", "run"]
for _task in ("micro_composition", "micro_open", "micro_agreement", "micro_cloze"):
    FEW += ["--set", f"tasks.{_task}=null"]
MINE = '''
from dataclasses import dataclass
from akl_bench.divergences import Divergence

@dataclass(frozen=True)
class Mine(Divergence):
    """Half the squared Euclidean distance of the probabilities."""

    def per_token(self, logp_NV, logq_NV):
        {body}
        return 0.5 * (logp_NV.exp() - logq_NV.exp()).square().sum(-1)
'''


def tree(folder, *names):
    """Hash of every file below a folder that has one of the names (of every file: no names)."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and (not names or path.name in names)
    }


def numbers(run):
    """What must not depend on how often a run was interrupted."""
    files = "rows.jsonl model.safetensors train.jsonl training.json completions.jsonl"
    return tree(run / "cells", *files.split())


def values(run):
    """Every number of a run, from its seals."""
    seals = sorted((run / "cells").glob("*/scores/*/*/seal.json"))
    return {
        str(path.relative_to(run)): json.loads(path.read_text())["record"]["metrics"]
        for path in seals
    }


def test_a_run_trains_scores_seals_and_prints_and_then_has_nothing_to_do(akl_bench, tmp_path):
    (tmp_path / "mine.py").write_text(MINE.format(body=""))
    arguments = ["run", "./mine.py:Mine", "fkl", "akl", "sft", *FEW]
    code, out, err = akl_bench(*arguments)
    assert code == 0, err
    expected = {"teacher", "untrained", "adaptive_kl", "forward_kl", "mine", "sft"}
    rows = [name for line in out.splitlines() if (name := line.partition(" ")[0]) in expected]
    assert rows[:2] == ["teacher", "untrained"]
    assert sorted(rows) == sorted(expected)
    assert "over training seeds, 1 each" in out
    assert "no evidence" in out
    before = tree(tmp_path / "run" / "cells")
    code, again, err = akl_bench(*arguments)
    assert code == 0
    assert "Nothing to do: all 6 cells are finished" in err
    assert again == out
    assert tree(tmp_path / "run" / "cells") == before


KILLED = ["run", "akl", *FEW, "--set", "training.checkpoint_every=1", "--workers", "2"]


@pytest.fixture(scope="module")
def never_killed(tmp_path_factory, run_cli):
    """The run that is killed below, left alone."""
    folder = tmp_path_factory.mktemp("never_killed")
    code, _, err = run_cli(folder, *KILLED)
    assert code == 0, err
    return folder / "run"


@pytest.mark.parametrize("number", range(3))
def test_kill_9_at_any_moment_leaves_no_orphans_and_the_same_numbers(
    start, akl_bench, tmp_path, number, never_killed
):
    interrupted = 0
    for delay in (3.0 + number, 6.0, 7.0, 8.0 + number):
        process = start(*KILLED, start_new_session=True)
        try:
            process.communicate(timeout=delay)
        except subprocess.TimeoutExpired:
            interrupted += 1
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
            wait_until_gone(process.pid)
    code, _, err = akl_bench(*KILLED)
    assert code == 0, err
    assert interrupted >= 1
    assert numbers(tmp_path / "run") == numbers(never_killed)
    assert values(tmp_path / "run") == values(never_killed)


def wait_until_gone(session):
    """The children of a killed run end by themselves within seconds."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = subprocess.run(["ps", "-o", "pid=", "-s", str(session)], capture_output=True)
        if not found.stdout.strip():
            return
        time.sleep(0.2)
    raise AssertionError(f"still running: {found.stdout}")


def heed_interrupts():
    """A job that a shell put into the background ignores them, and so would its children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_ctrl_c_ends_with_130_and_says_how_to_go_on(start, tmp_path):
    process = start("run", "akl", *FEW, start_new_session=True, preexec_fn=heed_interrupts)
    while not (tmp_path / "run" / "run.json").exists():
        assert process.poll() is None
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "same command goes on" in err
    assert "Traceback" not in err
    wait_until_gone(process.pid)


def test_a_failing_cell_is_named_and_does_not_stop_the_others(akl_bench, tmp_path):
    plugin = tmp_path / "mine.py"
    plugin.write_text(MINE.format(body="raise RuntimeError('on purpose')"))
    arguments = ["run", "./mine.py:Mine", "fkl", *FEW]
    code, out, err = akl_bench(*arguments)
    assert code == 1
    assert "Failed: mine, one_layer, seed 1: RuntimeError: on purpose" in err
    assert "0/1" in next(line for line in out.splitlines() if line.startswith("mine"))
    assert "1/1" in next(line for line in out.splitlines() if line.startswith("forward_kl"))
    plugin.write_text(MINE.format(body=""))
    code, out, err = akl_bench(*arguments)
    assert code == 0, err
    assert "3 of 4 cells are finished already" in err
    assert any(line.startswith("mine") for line in out.splitlines())
    assert "over training seeds, 1 each" in out


def test_a_loss_that_is_nan_fails_its_cell_at_its_step(akl_bench, tmp_path):
    (tmp_path / "mine.py").write_text(MINE.format(body="return logq_NV.sum(-1) * float('nan')"))
    code, out, err = akl_bench("run", "./mine.py:Mine", *FEW)
    assert code == 1
    assert "Failed: mine, one_layer, seed 1: step 1 of 3: loss nan" in err
    assert "nan" not in out


def test_a_folder_of_another_configuration_is_refused_with_the_difference(akl_bench, tmp_path):
    assert akl_bench("run", "sft", *FEW)[0] == 0
    before = tree(tmp_path / "run")
    code, _, err = akl_bench("run", "sft", *FEW, "--set", "training.lr=0.5")
    assert code == 2
    assert "belongs to another configuration (there -> now):\n  training.lr: 0.004 -> 0.5" in err
    assert tree(tmp_path / "run") == before


def test_a_folder_with_other_files_is_refused(akl_bench, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("x")
    code, _, err = akl_bench("run", "sft", *FEW)
    assert code == 2
    assert "run holds other files and no run" in err
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["thesis.tex"]


def test_only_what_changed_is_run_again(akl_bench, tmp_path):
    rows = [
        {"id": f"r{i}", "instruction": f"count from one to {w}", "input": "", "output": w}
        for i, w in enumerate(["three", "four", "five"])
    ]
    data = tmp_path / "rows.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = ["run", "fkl", *FEW, "--set", f"data.train.path={data}"]
    assert akl_bench(*arguments)[0] == 0
    os.utime(data)
    assert "Nothing to do" in akl_bench(*arguments)[2]
    data.write_text(data.read_text().replace('"three"', '"two"'))
    code, _, err = akl_bench(*arguments)
    assert code == 0
    assert "Nothing to do" not in err
    names = [path.name for path in (tmp_path / "run" / "cells").iterdir()]
    assert len([name for name in names if name.startswith("forward-kl")]) == 2


def test_a_second_process_on_the_same_run_is_refused(start, akl_bench, tmp_path):
    with start("run", "akl", *FEW) as first:
        deadline = time.monotonic() + 30
        lock = tmp_path / "run" / "run.lock"
        while not (lock.exists() and lock.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        code, _, err = akl_bench("run", "akl", *FEW)
        first.communicate(timeout=300)
    assert code == 1
    assert f"in use by another akl-bench (process {first.pid})" in err
    assert first.returncode == 0


def test_a_flipped_bit_in_a_sealed_cell_is_found_and_the_cell_made_anew(akl_bench, tmp_path):
    assert akl_bench("run", "sft", *FEW)[0] == 0
    whole = numbers(tmp_path / "run")
    cell = next((tmp_path / "run" / "cells").glob("sft-*"))
    weights = cell / "student" / "model" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-7] ^= 4
    weights.write_bytes(content)
    code, _, err = akl_bench("run", "sft", *FEW)
    assert code == 0
    assert "2 of 3 cells are finished already" in err
    fresh = {k: v for k, v in numbers(tmp_path / "run").items() if ".student.corrupt" not in k}
    assert fresh == whole
    assert list(cell.glob(".student.corrupt/model/model.safetensors")), "kept aside"


def test_flipped_bytes_in_the_teacher_s_states_are_found_before_anything_is_trained(
    akl_bench, tmp_path
):
    assert akl_bench("run", "fkl", *FEW)[0] == 0
    whole = numbers(tmp_path / "run")
    (states,) = (tmp_path / "run" / "shared").glob("states-train-*/hidden.npy")
    content = bytearray(states.read_bytes())
    content[-400:] = bytes(400)
    states.write_bytes(content)
    (student,) = (tmp_path / "run" / "cells").glob("forward-kl-*/student")
    shutil.rmtree(student)
    code, _, err = akl_bench("run", "fkl", *FEW)
    assert code == 0, err
    assert numbers(tmp_path / "run") == whole


def test_a_checkpoint_from_elsewhere_is_a_row_with_the_numbers_of_the_same_student(
    akl_bench, tmp_path
):
    assert akl_bench("run", "sft", *FEW)[0] == 0
    (student,) = (tmp_path / "run" / "cells").glob("sft-*/student/model")
    shutil.copytree(student, tmp_path / "colleague")
    code, out, err = akl_bench("score", "colleague", "--out", "run")
    assert code == 0, err
    rows = {words[0]: words[1:] for line in out.splitlines() if (words := line.split())}
    # All but the superscripts of ranks and the learning rate, which nobody knows of a checkpoint.
    *own, rate = (number.strip("¹²") for number in rows["colleague"])
    assert own == [number.strip("¹²") for number in rows["sft"]][:-1]
    assert rate == "-"
    before = tree(tmp_path / "run" / "cells")
    code, _, err = akl_bench("score", "colleague", "--out", "run")
    assert code == 0 and "Nothing to do" in err
    assert tree(tmp_path / "run" / "cells") == before
    code, out, err = akl_bench("score", "colleague", "--out", "run", "--label", "sft")
    assert code == 2 and "that is the name of another row" in err


def test_a_checkpoint_is_scored_without_a_run_and_without_training_data(akl_bench, tmp_path):
    assert akl_bench("run", "sft", *FEW)[0] == 0
    (student,) = (tmp_path / "run" / "cells").glob("sft-*/student/model")
    arguments = [part for part in FEW if part not in ("--out", "run")]
    absent = ["--set", "data.train={source: null, path: absent.jsonl}"]
    code, out, err = akl_bench(
        "score", student, "--label", "theirs", "--out", "alone", *arguments, *absent
    )
    assert code == 0, err
    assert any(line.startswith("theirs") for line in out.splitlines())
    assert "over training seeds, 1 each" in out
    assert not list((tmp_path / "alone").glob("cells/*/student"))


def test_a_run_is_scored_with_a_further_metric_and_nothing_is_trained(akl_bench, tmp_path):
    assert akl_bench("run", "fkl", *FEW)[0] == 0
    before = tree(tmp_path / "run" / "cells")
    code, out, err = akl_bench("score", "run", "--metric", "compression_ratio")
    assert code == 0, err
    assert "compression" in out
    after = tree(tmp_path / "run" / "cells")
    assert {k: after[k] for k in before if "log.txt" not in k} == {
        k: v for k, v in before.items() if "log.txt" not in k
    }
    new = {k.split("/", 1)[1] for k in after.keys() - before.keys()}
    assert {name.split("/")[2].partition("-")[0] for name in new} == {"compression_ratio"}
    code, _, err = akl_bench("score", "run", "--metric", "nope")
    assert code == 2 and "Unknown metric 'nope'" in err


def test_what_is_neither_a_run_nor_a_checkpoint_is_said(akl_bench, tmp_path):
    (tmp_path / "empty").mkdir()
    code, _, err = akl_bench("score", "empty")
    assert code == 2
    assert "empty is neither a run (no run.json) nor a checkpoint (no config.json)" in err


def test_a_teacher_writes_for_seqkd_and_is_not_asked_twice(akl_bench, tmp_path):
    code, out, err = akl_bench("run", "sft@seqkd", "fkl@seqkd(temperature=0)", "fkl", *FEW)
    assert code == 0, err
    assert "over training seeds, 1 each" in out
    labels = {line.partition(" ")[0] for line in out.splitlines()}
    assert {"sft@seqkd(temperature=1)", "forward_kl@seqkd(temperature=0)", "forward_kl"} <= labels
    shared = tmp_path / "run" / "shared"
    assert len(list(shared.glob("examples-train-seqkd*"))) == 2
    before = tree(shared)
    # Another objective on the same source takes the text that is there and asks for states alone:
    # SFT needed none.
    code, _, err = akl_bench("run", "rkl@seqkd", *FEW)
    assert code == 0, err
    new = tree(shared).keys() - before.keys()
    (added,) = {name.partition("/")[0] for name in new}
    assert added.startswith("states-train-seqkd-temperature-1")


OWN_WORDS = '''
from dataclasses import dataclass, replace
from akl_bench.training.sources import Source

@dataclass(frozen=True)
class OwnWords(Source):
    """What the student itself says to a step's prompts."""

    needs = frozenset({"student samples"})

    def examples(self, key, rows, student, state):
        said = {a.id: a.ids for a in student({r.id: r.prompt for r in rows}, seed=key.step)}
        return [replace(r, response=said[r.id] + r.response[-1:], cache_row=None) for r in rows]
'''


def test_a_source_of_one_s_own_trains_on_the_student_s_samples_to_the_same_bits(
    akl_bench, tmp_path
):
    (tmp_path / "own.py").write_text(OWN_WORDS)
    arguments = ["run", "rkl@./own.py:OwnWords", *FEW]
    code, _, err = akl_bench(*arguments)
    assert code == 2
    assert "reverse_kl@own_words: the student's own text cannot be cached; set" in err
    arguments += ["--set", "training.teacher=live"]
    code, out, err = akl_bench(*arguments)
    assert code == 0, err
    assert any(line.startswith("reverse_kl@own_words") for line in out.splitlines())
    code, _, err = akl_bench(*arguments, "--out", "again")
    assert code == 0, err
    assert numbers(tmp_path / "run") == numbers(tmp_path / "again")
    (tmp_path / "own.py").write_text(OWN_WORDS + "# a comment\n")
    assert "Nothing to do" in akl_bench(*arguments)[2]
    (tmp_path / "own.py").write_text(OWN_WORDS.replace("seed=key.step", "seed=7"))
    assert "Nothing to do" not in akl_bench(*arguments)[2]
