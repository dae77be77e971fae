"""AKL's weights on a real run, against NumPy on plain models."""

import shutil

import numpy as np
import pytest
import torch

from akl_bench import config
from akl_bench.config import ModelRef
from akl_bench.models.loading import load_model
from akl_bench.papers.akl.claims import run_weights
from akl_bench.papers.akl.claims.card import AKL, Verdict
from akl_bench.papers.akl.claims.runs import trained
from akl_bench.pipeline import prepare
from akl_bench.pipeline.run import run

pytestmark = pytest.mark.slow


CPU = {"dtype": torch.float32, "device": "cpu"}
UNUSED = ("micro_composition", "micro_open", "micro_agreement", "micro_cloze", "micro_facts")


def test_weights_of_a_trained_student(tmp_path):
    profile = config.load("micro", [f"tasks.{name}=null" for name in UNUSED], smoke=True)
    assert not run(["akl"], profile, tmp_path / "run").failed
    (made,) = trained([tmp_path / "run"])
    part = run_weights.weights(made)
    assert part.verdict is Verdict.OPEN  # one seed
    (cell,) = made.cells(AKL).values()
    (shared,) = (tmp_path / "run" / "shared").iterdir()
    encoded = prepare.load_encoded(shared / "micro_fidelity.npz")
    student = load_model(ModelRef(source="path", path=str(cell.folder / "student")), **CPU)
    teacher = load_model(profile.teacher, **CPU)
    w = []
    for prompt, response in zip(encoded.prompts, encoded.responses, strict=True):
        ids = torch.tensor([prompt + response])[:, :-1]
        with torch.no_grad():
            p, q = (
                m(ids).logits[0, len(prompt) - 1 :].double().softmax(-1).numpy()
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
    shutil.rmtree(cell.folder / "student")
    assert run_weights.weights(made).verdict is Verdict.UNTESTED
