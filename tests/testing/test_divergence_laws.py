"""Every registered divergence keeps every law; a new file is tested without a test of its own."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from torch.nn.functional import log_softmax

from akl_bench import divergences
from akl_bench.cli.verify import verify
from akl_bench.errors import UsageError
from akl_bench.testing import Report, check_divergence
from akl_bench.testing.divergence_laws import LAWS
from akl_bench.testing.divergence_measure import ExactLogSoftmax

# Settings that take another branch than the defaults do.
SETTINGS = (
    "adakd(c=0)",
    "alpha_mixture(alpha=-1, lam=0.5, divergence=forward_kl)",
    "alpha_mixture(alpha=1)",
    "alpha_mixture(alpha=3, lam=0.3)",
    "alpha_mixture(lam=0)",
    "concrete_score(w1=uniform)",
    "concrete_score(w1=teacher, w2=uniform)",
    "confidence_kl(beta=0.2)",
    "decoupled_kd(alpha=0, beta=8)",
    "entropy_gated_kl(gate=mix)",
    "entropy_gated_kl(threshold=0.2)",
    "renyi(alpha=1)",
    "renyi(alpha=2)",
    "skew_forward_kl(lam=0.7)",
    "taid(t_start=0, t_end=0.5)",
    "top_k_forward_kl(k=3)",
    "top_k_forward_kl(k=3, tail=false)",
)


@functools.cache
def _report(spec: str) -> Report:
    return check_divergence(spec)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("spec", [*divergences.names(), *SETTINGS])
def test_divergence_keeps_the_law(spec: str, law: str) -> None:
    by_law = {result.law: result for result in _report(spec).results}
    if law in by_law:
        result = by_law[law]
        assert result.passed or result.exempt, f"{result.worst:g} at {result.detail}"
    else:
        assert law in ("closed form", "symmetry", "limits"), "only these may not apply"


HEADER = '''
"""A plug-in that breaks a law."""
from dataclasses import dataclass
from typing import ClassVar
import torch
from akl_bench.divergences.base import Divergence

def kl(logp, logq):
    return (logp.exp() * (logp - logq)).sum(-1)

@dataclass(frozen=True)
class Broken(Divergence):
    {attributes}
    def per_token(self, logp_NV, logq_NV):
        logp, logq = self.inputs(logp_NV, logq_NV)
        {body}
'''

# law -> attributes, body
BROKEN = {
    "non-negative": ("", "return kl(logp, logq) - 2 * kl(logq, logp)"),
    "zero at p = q": ("", "return -(logp.exp() * logq).sum(-1)"),
    "permutation": ("", "return (kl(logp, logq)) * (1 + logp[:, 0].exp())"),
    "finite": ("", "return kl(logp_NV.detach(), logq_NV)"),
    "padding": ("", "return kl(logp, logq) / logp.shape[-1]"),
    "closed form": (
        "def per_token_and_grad(self, pair): return kl(*pair[:2]), pair.p_NV - pair.q_NV",
        "return kl(logp, logq)",
    ),
    "central differences": ("", "return kl(logp, logq) * logq.exp().amax(-1).detach()"),
    "float32": ("", "return (kl(logp, logq) + 1e4) - 1e4"),
    "teacher": ("", "return kl(logp_NV.clamp(min=-1e5), logq)"),
    "symmetry": ("symmetric: ClassVar[bool] = True", "return kl(logp, logq)"),
    "limits": (
        'limits: ClassVar[tuple] = (("broken(k=2)", "forward_kl"),); k: float = 1.0',
        "return self.k * kl(logp, logq)",
    ),
    "independence": ("", "return kl(logp, logq) * (1 + kl(logp, logq).mean())"),
    "deterministic": ("", "return kl(logp, logq) * (1 + torch.rand(()))"),
}


def test_the_float32_law_measures_the_formula_and_not_the_log_softmax_of_this_cpu() -> None:
    z_NV = 3 * torch.randn(4, 151_936, generator=torch.Generator().manual_seed(1))
    true_NV = z_NV.double().log_softmax(-1)
    with ExactLogSoftmax():
        for log_NV in (z_NV.log_softmax(-1), torch.log_softmax(z_NV, -1), log_softmax(z_NV, -1)):
            assert torch.equal(log_NV, true_NV.float())


def _plug_in(folder: Path, attributes: str, body: str) -> str:
    path = folder / "broken.py"
    path.write_text(HEADER.format(attributes=attributes or "pass", body=body))
    return f"{path}:Broken"


@pytest.mark.parametrize("law", BROKEN)
def test_a_plug_in_that_breaks_a_law_is_caught(tmp_path: Path, law: str) -> None:
    report = check_divergence(_plug_in(tmp_path, *BROKEN[law]))
    assert not report.ok
    assert law in [failure.law for failure in report.failures]


def test_every_law_has_a_plug_in_that_breaks_it() -> None:
    assert set(BROKEN) == set(LAWS)


def test_a_law_broken_on_purpose_is_reported_with_its_reason(tmp_path: Path) -> None:
    attributes, body = BROKEN["symmetry"]
    attributes += '; exempt: ClassVar[dict] = {"symmetry": "shown as an example"}'
    report = check_divergence(_plug_in(tmp_path, attributes, body))
    assert report.ok
    broken = [result for result in report.results if not result.passed]
    assert [(result.law, result.exempt) for result in broken] == [
        ("symmetry", "shown as an example")
    ]


def test_exempting_an_unknown_law_is_an_error(tmp_path: Path) -> None:
    attributes = 'exempt: ClassVar[dict] = {"symetry": "a typo"}'
    with pytest.raises(UsageError, match=r"symetry.*non-negative"):
        check_divergence(_plug_in(tmp_path, attributes, "return kl(logp, logq)"))


def test_a_crash_is_a_broken_law(tmp_path: Path) -> None:
    report = check_divergence(_plug_in(tmp_path, "", "raise ZeroDivisionError('mine')"))
    assert {failure.law for failure in report.failures} >= {"non-negative", "finite"}
    assert report.failures[0].detail == "ZeroDivisionError: mine"


def test_nan_is_called_nan(tmp_path: Path) -> None:
    report = check_divergence(_plug_in(tmp_path, *BROKEN["finite"]))
    details = {failure.law: failure.detail for failure in report.failures}
    assert "NaN (log-probabilities may be -inf: begin with self.inputs)" in details["non-negative"]
    assert "below zero" not in details["non-negative"]


def test_verify_prints_each_law_and_exits_0(tmp_path: Path) -> None:
    result = CliRunner().invoke(verify, ["divergence", "rkl", "hellinger"])
    assert result.exit_code == 0
    assert "reverse_kl: all laws hold" in result.output
    assert result.output.count("pass    finite") == 2


def test_verify_exits_1_and_names_the_broken_law(tmp_path: Path) -> None:
    spec = _plug_in(tmp_path, *BROKEN["permutation"])
    result = CliRunner().invoke(verify, ["divergence", "hellinger", spec])
    assert result.exit_code == 1
    assert "hellinger: all laws hold" in result.output
    assert "FAIL    permutation" in result.output
    assert "1 broken: broken" in result.output
