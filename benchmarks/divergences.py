"""Speed and memory of the workhorse divergences beside published formulations and TRL's.

    python benchmarks/divergences.py            # everything
    python benchmarks/divergences.py --quick    # one small shape, as a check

Each measures value and gradient with respect to the student's logits, from the logits of both
models: ours, ours with `compiled`, the reference and TRL's. The contestants take turns in one
process, so that a machine that changes its pace changes it for all; a turn is as many calls as take
a twentieth of a second, one at least, and times are medians over turns of a call's mean. Extra
memory is what the peak resident size of a child process that does nothing else grows by beyond the
logits and the gradient, which both must hold (Linux).
"""

import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import click
import torch
from torch import Tensor

from akl_bench import divergences
from akl_bench.training._chunk_loss import ChunkLoss

sys.path.insert(0, str(Path(__file__).parent))
from memory import fits, peak_bytes
from reference_losses import REFERENCES, Loss, trl_losses

SHAPES = [
    (vocabulary, tokens) for vocabulary in (32_000, 49_152, 151_936) for tokens in (64, 256, 1024)
]
# [N, V] buffers that the hungriest reference holds at once; to leave out what would swap.
_BUFFERS = 16
_TURN = 0.05  # seconds
_PATIENCE = 3.0  # seconds after which no further turn begins

Step = Callable[[Tensor, Tensor], None]


def ours(spec: str, *, compiled: bool = False) -> Step:
    """The library's way: blocks that fit the cache, closed form where there is one.

    The gradient takes the place of the student's logits, as in training.
    """
    chunk_loss = ChunkLoss(divergences.get(spec), 1.0, 1.0, {}, want_stats=False, compiled=compiled)

    def step(teacher_z_NV: Tensor, z_NV: Tensor) -> None:
        sums: dict[str, Tensor] = {}
        chunk_loss(z_NV, teacher_z_NV, None, sums, z_NV)

    return step


def through_autograd(loss: Loss) -> Step:
    """Forward and backward over the whole logits."""

    def step(teacher_z_NV: Tensor, z_NV: Tensor) -> None:
        leaf_NV = z_NV.detach().requires_grad_()
        torch.autograd.backward(loss(teacher_z_NV, leaf_NV))

    return step


def contestants(name: str) -> dict[str, Step]:
    """Each that has this divergence."""
    found = {
        "ours": ours(name),
        "compiled": ours(name, compiled=True),
        "reference": through_autograd(REFERENCES[name]),
    }
    if name in (theirs := trl_losses()):
        found["trl"] = through_autograd(theirs[name])
    return found


def logits(vocabulary: int, tokens: int, flat: bool) -> tuple[Tensor, Tensor]:
    """Teacher and student logits: like text, with few likely tokens, or flat (a long head)."""
    make = torch.Generator().manual_seed(0)
    teacher_z_NV = torch.randn(tokens, vocabulary, generator=make)
    if not flat:
        teacher_z_NV.mul_(2)
        likely_N5 = torch.randint(vocabulary, (tokens, 5), generator=make)
        teacher_z_NV.scatter_(-1, likely_N5, 14 + 2 * torch.randn(tokens, 5, generator=make))
    return teacher_z_NV, teacher_z_NV + torch.randn(tokens, vocabulary, generator=make)


def times(steps: dict[str, Step], inputs: tuple[Tensor, Tensor], turns: int) -> dict[str, float]:
    """Median seconds of each, taken in turns; fewer turns where one takes long."""
    teacher_z_NV, z_NV = inputs
    fresh_NV = torch.empty_like(z_NV)

    def once(step: Step) -> float:
        fresh_NV.copy_(z_NV)  # just written, as by a matrix product
        start = time.perf_counter()
        step(teacher_z_NV, fresh_NV)
        return time.perf_counter() - start

    calls = {}
    for who, step in steps.items():
        step(teacher_z_NV[:8].clone(), z_NV[:8].clone())  # first calls cost more
        calls[who] = max(1, round(_TURN / once(step)))
    seconds: dict[str, list[float]] = {who: [] for who in steps}
    begin = time.perf_counter()
    while not seconds["ours"] or (
        len(seconds["ours"]) < turns and time.perf_counter() - begin < _PATIENCE
    ):
        for who, step in steps.items():
            seconds[who].append(statistics.mean(once(step) for _ in range(calls[who])))
    return {who: statistics.median(taken) for who, taken in seconds.items()}


