"""Speed and memory of the workhorse divergences beside published formulations and TRL's.

    python benchmarks/divergences.py            # everything
    python benchmarks/divergences.py --quick    # one small shape, as a check
    python benchmarks/divergences.py --compiled # what torch.compile would gain

Each measures value and gradient with respect to the student's logits, from the logits of both
models. The contestants take turns in one process, so that a machine that changes its pace changes
it for all; times are medians. Extra memory is what the peak resident size of a child process that
does nothing else grows by beyond the logits and the gradient, which both must hold (Linux).
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
from akl_bench.divergences._closed_form import Softmax, value_and_grad_of
from akl_bench.training._chunk_loss import ChunkLoss

sys.path.insert(0, str(Path(__file__).parent))
from memory import fits, peak_bytes
from reference_losses import REFERENCES, Loss, trl_losses

SHAPES = [
    (vocabulary, tokens) for vocabulary in (32_000, 49_152, 151_936) for tokens in (64, 256, 1024)
]
# [N, V] buffers that the hungriest reference holds at once; to leave out what would swap.
_BUFFERS = 16
# Of one buffer of a compiled block: the best of 0.1, 0.5, 2 and 8 MiB at V = 32,000.
_COMPILED_BYTES = 2 << 20
_PATIENCE = 2.0  # seconds after which no further turn begins

Step = Callable[[Tensor, Tensor], None]


def ours(spec: str) -> Step:
    """The library's way: blocks that fit the cache, closed form where there is one.

    The gradient takes the place of the student's logits, as in training.
    """
    chunk_loss = ChunkLoss(divergences.get(spec), 1.0, 1.0, {}, want_stats=False)

    def step(teacher_z_NV: Tensor, z_NV: Tensor) -> None:
        sums: dict[str, Tensor] = {}
        chunk_loss(z_NV, teacher_z_NV, None, sums, z_NV)

    return step


def compiled(spec: str) -> Step:
    """The same closed form, fused by torch.compile, on blocks of the size that suits it."""
    divergence = divergences.get(spec)

    @torch.compile(dynamic=True)
    def body(teacher_z_NV: Tensor, z_NV: Tensor, grad_NV: Tensor) -> Tensor:
        logs = teacher_z_NV.log_softmax(-1), z_NV.log_softmax(-1)
        both = [Softmax(log_NV, log_NV.exp(), has_floor=False) for log_NV in logs]
        value_N, found_NV = value_and_grad_of(divergence, *both)
        grad_NV.copy_(found_NV)
        return value_N.sum()

    def step(teacher_z_NV: Tensor, z_NV: Tensor) -> None:
        grad_NV = torch.empty_like(z_NV)
        size = max(1, _COMPILED_BYTES // (4 * z_NV.shape[1]))
        with torch.no_grad():
            for start in range(0, len(z_NV), size):
                block = slice(start, start + size)
                body(teacher_z_NV[block], z_NV[block], grad_NV[block])

    return step


def through_autograd(loss: Loss) -> Step:
    """Forward and backward over the whole logits."""

    def step(teacher_z_NV: Tensor, z_NV: Tensor) -> None:
        leaf_NV = z_NV.detach().requires_grad_()
        torch.autograd.backward(loss(teacher_z_NV, leaf_NV))

    return step


def contestants(name: str) -> dict[str, Step]:
    """Ours, the reference, and TRL's where it has this one."""
    found = {"ours": ours(name), "reference": through_autograd(REFERENCES[name])}
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
    """Median seconds of each, taken in turns; fewer turns where one takes long.

    Each gets the student's logits as a matrix product leaves them: just written.
    """
    teacher_z_NV, z_NV = inputs
    fresh_NV = torch.empty_like(z_NV)
    seconds: dict[str, list[float]] = {who: [] for who in steps}
    begin = time.perf_counter()
    for step in steps.values():
        step(teacher_z_NV[:8].clone(), z_NV[:8].clone())  # first calls cost more
    while len(seconds["ours"]) < turns and time.perf_counter() - begin < _PATIENCE:
        for who, step in steps.items():
            fresh_NV.copy_(z_NV)
            start = time.perf_counter()
            step(teacher_z_NV, fresh_NV)
            seconds[who].append(time.perf_counter() - start)
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
@click.option("--compiled", "is_compiled", is_flag=True, help="Ours beside torch.compile, alone.")
@click.option("--peak-of", hidden=True, help="Print the peak of one case: name,who,V,N.")
def main(
    quick: bool,
    names: tuple[str, ...],
    turns: int,
    threads: int,
    is_compiled: bool,
    peak_of: str,
) -> None:
    """Print two markdown tables: time, and peak extra memory."""
    warnings.filterwarnings("ignore", category=Warning)  # TRL calls its GKD experimental
    if threads:
        torch.set_num_threads(threads)
    if peak_of:
        case, who, *shape = peak_of.split(",")
        step = ours(case) if who == "ours" else through_autograd(REFERENCES[case])
        inputs = logits(int(shape[0]), int(shape[1]), flat=False)
        step(*(z_NV[:2, :4096].contiguous() for z_NV in inputs))
        # Ours puts the gradient where the logits were; autograd's is no extra either.
        gradient = 0 if who == "ours" else inputs[0].nbytes
        print(peak_bytes(lambda: step(*inputs)) - gradient)
        return
    chosen = names or tuple(REFERENCES)
    shapes = [(32_000, 64)] if quick else SHAPES
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, float32\n")
    if is_compiled:
        if not (fusible := [name for name in chosen if name != "adaptive_kl"]):
            raise click.UsageError("adaptive_kl branches on data and is not compiled as a whole.")
        _print_compiled(fusible, shapes, turns)
        return
    print("| V | N | divergence | ours ms | reference ms | ratio | TRL ms | ratio |")
    print("|--:|--:|---|--:|--:|--:|--:|--:|")
    for vocabulary, tokens in shapes:
        inputs = logits(vocabulary, tokens, flat=False)
        for name in chosen:
            _print_times(vocabulary, tokens, name, name, inputs, turns)
        # Only the search for the head depends on how peaked the logits are.
        if "adaptive_kl" in chosen and tokens == 256:
            inputs = logits(vocabulary, tokens, flat=True)
            _print_times(vocabulary, tokens, "adaptive_kl", "adaptive_kl, flat", inputs, turns)
    print("\n| V | N | divergence | ours extra MiB | reference extra MiB | ratio |")
    print("|--:|--:|---|--:|--:|--:|")
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
        steps = {"ours": steps["ours"]}
    cells = _cells(times(steps, inputs, turns))
    print(f"| {vocabulary:,} | {tokens} | {title} | {cells} |", flush=True)


