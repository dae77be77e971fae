"""Time and memory of `linear_divergence` beside the same with the logits written out.

    python benchmarks/linear_divergence.py

Value and gradients with respect to the student's states and output layer, three ways: chunked,
chunked and compiled, and written out. Memory, of the first and the last, is the growth of the peak
resident size, with the gradients of states and layer in it, in a child process (Linux); times are
medians of turns taken one after the other.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
import torch
from torch import Tensor

from akl_bench import divergences
from akl_bench.training.objective import linear_divergence

sys.path.insert(0, str(Path(__file__).parent))
from memory import fits, peak_bytes

_BUFFERS = 12  # [N, V] of the written-out contestant


@dataclass(frozen=True)
class Models:
    """States and output layers of both; the student's want a gradient."""

    hidden_ND: Tensor
    weight_VD: Tensor
    teacher_hidden_NE: Tensor
    teacher_weight_VE: Tensor

    def step(self, loss: Callable[["Models"], Tensor]) -> None:
        """Forward and backward, from no gradient."""
        self.hidden_ND.grad = self.weight_VD.grad = None
        torch.autograd.backward(loss(self))


def models(tokens: int, vocabulary: int, width: int, teacher_width: int) -> Models:
    make = torch.Generator().manual_seed(0)
    shapes = (
        (tokens, width),
        (vocabulary, width),
        (tokens, teacher_width),
        (vocabulary, teacher_width),
    )
    # Logits with a standard deviation of 3.
    scales = 1.0, 3 / width**0.5, 1.0, 3 / teacher_width**0.5
    tensors = [
        torch.randn(*shape, generator=make).mul_(scale)
        for shape, scale in zip(shapes, scales, strict=True)
    ]
    return Models(tensors[0].requires_grad_(), tensors[1].requires_grad_(), *tensors[2:])


def contestants(spec: str) -> dict[str, Callable[[Models], Tensor]]:
    divergence = divergences.get(spec)

    def chunked(m: Models, compiled: bool = False) -> Tensor:
        return linear_divergence(
            divergence,
            m.hidden_ND,
            m.weight_VD,
            m.teacher_hidden_NE,
            m.teacher_weight_VE,
            compiled=compiled,
        )

    def written_out(m: Models) -> Tensor:
        logp_NV = (m.teacher_hidden_NE @ m.teacher_weight_VE.T).log_softmax(-1)
        logq_NV = (m.hidden_ND @ m.weight_VD.T).log_softmax(-1)
        return divergence.per_token(logp_NV, logq_NV).mean()

    return {
        "chunked": chunked,
        "compiled": partial(chunked, compiled=True),
        "written out": written_out,
    }


def median_seconds(
    losses: dict[str, Callable[[Models], Tensor]], case: Models, turns: int
) -> dict[str, float]:
    seconds: dict[str, list[float]] = {who: [] for who in losses}
    case.step(losses["compiled"])  # compiles
    for _ in range(turns):
        for who, loss in losses.items():
            start = time.perf_counter()
            case.step(loss)
            seconds[who].append(time.perf_counter() - start)
    return {who: statistics.median(taken) for who, taken in seconds.items()}


def child_mebibytes(who: str, options: dict[str, object]) -> str:
    """Peak extra memory of a contestant, in a process of its own."""
    arguments = [f"--{key}={value}" for key, value in options.items()]
    command = [sys.executable, __file__, f"--peak-of={who}", *arguments]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return f"{int(output) / 2**20:.0f}"


@click.command()
@click.option("--spec", default="akl", show_default=True, help="The divergence.")
@click.option("--vocabulary", default=49_152, show_default=True)
@click.option("--width", default=192, show_default=True, help="Of the student's states.")
@click.option("--teacher-width", default=576, show_default=True)
@click.option("--tokens", multiple=True, type=int, default=(512, 1024, 2048, 4096, 8192))
@click.option("--turns", default=3, show_default=True)
@click.option("--threads", default=0, help="Threads; default: torch's choice.")
@click.option("--peak-of", hidden=True, help="Print the peak of one contestant.")
def main(
    spec: str,
    vocabulary: int,
    width: int,
    teacher_width: int,
    tokens: tuple[int, ...],
    turns: int,
    threads: int,
    peak_of: str,
) -> None:
    """Print a markdown table: time and peak extra memory over the number of tokens."""
    if threads:
        torch.set_num_threads(threads)
    losses = contestants(spec)
    if peak_of:
        loss = losses[peak_of]
        case = models(tokens[0], vocabulary, width, teacher_width)
        models(2, 4096, width, teacher_width).step(loss)
        print(peak_bytes(lambda: case.step(loss)))
        return
    title = f"{spec}, V={vocabulary:,}, D={width}, E={teacher_width}"
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, float32, {title}\n")
    columns = ["N", "written out s", "chunked s", "ratio", "compiled s", "ratio"]
    columns += ["written out MiB", "chunked MiB"]
    print(f"| {' | '.join(columns)} |\n|{'--:|' * len(columns)}")
    for count in tokens:
        entrants = dict(losses)
        if not fits(_BUFFERS * 4 * count * vocabulary):
            del entrants["written out"]
        case = models(count, vocabulary, width, teacher_width)
        seconds = median_seconds(entrants, case, turns)
        options: dict[str, object] = {
            "spec": spec,
            "vocabulary": vocabulary,
            "width": width,
            "teacher-width": teacher_width,
            "tokens": count,
            "threads": threads,
        }
        whole = seconds.get("written out")
        cells = ["-" if whole is None else f"{whole:.2f}"]
        for who in ("chunked", "compiled"):
            ratio = "-" if whole is None else f"{whole / seconds[who]:.1f}"
            cells += [f"{seconds[who]:.2f}", ratio]
        for who in ("written out", "chunked"):
            cells.append(child_mebibytes(who, options) if who in entrants else "-")
        print(f"| {count:,} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
