"""AKL's weights in toys whose numbers are given, and on a real run against NumPy."""

import shutil

import numpy as np
import pytest
import torch

from akl_bench import config
from akl_bench.artifacts.store import Run
from akl_bench.data.examples import read_examples
from akl_bench.models.loading import load_model, model_in
from akl_bench.papers.akl.claims import weights
from akl_bench.papers.akl.claims.card import Verdict
from akl_bench.papers.akl.claims.runs import trained
from akl_bench.papers.akl.objectives import AKL
from akl_bench.pipeline.run import run

CPU = {"dtype": torch.float32, "device": "cpu"}
UNUSED = ("micro_composition", "micro_open", "micro_agreement", "micro_cloze", "micro_facts")


@pytest.mark.slow
def test_weights_of_a_trained_student(tmp_path):
    profile = config.load("micro", [f"tasks.{name}=null" for name in UNUSED], smoke=True)
    assert not run(["akl"], profile, tmp_path / "run").failed
    (made,) = trained([tmp_path / "run"])
    part = weights.run(made)
    assert part.verdict is Verdict.OPEN  # one seed
    (cell,) = made.cells(AKL).values()
    (held_out,) = Run(tmp_path / "run").shared.glob("examples-task-micro_fidelity-*")
    student = model_in(cell.folder.model, **CPU)
    teacher = load_model(profile.teacher, **CPU)
    w = []
    for example in read_examples(held_out / "examples.npz"):
        ids = torch.tensor([example.prompt + example.response])[:, :-1]
        with torch.no_grad():
            p, q = (
                m(ids).logits[0, len(example.prompt) - 1 :].double().softmax(-1).numpy()
                for m in (teacher, student)
            )
        order = np.argsort(-p, axis=1)
        gap = np.take_along_axis(np.abs(p - q), order, 1)
        before = np.cumsum(np.take_along_axis(p, order, 1), 1) - np.take_along_axis(p, order, 1)
        w += ((gap * (before <= 0.5)).sum(1) / gap.sum(1)).tolist()
    near = np.mean(np.abs(np.array(w) - 0.5) < 0.05)
    assert part.data["after training"][cell.seed] == pytest.approx(near, abs=0.01)
    assert part.table.rows[1][2] == f"{np.mean(w):.2f}"
    part.draw(tmp_path / "weights.svg")
    assert (tmp_path / "weights.svg").stat().st_size > 5000
    (states,) = Run(tmp_path / "run").shared.glob("states-task-micro_fidelity-*")
    states.rename(tmp_path / "states")
    without = weights.run(made)
    assert (without.verdict, "states-task-micro_fidelity" in without.why) == (
        Verdict.UNTESTED,
        True,
    )
    (tmp_path / "states").rename(states)
    shutil.rmtree(cell.folder.student)
    assert weights.run(made).verdict is Verdict.UNTESTED


def test_weights_count_while_a_tenth_of_the_gap_is_left(toy, students):
    part = weights.toys(toy({AKL: students(0.7, 0.7)}))
    # .7 ** 6 = .118 and .7 ** 7 = .082: updates 0 to 6, all of them with w = 1/2.
    assert part.table.rows[0][1:] == ["100% [100%, 100%]", "100%", "100%", "0.50", "7 of 10"]
    assert part.verdict is Verdict.REFUTED
    far = weights.toys(toy({AKL: students(0.95, 0.5)}))
    # w = .95^t / (.95^t + .5^t): .5, .655, ... Only the first of 11 is near 1/2.
    assert far.verdict is Verdict.SUPPORTED