def _print_compiled(names: list[str], shapes: list[tuple[int, int]], turns: int) -> None:
    """Ours and the compiled closed form, which does not look for floors."""
    print("| V | N | divergence | ours ms | compiled ms | ratio | first call s |")
    print("|--:|--:|---|--:|--:|--:|--:|")
    for name in names:
        step = compiled(name)
        for vocabulary, tokens in shapes:
            inputs = logits(vocabulary, tokens, flat=False)
            start = time.perf_counter()
            step(inputs[0], inputs[1].clone())
            first = time.perf_counter() - start
            found = times({"ours": ours(name), "compiled": step}, inputs, turns)
            one, other = (1e3 * found[who] for who in ("ours", "compiled"))
            cells = f"{one:.1f} | {other:.1f} | {one / other:.2f} | {first:.1f} |"
            print(f"| {vocabulary:,} | {tokens} | {name} | {cells}", flush=True)


def _print_peaks(vocabulary: int, tokens: int, name: str, threads: int) -> None:
    if not fits(_BUFFERS * 4 * vocabulary * tokens):
        return
    one, other = (
        child_peak(f"{name},{who},{vocabulary},{tokens}", threads) / 2**20
        for who in ("ours", "reference")
    )
    row = f"| {vocabulary:,} | {tokens} | {name} | {one:.0f} | {other:.0f} | {other / one:.1f} |"
    print(row, flush=True)


def _cells(seconds: dict[str, float]) -> str:
    cells = [f"{1e3 * seconds['ours']:.1f}"]
    for who in ("reference", "trl"):
        if who in seconds:
            cells += [f"{1e3 * seconds[who]:.1f}", f"{seconds[who] / seconds['ours']:.1f}"]
        else:
            cells += ["-", "-"]
    return " | ".join(cells)


if __name__ == "__main__":
    main()
