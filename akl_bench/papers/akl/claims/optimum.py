"""Claim 1: where FKL and RKL end."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from akl_bench.papers.akl.claims.card import LOOKS, Floats, Part, Verdict, lies, listed, shown
from akl_bench.papers.akl.claims.runs import Trained
from akl_bench.papers.akl.claims.toy import WHERE, Toy
from akl_bench.papers.akl.objectives import FKL, OBJECTIVES, RKL, SHORT
from akl_bench.papers.akl.output import panels
from akl_bench.statistics import summary

# Total variation between two toy students below which they are one.
SAME = 0.01
# Relative difference of two students' divergence from the teacher below which they are one.
MARGIN = 0.05
# KL / k after the last step, as the notebook has stored it.
_STORED = {("long tail", FKL): "1.15e-06", ("long tail", RKL): "5.1e-06"}


def toys(trained: Sequence[Toy]) -> Part:
    """By the total variation between students."""
    apart, rows, notes = {}, [], []
    data: dict[str, dict[str, Any]] = {}
    for setting, students in trained:
        name, p_V = setting.name, setting.p_V
        budget = f"k = {p_V.size}, Adam, lr {setting.lr}, {setting.steps} steps"
        notes.append(f"{name}: {setting.about}; {budget}.")
        apart[name] = summary(_distance(students[FKL].q_TIV[-1], students[RKL].q_TIV[-1]))
        data[name] = {"fkl_to_rkl": apart[name]}
        for objective, s in students.items():
            kls = {"kl_pq": s.kl_pq, "kl_qp": s.kl_qp}
            means = [f"{kl[1].mean():.3f}" for kl in kls.values()]
            means += [f"{kl[-1].mean():.1e}" for kl in kls.values()]
            from_p = _distance(s.q_TIV[-1], p_V)
            printed, stored = {FKL: s.kl_pq, RKL: s.kl_qp}.get(objective), "-"
            if printed is not None:
                stored = ", ".join(f"{printed[i, 0] / p_V.size:.2e}" for i in (1, -1))
            ends = [f"{from_p.max():.1e}", stored, _STORED.get((name, objective), "-")]
            rows.append([f"{name}: {SHORT[objective]}", *means, *ends])
            data[name][objective] = {key: kl[-1].tolist() for key, kl in kls.items()}
            data[name][objective]["to_teacher"] = from_p.tolist()
    verdicts = [lies(each, below=SAME) for each in apart.values()]
    facts: Any = {"notes": notes, "apart": listed(apart, ".1e")}
    return WHERE.part("optimum", verdicts, rows, data, partial(_draw_toys, trained), **facts)


def _distance(one_IV: Floats, other: Floats) -> Floats:
    """Total variation, row by row."""
    return np.asarray(np.abs(one_IV - other).sum(-1) / 2, np.float64)


def runs(of_profile: Sequence[Trained]) -> Part:
    """From runs of one profile and student: the one of the most steps decides."""
    by_length = sorted(of_profile, key=lambda run: run.steps)
    where, steps = by_length[0].where, 0
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
    if not decides:
        need = "it needs sealed cells of FKL and RKL and a fidelity task"
        return Part(where.label, Verdict.UNTESTED, f"{by_length[0].folder}: {need}")
    verdicts = [lies(more, above=-MARGIN, below=MARGIN) for more in decides.values()]
    facts: Any = {"steps": steps, "apart": listed(decides, "+.1%", ", ")}
    return where.part("optimum", verdicts, rows, data, partial(_draw_runs, by_length), **facts)


def _draw_toys(trained: Sequence[Toy], path: Path) -> None:
    """Students of the first start after one step, some, and all; and their way to p."""
    lines = {name: {"c": look.color, "ls": look.dash, "lw": 1.4} for name, look in LOOKS.items()}
    with panels(path, 10.0, 2.1 * len(trained) + 0.4, len(trained), 4, legend=4) as rows:
        for axes, (setting, students) in zip(rows, trained, strict=True):
            for place, step in zip(axes, (1, 10, setting.steps), strict=False):
                place.fill_between(setting.x_V, setting.p_V, color="0.86", linewidth=0)
                for name, s in students.items():
                    place.plot(setting.x_V, s.q_TIV[step, 0], label=SHORT[name], **lines[name])
                place.set(title=f"{setting.name}, step {step}", ylim=(0, 1.15 * setting.p_V.max()))
                place.set(xlim=(0, 100), yticks=[])
            steps = np.unique(np.geomspace(1, setting.steps + 1, 60).astype(int)) - 1
            for name, s in students.items():
                axes[-1].plot(steps, s.kl_pq[steps].mean(1), **lines[name])
            starts = students[FKL].head.shape[1]
            axes[-1].set(title=f"KL(p||q), nats, mean of {starts} starts")
            axes[-1].set(xlim=(0, setting.steps), yscale="log")
        for place in rows[-1]:
            place.set_xlabel("updates" if place is rows[-1, -1] else "token (teacher p shaded)")


def _draw_runs(by_length: Sequence[Trained], path: Path) -> None:
    """Distance from the teacher, both ways, by objective and budget; a point is a seed."""
    with panels(path, 7.5, 3.2, 1, 2, legend=4) as (row,):
        for axes, metric, title in zip(row, ("kl_pq", "kl_qp"), ("p||q", "q||p"), strict=True):
            for place, run in enumerate(by_length):
                for column in run.columns(metric, kind="fidelity")[:1]:
                    for i, (name, look) in enumerate(LOOKS.items()):
                        y = list(run.values(name, column).values())
                        x = np.full(len(y), place + (i - 1.5) * 0.17)
                        label = None if place else SHORT[name]
                        axes.plot(x, y, look.marker, color=look.color, ms=5, label=label)
            axes.set(title=f"KL({title}) from the teacher, nats per token")
            axes.set_ylim(0, 1.05 * axes.get_ylim()[1])
            labels = [f"{run.steps} steps" for run in by_length]
            axes.set(xticks=range(len(by_length)), xticklabels=labels)
            axes.set_xlim(-0.6, len(by_length) - 0.4)