def child_peak(case: str, threads: int) -> int:
    """`peak_bytes` of a case in a process of its own."""
    command = [sys.executable, __file__, "--threads", str(threads), "--peak-of", case]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@click.command()
@click.option("--quick", is_flag=True, help="One small shape, one turn.")
@click.option("--divergence", "names", multiple=True, type=click.Choice(list(REFERENCES)))
@click.option("--turns", default=7, show_default=True, help="At most; fewer where one is long.")
@click.option("--threads", default=0, help="Threads; default: torch's choice.")
@click.option("--peak-of", hidden=True, help="Print the peak of one case: name,who,V,N.")
def main(quick: bool, names: tuple[str, ...], turns: int, threads: int, peak_of: str) -> None:
    """Print two markdown tables: time, and peak extra memory."""
    warnings.filterwarnings("ignore", category=Warning)  # TRL calls its GKD experimental
    if threads:
        torch.set_num_threads(threads)
    if peak_of:
        case, who, *shape = peak_of.split(",")
        step = contestants(case)[who]
        inputs = logits(int(shape[0]), int(shape[1]), flat=False)
        for rows in (192, 1):  # some blocks; and one row, which is not compiled
            step(torch.zeros(rows, 8192), torch.zeros(rows, 8192))
        # Ours puts the gradient where the logits were; autograd's is no extra either.
        gradient = inputs[0].nbytes if who == "reference" else 0
        print(peak_bytes(lambda: step(*inputs)) - gradient)
        return
    chosen = names or tuple(REFERENCES)
    shapes = [(32_000, 64)] if quick else SHAPES
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, float32\n")
    print("| V | N | divergence | reference ms | ours ms | ratio | compiled ms | ratio | TRL ms |")
    print("|--:|--:|---|--:|--:|--:|--:|--:|--:|")
    for vocabulary, tokens in shapes:
        inputs = logits(vocabulary, tokens, flat=False)
        for name in chosen:
            _print_times(vocabulary, tokens, name, name, inputs, turns)
        # Only the search for the head depends on how peaked the logits are.
        if "adaptive_kl" in chosen and tokens == 256:
            inputs = logits(vocabulary, tokens, flat=True)
            _print_times(vocabulary, tokens, "adaptive_kl", "adaptive_kl, flat", inputs, turns)
    print("\n| V | N | divergence | reference extra MiB | ours | ratio | compiled | ratio |")
    print("|--:|--:|---|--:|--:|--:|--:|--:|")
    for vocabulary, tokens in shapes:
        every = quick or (vocabulary, tokens) == (49_152, 256)
        for name in [n for n in chosen if every or n == "adaptive_kl"]:
            _print_peaks(vocabulary, tokens, name, threads)


def _print_times(
    vocabulary: int,
    tokens: int,
    name: str,
    title: str,
    inputs: tuple[Tensor, Tensor],
    turns: int,
) -> None:
    steps = contestants(name)
    if not fits(_BUFFERS * 4 * vocabulary * tokens):
        steps = {who: step for who, step in steps.items() if who in ("ours", "compiled")}
    found = {who: 1e3 * seconds for who, seconds in times(steps, inputs, turns).items()}
    trl = f"{found['trl']:.1f}" if "trl" in found else "-"
    cells = f"{_cells(found, '.1f')} | {trl}"
    print(f"| {vocabulary:,} | {tokens} | {title} | {cells} |", flush=True)


def _print_peaks(vocabulary: int, tokens: int, name: str, threads: int) -> None:
    if not fits(_BUFFERS * 4 * vocabulary * tokens):
        return
    mebibytes = {
        who: child_peak(f"{name},{who},{vocabulary},{tokens}", threads) / 2**20
        for who in contestants(name)
        if who != "trl"
    }
    cells = _cells(mebibytes, ".0f")
    print(f"| {vocabulary:,} | {tokens} | {name} | {cells} |", flush=True)


def _cells(found: dict[str, float], form: str) -> str:
    """The reference, and each of ours with what the reference is a multiple of."""
    cells = [format(found["reference"], form) if "reference" in found else "-"]
    for who in ("ours", "compiled"):
        cells.append(format(found[who], form) if who in found else "-")
        both = "reference" in found and who in found
        cells.append(f"{found['reference'] / found[who]:.1f}" if both else "-")
    return " | ".join(cells)


if __name__ == "__main__":
    main()
