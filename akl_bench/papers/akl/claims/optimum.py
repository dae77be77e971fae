"""Claim 1: where FKL and RKL end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from akl_bench.papers.akl.claims.card import Floats, Part, Table, Verdict, lies, shown, weakest
from akl_bench.papers.akl.claims.runs import Trained
from akl_bench.papers.akl.claims.toy import SETTING, Toy
from akl_bench.papers.akl.objectives import FKL, OBJECTIVES, RKL, SHORT
from akl_bench.report.figures import figure, looks, save
from akl_bench.statistics import summary

# Total variation between two toy students below which they are one.
SAME = 0.01
# Relative difference of two students' divergence from the teacher below which they are one.
MARGIN = 0.05
_LOOKS = looks(OBJECTIVES)
# KL / k after the last step, as the notebook has stored it.
_STORED = {("long tail", FKL): "1.15e-06", ("long tail", RKL): "5.1e-06"}


def toys(trained: Sequence[Toy]) -> Part:
    """By the total variation between students."""
    apart, rows = {}, []
    data: dict[str, dict[str, Any]] = {}
    for toy in trained:
        name, size = toy.setting.name, toy.setting.p_V.size
        fkl, rkl = (toy.students[objective].q_TIV[-1] for objective in (FKL, RKL))
        apart[name] = summary(_distance(fkl, rkl))
        data[name] = {"fkl_to_rkl": apart[name]}
        for objective, s in toy.students.items():
            from_p = _distance(s.q_TIV[-1], toy.setting.p_V)
            printed = {FKL: s.kl_pq, RKL: s.kl_qp}.get(objective)
            stored = [f"{printed[i, 0] / size:.2e}" for i in (1, -1)] if printed is not None else []
            kls = {"kl_pq": s.kl_pq, "kl_qp": s.kl_qp}
            rows.append(
                [
                    f"{name}: {SHORT[objective]}",
                    *(f"{kl[1].mean():.3f}" for kl in kls.values()),
                    *(f"{kl[-1].mean():.1e}" for kl in kls.values()),
                    f"{from_p.max():.1e}",
                    ", ".join(stored) or "-",
                    _STORED.get((name, objective), "-"),
                ]
            )
            ends = {key: kl[-1].tolist() for key, kl in kls.items()}
            data[name][objective] = {**ends, "to_teacher": from_p.tolist()}
    heads = ["student", "KL(p||q), 1 step", "KL(q||p), 1 step", "KL(p||q), end", "KL(q||p), end"]
    heads += ["farthest from p", "KL/k of start 1, 1 step and end", "stored in the notebook"]
    distances = "; ".join(f"{name} {shown(each, '.1e')}" for name, each in apart.items())
    settings = (toy.setting for toy in trained)
    return Part(
        SETTING,
        weakest(lies(each, below=SAME) for each in apart.values()),
        f"total variation between the FKL and the RKL student at the end: {distances}",
        [
            *(
                f"{s.name}: {s.about}; k = {s.p_V.size}, Adam, lr {s.lr}, {s.steps} steps."
                for s in settings
            ),
            "KL in nats, mean over starts; the notebooks print KL/k, as kl_div(batchmean) divides "
            "a vector by its length. Farthest from p: the largest total variation over starts. All "
            "objectives share their starts; in the notebooks each panel draws its own. AKL and the "
            "mix were never run there.",
        ],
        "claims-toy-optimum",
        data,
        Table(heads, rows),
        partial(_draw_toys, trained),
    )


def _distance(one_IV: Floats, other: Floats) -> Floats:
    """Total variation, row by row."""
    distance_I: Floats = np.abs(one_IV - other).sum(-1) / 2
    return distance_I


def runs(of_profile: Sequence[Trained]) -> Part:
    """From runs of one profile and student: the one of the most steps decides."""
    by_length = sorted(of_profile, key=lambda run: run.steps)
    rows, data, decides = [], {}, {}
    for run in by_length:
        compared = {}
        for column in run.columns("kl_pq", "kl_qp", kind="fidelity"):
            ends = {SHORT[name]: run.values(name, column) for name in OBJECTIVES}
            fkl, rkl = ends[SHORT[FKL]], ends[SHORT[RKL]]
            if seeds := sorted(fkl.keys() & rkl.keys()):
                compared[column.metric] = more = summary([rkl[s] / fkl[s] - 1 for s in seeds])
                means = (f"{np.mean(list(v.values())):.4f}" if v else "-" for v in ends.values())
                name = f"{run.steps} steps: {column.metric}"
                rows.append([name, *means, shown(more, "+.1%"), str(len(seeds))])
                data[f"{run.folder.name}: {column.metric}"] = {"steps": run.steps, **ends}
        if compared:
            decides, steps = compared, run.steps
    label, slug = by_length[0].label, by_length[0].slug
    if not decides:
        need = "it needs sealed cells of FKL and RKL and a fidelity task"
        return Part(label, Verdict.UNTESTED, f"{by_length[0].folder}: {need}")
    distances = ", ".join(f"{metric} {shown(more, '+.1%')}" for metric, more in decides.items())
    return Part(
        label,
        weakest(lies(more, above=-MARGIN, below=MARGIN) for more in decides.values()),
        f"after {steps} steps, RKL's distance over FKL's, less 1: {distances}",
        [
            "Nats per token on held-out responses, mean over seeds; kl_pq is KL(p||q). Students "
            "too small to be the teacher have no common optimum to reach."
        ],
        f"{slug}-optimum",
        data,
        Table(["distance from the teacher", *SHORT.values(), "RKL / FKL - 1", "seeds"], rows),
        partial(_draw_runs, by_length),
    )


def _draw_toys(trained: Sequence[Toy], path: Path) -> None:
    """Students of the first start after one step, some, and all; and their way to p."""
    with figure(10.0, 2.1 * len(trained) + 0.4) as made:
        rows = made.subplots(len(trained), 4, squeeze=False)
        for axes, toy in zip(rows, trained, strict=True):
            setting = toy.setting
            for place, step in zip(axes, (1, 10, setting.steps), strict=False):
                place.fill_between(setting.x_V, setting.p_V, color="0.86", linewidth=0)
                for name, s in toy.students.items():
                    place.plot(setting.x_V, s.q_TIV[step, 0], label=SHORT[name], **_line(name))
                place.set(title=f"{setting.name}, step {step}", ylim=(0, 1.15 * setting.p_V.max()))
                place.set(xlim=(0, 100), yticks=[])
            steps = np.unique(np.geomspace(1, setting.steps + 1, 60).astype(int)) - 1
            for name, s in toy.students.items():
                axes[-1].plot(steps, s.kl_pq[steps].mean(1), **_line(name))
            starts = toy.students[FKL].head.shape[1]
            axes[-1].set(title=f"KL(p||q), nats, mean of {starts} starts")
            axes[-1].set(xlim=(0, setting.steps), yscale="log")
        rows[-1, -1].set_xlabel("updates")
        for place in rows[-1, :-1]:
            place.set_xlabel("token (teacher p shaded)")
        handles = rows[0, 0].get_legend_handles_labels()
        made.legend(*handles, loc="outside lower center", ncols=4)
        save(made, path)


def _line(name: str) -> dict[str, Any]:
    return {"color": _LOOKS[name].color, "linestyle": _LOOKS[name].dash, "linewidth": 1.4}


def _draw_runs(by_length: Sequence[Trained], path: Path) -> None:
    """Distance from the teacher, both ways, by objective and budget; a point is a seed."""
    with figure(7.5, 3.2) as made:
        row = made.subplots(1, 2)
        for axes, metric, title in zip(row, ("kl_pq", "kl_qp"), ("p||q", "q||p"), strict=True):
            for place, run in enumerate(by_length):
                for column in run.columns(metric, kind="fidelity")[:1]:
                    for i, (name, look) in enumerate(_LOOKS.items()):
                        y = list(run.values(name, column).values())
                        x = np.full(len(y), place + (i - 1.5) * 0.17)
                        label = None if place else SHORT[name]
                        axes.plot(x, y, look.marker, color=look.color, ms=5, label=label)
            axes.set(title=f"KL({title}) from the teacher, nats per token")
            axes.set_ylim(0, 1.05 * axes.get_ylim()[1])
            labels = [f"{run.steps} steps" for run in by_length]
            axes.set(xticks=range(len(by_length)), xticklabels=labels)
            axes.set_xlim(-0.6, len(by_length) - 0.4)
        made.legend(*row[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
        save(made, path)
