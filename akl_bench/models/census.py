"""What a checkpoint is made of, read from its files: content hash and parameter count."""

import hashlib
import json
import math
import re
from collections.abc import Sequence
from pathlib import Path

from safetensors import SafetensorError, safe_open

from akl_bench.artifacts.files import file_digest
from akl_bench.config import ModelRef
from akl_bench.errors import UsageError
from akl_bench.models.locate import CONTENT_SUFFIXES, locate, read_json

_LAYER = re.compile(r"\.(?:layers|h|blocks?)\.(\d+)\.")


def fingerprint(ref: "ModelRef", *, online: bool = False) -> str:
    """Hex sha256 of the checkpoint's weights, configuration and tokenizer, by content.

    Raises:
        UsageError: As `locate`; a `random` model has no checkpoint and so no fingerprint.
    """
    return content_hash(locate(ref, online=online), ref.layers)


def content_hash(folder: Path, layers: Sequence[int] | None = None) -> str:
    """Hex sha256 of the weights, configuration and tokenizer in a folder, of some layers only."""
    digest = hashlib.sha256(json.dumps(layers).encode())
    for path in sorted(path for path in folder.iterdir() if path.suffix in CONTENT_SUFFIXES):
        digest.update(path.name.encode() + b"\0" + _file_digest(path))
    return digest.hexdigest()


def parameter_count(ref: "ModelRef", teacher_ref: "ModelRef", *, online: bool = False) -> int:
    """Number of parameters, tied ones once, without loading weights.

    Reads safetensors headers; only a `random` model needs torch (its shape is built on no device).
    """
    if ref.source == "random":
        import torch

        from akl_bench.models.shapes import fresh_model

        with torch.device("meta"):
            model = fresh_model(locate(teacher_ref, online=online), ref.architecture or {})
        return sum(parameter.numel() for parameter in model.parameters())
    folder = locate(teacher_ref if ref.source == "teacher" else ref, online=online)
    total = 0
    for path in sorted(folder.glob("*.safetensors")):
        for name, shape in _shapes(path).items():
            layer = _LAYER.search(f".{name}")
            if ref.layers is None or layer is None or int(layer[1]) in ref.layers:
                total += math.prod(shape)
    return total


def _file_digest(path: Path) -> bytes:
    if path.name == "config.json":
        # Written by every save_pretrained and without effect: not part of the content.
        settings = {k: v for k, v in read_json(path).items() if k != "transformers_version"}
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).digest()
    return bytes.fromhex(file_digest(path))


def _shapes(path: Path) -> dict[str, list[int]]:
    """Shapes of the tensors of a safetensors file, by name."""
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118  # not a dict
    except SafetensorError as error:
        raise UsageError(
            f"{path}: damaged safetensors header; fetch or save the file again."
        ) from error
