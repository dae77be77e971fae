"""What a checkpoint is made of, read from its files: content hash and parameter count."""

import hashlib
import json
import re
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from akl_bench.errors import UsageError
from akl_bench.models.locate import CONTENT_SUFFIXES, locate, read_json

if TYPE_CHECKING:
    from akl_bench.config import ModelRef

_LAYER = re.compile(r"\.(?:layers|h|blocks?)\.(\d+)\.")
_MAX_HEADER = 100 * 2**20  # the limit of the format itself


def fingerprint(ref: "ModelRef", *, online: bool = False) -> str:
    """Hex sha256 of the checkpoint's weights, configuration and tokenizer, by content.

    Raises:
        UsageError: As `locate`; a `random` model has no checkpoint and so no fingerprint.
    """
    return content_hash(locate(ref, online=online), ref.layers)


def content_hash(folder: Path, layers: Sequence[int] | None = None) -> str:
    """Hex sha256 of the weights, configuration and tokenizer in a folder, of some layers only."""
    digest = hashlib.sha256(json.dumps(layers).encode())
    for path in _content(folder):
        digest.update(path.name.encode() + b"\0" + _file_digest(path))
    return digest.hexdigest()


def parameter_count(ref: "ModelRef", teacher_ref: "ModelRef", *, online: bool = False) -> int:
    """Number of parameters, tied ones once, without loading weights.

    Reads safetensors headers; only a `random` model needs torch (its shape is built on no device).
    """
    if ref.source == "random":
        return _count_random(ref, locate(teacher_ref, online=online))
    folder = locate(teacher_ref if ref.source == "teacher" else ref, online=online)
    total = 0
    for path in sorted(folder.glob("*.safetensors")):
        for name, entry in _header(path).items():
            layer = _LAYER.search(f".{name}")
            if ref.layers is None or layer is None or int(layer[1]) in ref.layers:
                total += _product(entry["shape"])
    return total


def _content(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in CONTENT_SUFFIXES)


def _file_digest(path: Path) -> bytes:
    if path.name == "config.json":
        # Written by every save_pretrained and without effect: not part of the content.
        settings = {k: v for k, v in read_json(path).items() if k != "transformers_version"}
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).digest()
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.digest()


def _header(path: Path) -> dict[str, Any]:
    """Tensor name -> {dtype, shape, ...} of a safetensors file."""
    with path.open("rb") as file:
        prefix = file.read(8)
        size = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else _MAX_HEADER + 1
        try:
            header = json.loads(file.read(size)) if size <= _MAX_HEADER else None
        except ValueError:
            header = None
    if not isinstance(header, dict):
        raise UsageError(f"{path}: damaged safetensors header; fetch or save the file again.")
    header.pop("__metadata__", None)
    return header


def _product(shape: list[int]) -> int:
    total = 1
    for size in shape:
        total *= size
    return total


def _count_random(ref: "ModelRef", folder: Path) -> int:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from akl_bench.models.shapes import with_overrides

    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    auto_model: Any = AutoModelForCausalLM
    with torch.device("meta"):
        model = auto_model.from_config(with_overrides(config, ref.architecture or {}))
    return sum(int(parameter.numel()) for parameter in model.parameters())
