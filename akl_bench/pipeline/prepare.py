"""What the cells of a run share, made once: token ids, the teacher's states, head and text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file

from akl_bench.artifacts.files import write_jsonl
from akl_bench.artifacts.keys import libraries
from akl_bench.artifacts.records import Shared
from akl_bench.artifacts.store import ROWS, Making
from akl_bench.data.examples import encode, in_cache, response_tokens, write_examples
from akl_bench.data.prompts import Prompt
from akl_bench.data.records import Record
from akl_bench.models.heads import output_head, verify_head
from akl_bench.models.loading import build_student, load_tokenizer
from akl_bench.models.lora import adapters
from akl_bench.models.vocabulary import check_vocabularies
from akl_bench.pipeline import shared
from akl_bench.pipeline.model import teacher_model
from akl_bench.pipeline.plan import Plan
from akl_bench.pipeline.provenance import made_here
from akl_bench.training import sources, teachers

if TYPE_CHECKING:
    from akl_bench.executors.base import Report
    from akl_bench.pipeline.inputs import Inputs


def prepare(inputs: Inputs, plan: Plan, names: Sequence[str], report: Report) -> None:
    """Make the artifacts of these names that cells share, but for those that are there.

    Raises:
        UsageError: Vocabularies that differ, or a model whose head is not linear.
    """
    maker = _Maker(inputs, plan, report)
    for kind in _MAKERS:
        for name in names:
            artifact = plan.shared[name]
            if name.partition("-")[0] == kind and artifact.sealed() is None:
                with artifact.make(made_here(libraries())) as making:
                    _MAKERS[kind](maker, name.partition("-")[2], making)


class _Maker:
    """Loads the teacher at most once."""

    def __init__(self, inputs: Inputs, plan: Plan, report: Report):
        self._inputs, self._plan, self._report = inputs, plan, report
        self._profile = plan.profile

    @cached_property
    def _tokenizer(self) -> Any:
        return load_tokenizer(self._profile.teacher, online=self._profile.online)

    @cached_property
    def _teacher(self) -> Any:
        return teacher_model(self._plan)

    def models(self, _: str, making: Making) -> None:
        """Build each model once, so that what cannot work fails before anything is trained."""
        profile = self._profile
        verify_head(self._teacher, self._tokenizer)
        vocab_size = 0
        for ref in profile.students.values():
            own = ref.source in ("path", "hub", "gguf")
            tokenizer = load_tokenizer(ref, online=profile.online) if own else self._tokenizer
            vocab_size = check_vocabularies(self._tokenizer, tokenizer)
            student = build_student(
                ref,
                profile.teacher,
                seed=profile.seeds[0],
                dtype=torch.float32,
                device="cpu",
                online=profile.online,
            )
            with adapters(student, profile.training.lora, seed=profile.seeds[0]):
                verify_head(student, tokenizer)
        making.record = Shared(about={"vocab_size": vocab_size})

    def head(self, _: str, making: Making) -> None:
        """The teacher's output layer."""
        weight_VE, bias_V = output_head(self._teacher)
        tensors = {"weight": weight_VE} | ({} if bias_V is None else {"bias": bias_V})
        kept = {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
        save_file(kept, making.folder / shared.HEAD)
        making.record = Shared()

    def rows(self, task: str, making: Making) -> None:
        """The rows of a task: records, or documents for lm-eval."""
        rows = self._inputs.tasks[task]
        plain = [asdict(row) if isinstance(row, Record) else row for row in rows]
        write_jsonl(making.folder / ROWS, plain)
        making.record = Shared(about={"rows": len(rows)})

    def examples(self, name: str, making: Making) -> None:
        """A set of examples as token ids; for a source, what it makes of the training set."""
        data = self._profile.data
        records = self._records(name)
        examples = encode(
            records,
            Prompt(self._profile.prompt),
            self._tokenizer,
            max_prompt_tokens=data.max_prompt_tokens,
            max_response_tokens=data.max_response_tokens,
        )
        dropped = len(records) - len(examples)
        if name in self._plan.sources:
            part = self._plan.shared[f"examples-{name}"].part
            source = sources.registry.create(self._plan.sources[name])
            report = partial(self._report, "teacher's text")
            writer = (
                shared.writer(self._plan, self._teacher, self._tokenizer, part, report)
                if "teacher text" in source.needs
                else None
            )
            examples = in_cache(source.prepare(examples, writer))
            part.unlink(missing_ok=True)
        write_examples(making.folder / shared.EXAMPLES, examples)
        making.record = Shared(
            about={
                "examples": len(examples),
                "dropped": dropped,
                "response_tokens": response_tokens(examples),
            }
        )

    def _records(self, name: str) -> list[Record]:
        task = name.removeprefix("task-")
        return self._inputs.train if task == name else self._inputs.tasks[task]

    def states(self, name: str, making: Making) -> None:
        """The cache of a teacher on a set of examples."""
        spec = self._plan.shared[f"states-{name}"].fields["spec"]
        teachers.registry.create(spec).fill(
            self._teacher,
            shared.examples(self._plan, name),
            making.folder,
            pad_id=self._tokenizer.pad_token_id,
            progress=partial(self._report, f"teacher on {name}"),
        )
        making.record = Shared()


# In the order of making: each may need those before it.
_MAKERS: dict[str, Callable[[_Maker, str, Making], None]] = {
    "models": _Maker.models,
    "head": _Maker.head,
    "rows": _Maker.rows,
    "examples": _Maker.examples,
    "states": _Maker.states,
}
