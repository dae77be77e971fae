"""One vocabulary for teacher and student: the same tokens under the same ids, or no training."""

import hashlib

from transformers import PreTrainedTokenizerBase

from akl_bench.errors import UsageError

_SHOWN = 5
# The pad token is left out: padded positions are masked, so it may differ.
_SPECIAL = ("bos_token", "eos_token", "unk_token")
# Same tokens and other merges or normalisation would cut text differently: this shows most of it.
_PROBE = "Don't  re-read\tthe naïve 3,141.59 Äpfel\n\n  def f(x): # 東京 e\u0301 <|im_start|>"


class VocabularyError(UsageError):
    """Two models whose tokens are not the same."""


def check_vocabularies(teacher: PreTrainedTokenizerBase, student: PreTrainedTokenizerBase) -> int:
    """The number V of real token ids that both share; model matrices may have more rows.

    Raises:
        VocabularyError: The tokenizers differ in tokens, special tokens, chat template or in how
            they cut a probe text; the message shows the first five differing ids or both values.
    """
    names_T = {index: token for token, index in teacher.get_vocab().items()}
    names_S = {index: token for token, index in student.get_vocab().items()}
    if names_T != names_S:
        differing = sorted(i for i in names_T.keys() | names_S if names_T.get(i) != names_S.get(i))
        shown = "; ".join(
            f"id {i}: {_name(names_T.get(i))} / {_name(names_S.get(i))}" for i in differing[:_SHOWN]
        )
        raise VocabularyError(
            f"Teacher and student have different vocabularies: {len(differing)} ids differ "
            f"(teacher / student): {shown}. Distillation needs one vocabulary."
        )
    problems = [
        f"{role}: {getattr(teacher, role)!r} / {getattr(student, role)!r}"
        for role in _SPECIAL
        if getattr(teacher, role) != getattr(student, role)
    ]
    if teacher.chat_template and student.chat_template:
        hash_T, hash_S = _hash(teacher.chat_template), _hash(student.chat_template)
        if hash_T != hash_S:
            problems.append(f"chat template (sha256): {hash_T} / {hash_S}")
    if problems:
        raise VocabularyError(
            "Teacher and student tokenizers share their tokens but not their roles "
            f"(teacher / student): {'; '.join(problems)}."
        )
    ids_T = teacher(_PROBE, add_special_tokens=False)["input_ids"]
    ids_S = student(_PROBE, add_special_tokens=False)["input_ids"]
    if ids_T != ids_S:
        raise VocabularyError(
            "Teacher and student tokenizers share their tokens but cut text differently: "
            f"{ids_T} / {ids_S} for {_PROBE!r}."
        )
    return max(names_T) + 1


def _name(token: str | None) -> str:
    return "(none)" if token is None else repr(token)


def _hash(text: object) -> str:
    return hashlib.sha256(repr(text).encode()).hexdigest()[:12]
