import math

import numpy as np
import pytest
import torch

from akl_bench.errors import UsageError
from akl_bench.metrics.fidelity import fidelity

P = (0.40, 0.35, 0.15, 0.10)
Q = (0.20, 0.48, 0.21, 0.11)


def head_of_the_paper(logp_NV):
    """The fewest tokens whose mass exceeds one half, as a NumPy loop."""
    mask = np.zeros(logp_NV.shape, dtype=bool)
    for row, logp_V in enumerate(logp_NV.double().numpy()):
        mass = 0.0
        for token in np.argsort(-logp_V):
            mask[row, token] = True
            mass += math.exp(logp_V[token])
            if mass > 0.5:
                break
    return torch.from_numpy(mask)


def logs(*rows):
    return torch.tensor(rows, dtype=torch.float32).log()


def test_values_of_the_worked_example():
    result = fidelity([(logs(P), logs(Q))], head_of_the_paper)
    assert result["kl_pq"] == pytest.approx(0.106708, abs=1e-6)
    assert result["kl_qp"] == pytest.approx(0.094123, abs=1e-6)
    assert result["head_gap"] == pytest.approx(0.33)
    assert result["tail_gap"] == pytest.approx(0.07)
    assert result["top1_agreement"] == 0.0
    assert result["tokens"] == 1


def test_a_perfect_student_has_no_gap():
    result = fidelity([(logs(P, Q), logs(P, Q))], head_of_the_paper)
    assert result == {
        "kl_pq": 0,
        "kl_qp": 0,
        "top1_agreement": 1,
        "head_gap": 0,
        "tail_gap": 0,
        "tokens": 2,
    }


def test_tokens_weigh_the_same_however_they_are_chunked():
    generator = torch.Generator().manual_seed(0)
    logp = torch.randn(10, 30, generator=generator).log_softmax(-1)
    logq = torch.randn(10, 30, generator=generator).log_softmax(-1)
    whole = fidelity([(logp, logq)], head_of_the_paper)
    uneven = fidelity([(logp[:1], logq[:1]), (logp[1:], logq[1:])], head_of_the_paper)
    assert uneven == pytest.approx(whole, rel=1e-12)
    p, q = logp.double().exp().numpy(), logq.double().exp().numpy()
    assert whole["kl_pq"] == pytest.approx((p * np.log(p / q)).sum(1).mean(), rel=1e-6)
    assert whole["head_gap"] + whole["tail_gap"] == pytest.approx(abs(p - q).sum(1).mean())


def test_masked_vocabulary_rows_count_nothing():
    padded = torch.full((1, 2), -math.inf)
    logp, logq = torch.cat([logs(P), padded], -1), torch.cat([logs(Q), padded], -1)
    result = fidelity([(logp, logq)], head_of_the_paper)
    assert result == pytest.approx(fidelity([(logs(P), logs(Q))], head_of_the_paper))


def test_excluded_tokens_make_the_divergence_infinite():
    result = fidelity([(logs((0.5, 0.5)), logs((1.0, 0.0)))], head_of_the_paper)
    assert result["kl_pq"] == math.inf
    assert result["kl_qp"] == pytest.approx(math.log(2))


def test_no_tokens_is_an_error():
    with pytest.raises(UsageError, match="at least one"):
        fidelity([], head_of_the_paper)
