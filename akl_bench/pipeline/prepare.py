"""What the cells of a run share, made once: token ids and the teacher's states and head."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from akl_bench.config import Profile
from akl_bench.data.batches import Encoded, encode
from akl_bench.data.prompts import Prompt
from akl_bench.data.records import Record
from akl_bench.executors.base import Report
from akl_bench.models.heads import output_head, verify_head
from akl_bench.models.loading import build_student, load_model, load_tokenizer
from akl_bench.models.lora import adapters
from akl_bench.models.vocabulary import check_vocabularies
from akl_bench.pipeline.inputs import Inputs
from akl_bench.artifacts.files import new_folder, read_json, write_json
from akl_bench.training.distill import mixed_precision
from akl_bench.training.objective import Head
from akl_bench.training.teacher_states import write_cache

_TEACHER_BATCH = 32
_ARRAYS = ("prompt_ids", "prompt_lengths", "response_ids", "response_lengths")


def device() -> torch.device:
    """Where models run: CUDA where it is, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def teacher_dtype(profile: Profile) -> torch.dtype:
    """bfloat16 where training is in bf16, float32 elsewhere."""
    bf16 = mixed_precision(profile.training, device()) == "bf16"
    return torch.bfloat16 if bf16 else torch.float32


def fidelity_sets(inputs: Inputs) -> dict[str, list[Record]]:
    """Records of the tasks that compare student and teacher token by token."""
    tasks = inputs.profile.tasks
    return {name: rows for name, rows in inputs.tasks.items() if tasks[name].kind == "fidelity"}


def prepare(inputs: Inputs, folder: Path, report: Report) -> None:
    """Write the shared folder of a run; it appears whole or not at all.

    It holds, for the training, validation and fidelity sets, the token ids (`NAME.npz`) and the
    teacher's states (`teacher-NAME/`); the teacher's head, the task rows, and `shared.json`.

    Raises:
        UsageError: Vocabularies that differ, or a model whose head is not linear.
    """
    profile = inputs.profile
    tokenizer = load_tokenizer(profile.teacher, online=profile.online)
    teacher = load_model(
        profile.teacher, dtype=teacher_dtype(profile), device=device(), online=profile.online
    )
    verify_head(teacher, tokenizer)
    vocab_size = _checked_students(profile, tokenizer)
    prompt = Prompt(profile.prompt)
    sets = {"train": inputs.train, "validation": inputs.validation, **fidelity_sets(inputs)}
    with new_folder(folder) as temporary:
        counts = {}
        for name, records in sets.items():
            encoded = encode(
                records,
                prompt,
                tokenizer,
                max_prompt_tokens=profile.data.max_prompt_tokens,
                max_response_tokens=profile.data.max_response_tokens,
            )
            save_encoded(temporary / f"{name}.npz", encoded)
            counts[name] = {
                "examples": len(encoded),
                "dropped": encoded.dropped,
                "response_tokens": encoded.response_tokens,
            }
            # Without the cache training runs its own teacher; fidelity has nothing to repeat.
            if profile.training.teacher_cache or name not in ("train", "validation"):
                write_cache(
                    temporary / f"teacher-{name}",
                    teacher,
                    encoded,
                    pad_id=tokenizer.pad_token_id,
                    batch_size=_TEACHER_BATCH,
                    progress=_stage(report, f"teacher on {name}"),
                )
        weight_VE, bias_V = output_head(teacher)
        head = {"weight": weight_VE.detach().cpu().clone()}
        if bias_V is not None:
            head["bias"] = bias_V.detach().cpu().clone()
        save_file(head, temporary / "teacher_head.safetensors")
        plain = {
            name: [asdict(row) if isinstance(row, Record) else row for row in rows]
            for name, rows in inputs.tasks.items()
        }
        write_json(temporary / "tasks.json", plain)
        devices = torch.cuda.device_count()
        shared = {"vocab_size": vocab_size, "sets": counts, "cuda_devices": devices}
        write_json(temporary / "shared.json", shared)


def _checked_students(profile: Profile, tokenizer: Any) -> int:
    """Build each student once, so that what cannot work fails before anything is trained."""
    vocab_size = 0
    for ref in profile.students.values():
        own = ref.source in ("path", "hub", "gguf")
        student_tokenizer = load_tokenizer(ref, online=profile.online) if own else tokenizer
        vocab_size = check_vocabularies(tokenizer, student_tokenizer)
        student = build_student(
            ref,
            profile.teacher,
            seed=profile.seeds[0],
            dtype=torch.float32,
            device="cpu",
            online=profile.online,
        )
        with adapters(student, profile.training.lora, seed=profile.seeds[0]):
            verify_head(student, student_tokenizer)
    return vocab_size


def _stage(report: Report, name: str) -> Callable[[int, int], None]:
    return lambda done, total: report(name, done, total)


def save_encoded(path: Path, encoded: Encoded) -> None:
    """Write encoded examples as flat arrays."""
    np.savez(
        path,
        ids=np.array(encoded.ids),
        prompt_ids=np.concatenate([np.array(p, dtype=np.int64) for p in encoded.prompts]),
        prompt_lengths=np.array([len(p) for p in encoded.prompts]),
        response_ids=np.concatenate([np.array(r, dtype=np.int64) for r in encoded.responses]),
        response_lengths=np.array([len(r) for r in encoded.responses]),
        dropped=np.array(encoded.dropped),
    )


def load_encoded(path: Path) -> Encoded:
    """Read what `save_encoded` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        ids, dropped = tuple(arrays["ids"].tolist()), int(arrays["dropped"])
        prompt_ids, prompt_lengths, response_ids, response_lengths = (
            arrays[name].tolist() for name in _ARRAYS
        )
    starts = np.cumsum([0, *response_lengths[:-1]]).tolist()
    return Encoded(
        ids,
        _cut(prompt_ids, prompt_lengths),
        _cut(response_ids, response_lengths),
        tuple(starts),
        dropped,
    )


def _cut(flat: list[int], lengths: list[int]) -> tuple[tuple[int, ...], ...]:
    pieces, start = [], 0
    for length in lengths:
        pieces.append(tuple(flat[start : start + length]))
        start += length
    return tuple(pieces)


def load_teacher_head(folder: Path, vocab_size: int, on: torch.device) -> Head:
    """The teacher's output layer from the shared folder."""
    tensors = load_file(folder / "teacher_head.safetensors", device=str(on))
    return Head(tensors["weight"], tensors.get("bias"), vocab_size)


def load_shared(folder: Path) -> dict[str, Any]:
    """Content of `shared.json`."""
    content: dict[str, Any] = read_json(folder / "shared.json")
    return content
