"""Training checkpoints: safetensors and JSON, atomic, hash-checked; no pickle."""

import contextlib
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer

from akl_bench.artifacts.files import file_digest, new_folder, read_json, write_json

_KEPT = 2
_TENSORS, _BEST, _STATE = "tensors.safetensors", "best.safetensors", "state.json"


def weights(model: "Module") -> dict[str, Tensor]:
    """The model's parameters, tied ones once, as contiguous CPU tensors of their own."""
    return {
        name: parameter.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, parameter in model.named_parameters()
    }


def put_weights(model: "Module", tensors: dict[str, Tensor]) -> None:
    """Copy `weights` back into a model."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(tensors[name])


def save(
    folder: Path,
    step: int,
    model: "Module",
    optimizer: "Optimizer",
    best: dict[str, Tensor] | None,
    state: dict[str, Any],
) -> None:
    """Write `folder/step-N`; the two newest are kept, so that a damaged one is no loss."""
    tensors = {f"model.{name}": tensor for name, tensor in weights(model).items()}
    for index, slots in optimizer.state_dict()["state"].items():
        for name, value in slots.items():
            tensors[f"optimizer.{index}.{name}"] = torch.as_tensor(value).cpu().contiguous()
    tensors["rng"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["cuda_rng"] = torch.cuda.get_rng_state()
    with new_folder(folder / f"step-{step:08d}") as temporary:
        save_file(tensors, temporary / _TENSORS)
        if best is not None:
            save_file(best, temporary / _BEST)
        digests = {path.name: file_digest(path) for path in temporary.glob("*.safetensors")}
        write_json(temporary / _STATE, {"step": step, "sha256": digests, **state})
    for old in _all(folder)[:-_KEPT]:
        shutil.rmtree(old)


def load(
    folder: Path, model: "Module", optimizer: "Optimizer"
) -> tuple[dict[str, Any], dict[str, Tensor] | None] | None:
    """Restore the newest undamaged checkpoint.

    Returns:
        Its state and the best weights so far; None where there is nothing to restore. A damaged
        checkpoint is kept aside as `.corrupt`.
    """
    for path in reversed(_all(folder)):
        try:
            state = read_json(path / _STATE)
            if any(file_digest(path / name) != sha for name, sha in state["sha256"].items()):
                raise ValueError("content does not match its hash")
            tensors = load_file(path / _TENSORS)
            best = load_file(path / _BEST) if _BEST in state["sha256"] else None
        except (OSError, ValueError, KeyError, SafetensorError):
            with contextlib.suppress(OSError):
                path.rename(path.with_name(f".{path.name}.corrupt"))
            continue
        put_weights(model, _below(tensors, "model."))
        slots: dict[int, dict[str, Tensor]] = {}
        for key, tensor in _below(tensors, "optimizer.").items():
            index, _, name = key.partition(".")
            slots.setdefault(int(index), {})[name] = tensor
        optimizer.load_state_dict({**optimizer.state_dict(), "state": slots})
        torch.set_rng_state(tensors["rng"])
        if "cuda_rng" in tensors and torch.cuda.is_available():
            torch.cuda.set_rng_state(tensors["cuda_rng"])
        return state, best
    return None


def _all(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*"))


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
