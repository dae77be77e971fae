"""A ModelRef -> the local folder that holds its checkpoint, checked to be data and not code."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from akl_bench.config import ModelRef
from akl_bench.errors import UsageError
from akl_bench.models import gguf

# What a checkpoint may consist of. Everything else in a repository is neither fetched nor read.
CONTENT_SUFFIXES = (".json", ".safetensors", ".txt", ".model", ".jinja")
PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")
_CODE_KEYS = {
    "auto_map",
    "custom_pipelines",
    "custom_generate",
    "_experts_implementation_internal",
    "experts_implementation",
}
_ATTENTION_KEYS = {"_attn_implementation_internal", "_attn_implementation", "attn_implementation"}
# These name code inside transformers or torch; any other value names a hub repository to run.
_KNOWN_ATTENTION = {None, "eager", "sdpa", "flash_attention_2", "flash_attention_3"}


def locate(ref: "ModelRef", *, online: bool = False) -> Path:
    """The folder with the checkpoint that `ref` names, after `check_checkpoint`.

    Raises:
        UsageError: The folder or hub model is missing or unsafe; says which and what to do.
        MissingDependencyError: A GGUF checkpoint is asked for without the extra `gguf`.
    """
    if ref.source == "microworld":
        # By its path: to load a model is not to depend on the world's grammar.
        worlds = Path(__file__).parent.parent / "microworld"
        folder = worlds / ("teacher" if ref.name in (None, "one") else f"teacher_{ref.name}")
    elif ref.source == "gguf":
        folder = gguf.gguf_checkpoint(ref.name or gguf.DEFAULT_PACKAGE)
    elif ref.source == "path":
        assert ref.path is not None, "ModelRef has what its source needs"
        folder = Path(ref.path).expanduser()
    elif ref.source == "hub":
        assert ref.name is not None, "ModelRef has what its source needs"
        folder = _hub_folder(ref.name, ref.revision, online=online)
    else:
        raise UsageError(f"A model with source '{ref.source}' has no checkpoint of its own.")
    check_checkpoint(folder)
    return folder


def check_checkpoint(folder: Path) -> None:
    """Refuse a folder that is not a checkpoint, or one that could run code when it is loaded.

    Raises:
        UsageError: Names the missing file, the pickle, or the offending key.
    """
    if not (folder / "config.json").is_file():
        raise UsageError(f"{folder}: no model here (config.json is missing).")
    if (folder / "adapter_config.json").exists():
        raise UsageError(
            f"{folder}: adapter_config.json makes this an adapter that names another model; "
            "merge it into its base model and save that."
        )
    for path in sorted(folder.glob("*config*.json")):
        for where, key in _code_bearing(read_json(path)):
            raise UsageError(
                f"{path}: key '{where}' asks to run code from outside the checkpoint ({key}); "
                "remote code is never run: remove the key if the model works without it."
            )
    if not any(folder.glob("*.safetensors")):
        pickles = sorted(p.name for p in folder.iterdir() if p.suffix in PICKLE_SUFFIXES)
        instead = f"only {', '.join(pickles)}, which can run code" if pickles else "no weights"
        raise UsageError(
            f"{folder}: no *.safetensors file ({instead}); save the model again as safetensors, or "
            "name a hub revision that has them (often refs/pr/1)."
        )


def read_json(path: Path) -> Any:
    """Parse a JSON file of a checkpoint.

    Raises:
        UsageError: Not UTF-8 JSON; names the file.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not readable as JSON: {error}") from error


def _code_bearing(node: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Key path and value of everything in a configuration that leads to foreign code."""
    if isinstance(node, list):
        node = dict(enumerate(node))
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        where = f"{prefix}{key}"
        foreign_attention = key in _ATTENTION_KEYS and (
            not isinstance(value, str | None) or value not in _KNOWN_ATTENTION
        )
        if foreign_attention or (key in _CODE_KEYS and value is not None):
            yield where, json.dumps(value)[:100]
        else:
            yield from _code_bearing(value, f"{where}.")


def _hub_folder(name: str, revision: str | None, *, online: bool) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        folder = snapshot_download(
            name,
            revision=revision,
            local_files_only=not online,
            allow_patterns=[f"*{suffix}" for suffix in CONTENT_SUFFIXES],
            ignore_patterns=["*/*"],
        )
    except LocalEntryNotFoundError as error:
        remedy = "is the network reachable?" if online else "add --online to download it."
        raise UsageError(f"Hub model '{name}' is not in the local cache; {remedy}") from error
    except (HfHubHTTPError, HFValidationError) as error:
        raise UsageError(f"Hub model '{name}' cannot be downloaded: {error}") from error
    return Path(folder)
