"""Low-rank adapters around the training of a student; afterwards it is an ordinary model again."""

import contextlib
from collections.abc import Iterator

import torch
from transformers import PreTrainedModel

from akl_bench.errors import MissingDependencyError, UsageError
from akl_bench.models.heads import output_head
from akl_bench.recipe import LoraSettings


@contextlib.contextmanager
def adapters(
    student: PreTrainedModel, settings: "LoraSettings | None", *, seed: int
) -> Iterator[None]:
    """Inside, only adapters of the student's linear layers train; they are merged at the end.

    LoRA, arXiv 2106.09685, Eq. (3). The output head stays as it is: training reads its weight
    directly, and an adapter around it would go unseen.

    Args:
        student: Changed in place.
        settings: None: all weights train, as without this.
        seed: Draws the adapters' first weights.

    Raises:
        UsageError: The student has no such layers, or one of them shares the output head's weight.
        MissingDependencyError: peft is not installed.
    """
    if settings is None:
        yield
        return
    try:
        from peft import LoraConfig, LoraModel
        from peft.tuners.lora import LoraLayer
    except ImportError as error:
        raise MissingDependencyError("training.lora", "peft") from error
    head_VD, _ = output_head(student)
    modules = settings.modules if isinstance(settings.modules, str) else list(settings.modules)
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=modules,
    )
    # The caller's random state is its own, as in `build_student`.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            tuner = LoraModel(student, config, "default")
        except ValueError as error:
            raise UsageError(f"training.lora.modules: {error}") from error
    for name, module in student.named_modules():
        if isinstance(module, LoraLayer) and module.get_base_layer().weight is head_VD:
            raise UsageError(
                f"training.lora.modules: {name} has the output head's weight, which cannot have "
                "an adapter; leave it out."
            )
    yield
    tuner.merge_and_unload()
