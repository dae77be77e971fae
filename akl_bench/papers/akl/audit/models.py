"""What a real teacher and student say about real text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from akl_bench.config import ModelRef, Profile
from akl_bench.data.batches import Encoded, collate, encode, step_rows, token_ids
from akl_bench.data.prompts import Prompt
from akl_bench.data.records import load_records
from akl_bench.errors import DataError, UsageError
from akl_bench.models.heads import output_head, verify_head
from akl_bench.models.loading import build_student, load_model, load_tokenizer
from akl_bench.models.vocabulary import check_vocabularies
from akl_bench.papers.akl.audit.measure import Case
from akl_bench.tasks import DataSource
from akl_bench.training._linear_head import Layer
from akl_bench.training.teacher_states import LiveTeacher

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_BATCH = 8
_OWN_TOKENIZER = ("path", "hub", "gguf")


def text_case(
    profile: Profile,
    *,
    teacher: str | None = None,
    student: str | None = None,
    text: Path | None = None,
    tokens: int,
    seed: int,
) -> Case:
    """Tokens of a text as teacher and student predict them, in an order drawn from the seed.

    Args:
        profile: Models and training records, for what the other arguments leave out.
        teacher: Folder of a checkpoint.
        student: Name of a student of the profile, or folder of a checkpoint.
        text: Records (.jsonl: responses are predicted) or plain text (all of it is).
        tokens: At most so many.
        seed: Draws the records, the tokens and the weights of a `random` student.

    Raises:
        UsageError: A model or text that is not there, or models that do not share a vocabulary.
    """
    teacher_ref = _folder(teacher) if teacher is not None else profile.teacher
    student_name, student_ref = _student(profile, student)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    tokenizer = load_tokenizer(teacher_ref, online=profile.online)
    own = student_ref.source in _OWN_TOKENIZER
    other = load_tokenizer(student_ref, online=profile.online) if own else tokenizer
    vocab_size = check_vocabularies(tokenizer, other)
    encoded = _encoded(profile, tokenizer, text, tokens)
    batches = _batches(encoded, tokens, seed)
    picked_N = _picked(encoded, batches, tokens, seed)
    options: Any = {"dtype": torch.float32, "device": device, "online": profile.online}

    def layer(model: PreTrainedModel) -> Layer:
        verify_head(model, tokenizer)
        return _layer(model, encoded, batches, picked_N, tokenizer, vocab_size)

    layers = (
        layer(load_model(teacher_ref, **options)),
        layer(build_student(student_ref, teacher_ref, seed=seed, **options)),
    )

    def logs(chunk: slice) -> tuple[Tensor, Tensor]:
        logp_NV, logq_NV = (layer.logits(chunk).log_softmax(-1) for layer in layers)
        return logp_NV, logq_NV

    source = str(text) if text is not None else f"the training data of {profile.name}"
    about = f"{student_name} beside {_name(teacher_ref)}, on {source}"
    return Case("text", about, len(picked_N), vocab_size, logs)


def _folder(path: str) -> ModelRef:
    return ModelRef(source="path", path=path)


def _name(ref: ModelRef) -> str:
    return ref.path or ref.name or f"the {ref.source} teacher"


def _student(profile: Profile, student: str | None) -> tuple[str, ModelRef]:
    if student is None:
        student = next(iter(profile.students))
    if student in profile.students:
        return student, profile.students[student]
    if Path(student).is_dir():
        return student, _folder(student)
    raise UsageError(
        f"--student {student}: neither a folder nor a student of the profile {profile.name} "
        f"({', '.join(profile.students)})."
    )


def _encoded(
    profile: Profile, tokenizer: PreTrainedTokenizerBase, text: Path | None, tokens: int
) -> Encoded:
    data = profile.data
    lengths = {
        "max_prompt_tokens": data.max_prompt_tokens,
        "max_response_tokens": data.max_response_tokens,
    }
    if text is not None and text.suffix != ".jsonl":
        return _plain(text, tokenizer, sum(lengths.values()), tokens)
    if text is not None:
        records = load_records(DataSource(path=str(text)), "--text")
    else:
        records = load_records(data.train, "data.train", root=data.root, online=profile.online)
    return encode(records, Prompt(profile.prompt), tokenizer, **lengths)


def _plain(path: Path, tokenizer: PreTrainedTokenizerBase, width: int, tokens: int) -> Encoded:
    """The beginning of a text in windows of tokens, of which all but the first are predicted."""
    ids: list[int] = []
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                ids += token_ids(tokenizer, line)
                if len(ids) >= tokens + tokens // (width - 1) + 1:
                    break
    except UnicodeDecodeError as error:
        raise DataError([f"{path}: not UTF-8; save the file as UTF-8"]) from error
    windows = [tuple(ids[start : start + width]) for start in range(0, len(ids), width)]
    windows = [window for window in windows if len(window) > 1]
    if not windows:
        raise DataError([f"{path}: less than two tokens of text"])
    names = tuple(f"window-{number}" for number in range(len(windows)))
    responses = tuple(window[1:] for window in windows)
    offsets, total = [], 0
    for response in responses:
        offsets.append(total)
        total += len(response)
    return Encoded(names, tuple(w[:1] for w in windows), responses, tuple(offsets), 0)


def _batches(encoded: Encoded, tokens: int, seed: int) -> list[list[int]]:
    """As many examples as hold that many response tokens, drawn at random, by length."""
    rows, total = [], 0
    for row in step_rows(len(encoded), len(encoded), 0, seed):
        rows.append(row)
        total += len(encoded.responses[row])
        if total >= tokens:
            break
    rows.sort(key=lambda row: len(encoded.prompts[row]) + len(encoded.responses[row]))
    return [rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH)]


def _picked(encoded: Encoded, batches: list[list[int]], tokens: int, seed: int) -> Tensor:
    """Which of the batches' tokens are taken, in a random order: any slice is a sample."""
    total = sum(len(encoded.responses[row]) for rows in batches for row in rows)
    return torch.randperm(total, generator=torch.Generator().manual_seed(seed))[:tokens]


@torch.no_grad()
def _layer(
    model: PreTrainedModel,
    encoded: Encoded,
    batches: list[list[int]],
    picked_N: Tensor,
    tokenizer: PreTrainedTokenizerBase,
    vocab_size: int,
) -> Layer:
    """The model's output layer, on its states at the picked tokens."""
    states, pad_id = LiveTeacher(model), tokenizer.pad_token_id
    assert isinstance(pad_id, int), "models.load_tokenizer guarantees a pad token"
    hidden_MD = torch.cat([states.hidden(collate(encoded, rows, pad_id)) for rows in batches])
    return Layer(hidden_MD[picked_N.to(hidden_MD.device)], *output_head(model), vocab_size)
