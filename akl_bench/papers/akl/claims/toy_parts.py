"""What the toys say of the claims that need no language model."""

from __future__ import annotations

from functools import partial

import numpy as np

from akl_bench.papers.akl.claims import toy_figures
from akl_bench.papers.akl.claims.card import (
    AKL,
    FKL,
    NEAR,
    RKL,
    SHORT,
    Part,
    Table,
    below,
    both,
    shown,
)
from akl_bench.papers.akl.claims.closing import (
    CLOSING_HEADS,
    Closing,
    Floats,
    closing,
    closing_row,
    race,
)
from akl_bench.papers.akl.claims.toy import INITS, Toy
from akl_bench.statistics import Summary, summary

# Total variation between two students below which they are one.
SAME = 0.01
_SETTING = f"toys, {INITS} starts each"
# KL / k after the last step, as the notebook has stored it.
_STORED = {("long tail", FKL): "1.15e-06", ("long tail", RKL): "5.1e-06"}


def optimum(trained: list[Toy]) -> Part:
    """Claim 1."""
    rows, verdicts, distances, data = [], [], [], {}
    for toy in trained:
        name, size = toy.setting.name, toy.setting.p_V.size
        apart = summary(_distance(toy.students[FKL].q_IV, toy.students[RKL].q_IV))
        verdicts.append(below(apart.low, apart.high, SAME))
        distances.append(f"{name} {_interval(apart, '.1e')}")
        data[name] = {"fkl_to_rkl": apart._asdict()}
        for objective, s in toy.students.items():
            own = s.kl_qp if objective == RKL else s.kl_pq
            from_p = _distance(s.q_IV, toy.setting.p_V[None])
            printed = objective in (FKL, RKL)
            rows.append(
                [
                    f"{name}: {SHORT[objective]}",
                    f"{s.kl_pq[1].mean():.3f}",
                    f"{s.kl_qp[1].mean():.3f}",
                    f"{s.kl_pq[-1].mean():.1e}",
                    f"{s.kl_qp[-1].mean():.1e}",
                    f"{from_p.max():.1e}",
                    f"{own[1, 0] / size:.2e}, {own[-1, 0] / size:.2e}" if printed else "-",
                    _STORED.get((name, objective), "-"),
                ]
            )
            data[name][objective] = {
                "kl_pq": s.kl_pq[-1].tolist(),
                "kl_qp": s.kl_qp[-1].tolist(),
                "to_teacher": from_p.tolist(),
            }
    heads = ["student", "KL(p||q), 1 step", "KL(q||p), 1 step", "KL(p||q), end", "KL(q||p), end"]
    heads += ["farthest from p", "KL/k of start 1, 1 step and end", "stored in the notebook"]
    notes = [
        *(
            f"{t.setting.name}: {t.setting.about}; k = {t.setting.p_V.size}, Adam, lr "
            f"{t.setting.lr}, {t.setting.steps} steps."
            for t in trained
        ),
        "KL in nats, mean over starts; the notebooks print KL/k, as kl_div(batchmean) divides a "
        "vector by its length. Farthest from p: the largest total variation over starts. All "
        "objectives share their starts; in the notebooks each panel draws its own. AKL and the mix "
        "were never run there.",
    ]
    why = f"total variation between the FKL and the RKL student at the end: {'; '.join(distances)}"
    return Part(
        _SETTING,
        both(verdicts),
        why,
        Table(heads, rows),
        notes,
        data,
        "claims-toy-optimum",
        partial(toy_figures.optimum, trained),
    )


def gaps(trained: list[Toy]) -> Part:
    """Claim 2."""
    verdicts, ratios, across, rows, data = [], [], [], [], {}
    for toy in trained:
        name = toy.setting.name
        each: dict[str, list[Closing]] = {}
        for objective, s in toy.students.items():
            updates = np.arange(s.head.shape[0], dtype=np.float64)
            pairs = zip(s.head.T, s.tail.T, strict=True)
            each[objective] = [closing(updates, head, tail) for head, tail in pairs]
        made = race(each[FKL], each[RKL])
        verdicts.append(made.verdict)
        ratios.append(f"{name}: {made.within}")
        across.append(f"{name}: {made.across}")
        rows += [closing_row(f"{name}: {SHORT[o]}", closings) for o, closings in each.items()]
        data[name] = {o: [c._asdict() for c in closings] for o, closings in each.items()}
    return Part(
        _SETTING,
        both(verdicts),
        f"half-time of the head over that of the tail: {'; '.join(ratios)}",
        Table(CLOSING_HEADS, rows),
        [f"Between the two, FKL's half-time over RKL's: {'; '.join(across)}."],
        data,
        "claims-toy-gaps",
        partial(toy_figures.gaps, trained),
    )


def weights(trained: list[Toy]) -> Part:
    """Claim 5."""
    rows, verdicts, shares, data = [], [], [], {}
    for toy in trained:
        name, s = toy.setting.name, toy.students[AKL]
        total = s.head + s.tail
        early = total >= total[0] / 10
        near = np.abs(s.w - 0.5) < NEAR
        share = summary((near & early).sum(0) / early.sum(0))
        verdicts.append(below(share.low, share.high, 0.5))
        shares.append(f"{name} {_interval(share, '.0%')}")
        rows.append(
            [
                name,
                _interval(share, ".0%"),
                f"{near[0].mean():.0%}",
                f"{near.mean():.0%}",
                f"{s.w[early].mean():.2f}",
                f"{early.sum(0).mean():.0f} of {toy.setting.steps}",
            ]
        )
        data[name] = {"near_half": share._asdict(), "w": s.w[early].mean()}
    heads = ["student: AKL", "w near 1/2", "at the start", "all updates", "mean w", "counted"]
    return Part(
        _SETTING,
        both(verdicts),
        f"share of states with w within {NEAR} of 1/2: {'; '.join(shares)}",
        Table(heads, rows),
        [
            "Counted are the updates that begin with at least a tenth of the first total gap left, "
            "a window chosen after a first look; of all updates, most turn around a student that "
            "is done."
        ],
        data,
        "claims-toy-weights",
        partial(toy_figures.weights, trained),
    )


def _interval(values: Summary, format: str) -> str:
    assert values.mean is not None, "there is at least one"
    return shown(values.mean, values.low, values.high, format)


def _distance(one_IV: Floats, other_IV: Floats) -> Floats:
    """Total variation, row by row."""
    distance_I: Floats = np.abs(one_IV - other_IV).sum(-1) / 2
    return distance_I
