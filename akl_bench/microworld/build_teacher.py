"""Train the shipped teacher of the microworld again: `akl-bench microworld build-teacher`."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from akl_bench.microworld.grammar import GRAMMAR_VERSION
from akl_bench.microworld.splits import records
from akl_bench.microworld.tokenizer import build_tokenizer

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerFast

ARCHITECTURE: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 192,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "max_position_embeddings": 64,
    "initializer_range": 0.1,
    "tie_word_embeddings": True,
}
STEPS = 2200
BATCH_SIZE = 64
PEAK_LR = 5e-3
WARMUP_STEPS = 50
WEIGHT_DECAY = 0.05
CLIP_NORM = 1.0
SEED = 0
PARTS = 4
"""A batch is computed in so many parts of similar length, so that little padding is computed."""
VALIDATION_ROWS = 1000
IGNORED = -100


def render(instruction: str) -> str:
    """The prompt, as the profile's template writes it."""
    return f"{instruction} :"


def held_out_loss(model: Any, tokenizer: PreTrainedTokenizerFast) -> float:
    """Mean nats per response token (the end included) over the validation split."""
    import torch

    rows = records("validation", VALIDATION_ROWS)
    total, count = 0.0, 0
    model.eval()
    with torch.no_grad():
        for ids_BT, labels_BT in _parts(tokenizer, rows):
            total += _loss(model, ids_BT, labels_BT).item()
            count += int((labels_BT != IGNORED).sum())
    return total / count


def build(
    out_dir: Path,
    *,
    steps: int = STEPS,
    seed: int = SEED,
    log: Callable[[str], None] = lambda line: None,
    stop_after: int | None = None,
) -> float:
    """Train a teacher from scratch and save it with its tokenizer and ``recipe.json``.

    One thread and a fixed seed: the same torch on the same machine class gives the same weights.

    Args:
        out_dir: Folder to write; created where absent.
        steps: Optimiser steps of the whole schedule.
        seed: Seeds weights and training rows.
        log: Receives one line every 50 steps.
        stop_after: Stop after so many steps of that schedule (to check its beginning).

    Returns:
        Held-out loss in nats per response token.
    """
    import torch
    import transformers

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    tokenizer = build_tokenizer()
    model = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=len(tokenizer),
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            **ARCHITECTURE,
        )
    )
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    optimizer = torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": WEIGHT_DECAY},
            {"params": vectors, "weight_decay": 0.0},
        ],
        betas=(0.9, 0.98),
    )
    model.train()
    last = min(steps, stop_after or steps)
    curve: dict[str, float] = {}
    rows = records("train", last * BATCH_SIZE, seed)
    for step in range(last):
        warm = min(1.0, (step + 1) / WARMUP_STEPS)
        for group in optimizer.param_groups:
            group["lr"] = PEAK_LR * warm * 0.5 * (1 + math.cos(math.pi * step / steps))
        optimizer.zero_grad(set_to_none=True)
        parts = _parts(tokenizer, rows[step * BATCH_SIZE : (step + 1) * BATCH_SIZE])
        count = sum(int((labels_BT != IGNORED).sum()) for _, labels_BT in parts)
        total = 0.0
        for ids_BT, labels_BT in parts:
            loss = _loss(model, ids_BT, labels_BT) / count
            loss.backward()  # type: ignore[no-untyped-call]  # of torch
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
        optimizer.step()
        if (step + 1) % 50 == 0 or step + 1 == last:
            curve[str(step + 1)] = round(total, 6)
            log(f"step {step + 1}/{steps}: loss {total:.4f}")
    value = held_out_loss(model, tokenizer)
    log(f"held-out loss {value:.4f} nats per token")
    model.save_pretrained(out_dir)
    tokenizer.save_pretrained(out_dir)
    recipe = {
        "steps": last,
        "seed": seed,
        "batch_size": BATCH_SIZE,
        "peak_lr": PEAK_LR,
        "grammar": GRAMMAR_VERSION,
        "torch": torch.__version__.split("+")[0],
        "transformers": transformers.__version__,
        "held_out_loss": value,
        "curve": curve,
    }
    (Path(out_dir) / "recipe.json").write_text(json.dumps(recipe, indent=2) + "\n")
    torch.set_num_threads(threads)
    return value


def _parts(
    tokenizer: PreTrainedTokenizerFast, rows: list[dict[str, Any]]
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The rows as `PARTS` padded tensors, sorted by length."""
    near = sorted(rows, key=lambda row: len(f"{row['instruction']} {row['output']}".split()))
    size = max(1, len(near) // PARTS)
    return [_batch(tokenizer, near[at : at + size]) for at in range(0, len(near), size)]


def _batch(
    tokenizer: PreTrainedTokenizerFast, rows: list[dict[str, Any]]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids padded on the right; labels are ignored outside the response and its end."""
    import torch

    pairs = [
        (tokenizer.encode(render(row["instruction"])), tokenizer.encode(row["output"]))
        for row in rows
    ]
    width = max(len(prompt) + len(response) + 1 for prompt, response in pairs)
    ids_BT = torch.full((len(rows), width), tokenizer.pad_token_id)
    labels_BT = torch.full((len(rows), width), IGNORED)
    for at, (prompt, response) in enumerate(pairs):
        whole = torch.tensor([*prompt, *response, tokenizer.eos_token_id])
        ids_BT[at, : len(whole)] = whole
        labels_BT[at, len(prompt) : len(whole)] = whole[len(prompt) :]
    return ids_BT, labels_BT


def _loss(model: Any, ids_BT: torch.Tensor, labels_BT: torch.Tensor) -> torch.Tensor:
    """Sum of cross-entropy over response positions.

    Padding is on the right, so that the causal mask hides it.
    """
    import torch

    hidden_BTD = model.base_model(input_ids=ids_BT[:, :-1]).last_hidden_state
    targets_BT = labels_BT[:, 1:]
    wanted_BT = targets_BT != IGNORED
    logits_NV = model.get_output_embeddings()(hidden_BTD[wanted_BT])
    return torch.nn.functional.cross_entropy(logits_NV, targets_BT[wanted_BT], reduction="sum")
