"""What a real teacher and student say about real text."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from akl_bench.config import ModelRef, Profile
from akl_bench.data.batches import step_rows
from akl_bench.data.examples import Example, encode, response_tokens, token_ids
from akl_bench.data.prompts import Prompt
from akl_bench.data.records import load_records
from akl_bench.errors import DataError, UsageError
from akl_bench.models.heads import verify_head
from akl_bench.models.loading import build_student, load_model, load_tokenizer
from akl_bench.models.vocabulary import check_vocabularies
from akl_bench.papers.akl.audit.measure import Case
from akl_bench.papers.akl.logits import device, first, logits
from akl_bench.tasks import DataSource
from akl_bench.training.logits import LinearLogits

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
    ref = ModelRef(source="path", path=teacher) if teacher is not None else profile.teacher
    student = next(iter(profile.students)) if student is None else student
    if student not in profile.students and not Path(student).is_dir():
        raise UsageError(
            f"--student {student}: neither a folder nor a student of the profile {profile.name} "
            f"({', '.join(profile.students)})."
        )
    student_ref = profile.students.get(student) or ModelRef(source="path", path=student)
    tokenizer = load_tokenizer(ref, online=profile.online)
    own = student_ref.source in _OWN_TOKENIZER
    other = load_tokenizer(student_ref, online=profile.online) if own else tokenizer
    vocab_size = check_vocabularies(tokenizer, other)
    examples = _examples(profile, tokenizer, text, tokens)
    order = step_rows(len(examples), len(examples), 0, seed)
    drawn = sorted(first([examples[row] for row in order], tokens), key=len)
    # In a random order: any slice is a sample.
    generator = torch.Generator().manual_seed(seed)
    picked_N = torch.randperm(response_tokens(drawn), generator=generator)[:tokens]
    options: Any = {"dtype": torch.float32, "device": device(), "online": profile.online}

    def predict(model: PreTrainedModel) -> LinearLogits:
        verify_head(model, tokenizer)
        return logits(model, drawn, vocab_size, picked_N)

    p = predict(load_model(ref, **options))
    q = predict(build_student(student_ref, ref, seed=seed, **options))

    def logs(at: slice) -> tuple[Tensor, Tensor]:
        return p.chunk(at).log_softmax(-1), q.chunk(at).log_softmax(-1)

    source = str(text) if text is not None else f"the training data of {profile.name}"
    name = ref.path or ref.name or f"the {ref.source} teacher"
    return Case("text", f"{student} beside {name}, on {source}", len(picked_N), vocab_size, logs)


def _examples(
    profile: Profile, tokenizer: PreTrainedTokenizerBase, text: Path | None, tokens: int
) -> list[Example]:
    data = profile.data
    if text is not None and text.suffix != ".jsonl":
        width = data.max_prompt_tokens + data.max_response_tokens
        return _windows(text, tokenizer, width, tokens)
    if text is not None:
        records = load_records(DataSource(path=str(text)), "--text")
    else:
        records = load_records(data.train, "data.train", root=data.root, online=profile.online)
    return encode(
        records,
        Prompt(profile.prompt),
        tokenizer,
        max_prompt_tokens=data.max_prompt_tokens,
        max_response_tokens=data.max_response_tokens,
    )


def _windows(
    path: Path, tokenizer: PreTrainedTokenizerBase, width: int, tokens: int
) -> list[Example]:
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
    examples = [Example(path.name, w[:1], w[1:]) for w in windows if len(w) > 1]
    if not examples:
        raise DataError([f"{path}: less than two tokens of text"])
    return examples
