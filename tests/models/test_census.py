import json
import shutil
from pathlib import Path

import pytest
import torch

from akl_bench.config import ModelRef
from akl_bench.errors import UsageError
from akl_bench.models.census import fingerprint, parameter_count
from akl_bench.models.loading import build_student

STUDENTS = [
    ModelRef(source="teacher", layers=(0, 3)),
    ModelRef(source="random", architecture={"hidden_size": 8, "num_hidden_layers": 2}),
]


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("student", STUDENTS)
def test_counts_equal_those_of_the_built_model(save_teacher, tied, student):
    ref, model = save_teacher(tie_word_embeddings=tied)
    assert parameter_count(ref, ref) == sum(p.numel() for p in model.parameters())
    built = build_student(student, ref, seed=0, dtype=torch.float32, device="cpu")
    assert parameter_count(student, ref) == sum(p.numel() for p in built.parameters())


def test_fingerprint_depends_on_content_and_nothing_else(save_teacher, tmp_path):
    ref, _ = save_teacher()
    folder = Path(ref.path)
    before = fingerprint(ref)
    copy = shutil.copytree(folder, tmp_path / "elsewhere")
    (copy / "README.md").write_text("other words")
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"transformers_version": "0.0.1"}))
    other = ModelRef(source="path", path=str(copy))
    assert fingerprint(other) == before

    (copy / "config.json").write_text(json.dumps(config | {"rms_norm_eps": 0.5}))
    changed_config = fingerprint(other)
    (copy / "config.json").write_text(json.dumps(config))
    weights = copy / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    changed_weights = fingerprint(other)
    fewer_layers = fingerprint(ref.model_copy(update={"layers": (0,)}))
    assert len({before, changed_config, changed_weights, fewer_layers}) == 4


@pytest.mark.parametrize("content", [b"", b"\xff" * 64, b"\x10" + b"\0" * 7 + b"not json at all!"])
def test_a_damaged_header_is_named(save_teacher, content):
    ref, _ = save_teacher()
    (Path(ref.path) / "model.safetensors").write_bytes(content)
    with pytest.raises(UsageError, match="safetensors header"):
        parameter_count(ref, ref)
