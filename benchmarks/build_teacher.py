"""Train a shipped teacher of the microworld again (minutes on one core).

    python benchmarks/build_teacher.py --out akl_bench/microworld/teacher
    python benchmarks/build_teacher.py --world two --out akl_bench/microworld/teacher_two

One thread and a fixed seed: the same torch on the same machine class gives the same weights.
"""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import torch
import transformers
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

from akl_bench.data.batches import Batch, collate, length_batches
from akl_bench.data.examples import Example, encode, response_tokens
from akl_bench.data.prompts import Prompt
from akl_bench.data.records import load_records
from akl_bench.microworld import GRAMMAR_VERSION, WORLDS
from akl_bench.microworld.grammar import answer
from akl_bench.microworld.kinds import KINDS
from akl_bench.microworld.worlds import ONE
from akl_bench.tasks import DataSource
from akl_bench.training.loop import Learner
from akl_bench.training.objective import Objective

ARCHITECTURE: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 192,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "max_position_embeddings": 64,
    "initializer_range": 0.1,
    "tie_word_embeddings": True,
}
STEPS = 2200
BATCH_SIZE = 64
PEAK_LR = 5e-3
WARMUP_STEPS = 50
WEIGHT_DECAY = 0.05
CLIP_NORM = 1.0
SEED = 0
PARTS = 4
"""A batch is computed in so many parts of similar length, so that little padding is computed."""
NEW_ROWS = 1000
PAD, EOS, UNK = "<pad>", "<eos>", "<unk>"


def build(
    out: Path,
    world: str = "one",
    *,
    log: Callable[[str], None] = lambda line: None,
    stop_after: int = STEPS,
) -> None:
    """Train a teacher from scratch and save it with its tokenizer and `recipe.json`.

    Args:
        out: Folder to write; created where absent.
        world: Whose facts it learns.
        log: Receives one line every 50 steps.
        stop_after: Stop after so many steps of the schedule (to check its beginning).
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    tokenizer = build_tokenizer()
    model = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=len(tokenizer),
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            **ARCHITECTURE,
        )
    )
    learner = learner_of(model, tokenizer)
    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98))
    model.train()
    curve: dict[str, float] = {}
    examples = examples_of(world, SEED, stop_after * BATCH_SIZE, tokenizer)
    for step in range(stop_after):
        warm = min(1.0, (step + 1) / WARMUP_STEPS)
        for group in optimizer.param_groups:
            group["lr"] = PEAK_LR * warm * 0.5 * (1 + math.cos(math.pi * step / STEPS))
        optimizer.zero_grad(set_to_none=True)
        rows = examples[step * BATCH_SIZE : (step + 1) * BATCH_SIZE]
        total = 0.0
        for batch in _parts(rows, learner.pad_id):
            loss = learner.loss(batch, None, total_tokens=response_tokens(rows)).loss
            torch.autograd.backward(loss)
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
        optimizer.step()
        if (step + 1) % 50 == 0 or step + 1 == stop_after:
            curve[str(step + 1)] = round(total, 6)
            log(f"step {step + 1}/{STEPS}: loss {total:.4f}")
    value = new_rows_loss(model, tokenizer, world)
    log(f"loss on new rows {value:.4f} nats per token")
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    recipe = {
        "world": world,
        "steps": stop_after,
        "seed": SEED,
        "batch_size": BATCH_SIZE,
        "peak_lr": PEAK_LR,
        "grammar": GRAMMAR_VERSION,
        "torch": torch.__version__.split("+")[0],
        "transformers": transformers.__version__,
        "new_rows_loss": value,
        "curve": curve,
    }
    (out / "recipe.json").write_text(json.dumps(recipe, indent=2) + "\n")
    torch.set_num_threads(threads)


def new_rows_loss(model: Any, tokenizer: Any, world: str = "one") -> float:
    """Mean nats per response token (the end included) over other rows of the same distribution."""
    model.eval()
    examples = examples_of(world, SEED + 1, NEW_ROWS, tokenizer)
    learner, tokens = learner_of(model, tokenizer), response_tokens(examples)
    with torch.no_grad():
        parts = length_batches(examples, BATCH_SIZE)
        batches = (collate(rows, learner.pad_id) for rows in parts)
        losses = [learner.loss(batch, None, total_tokens=tokens).loss.item() for batch in batches]
    return math.fsum(losses)


def build_tokenizer() -> transformers.PreTrainedTokenizerFast:
    """One token per blank-separated word; decoding gives the encoded text back, word for word."""
    ids = {word: index for index, word in enumerate([PAD, EOS, UNK, *vocabulary()])}
    tokenizer = Tokenizer(WordLevel(ids, unk_token=UNK))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    wrap: Any = transformers.PreTrainedTokenizerFast
    wrapped: transformers.PreTrainedTokenizerFast = wrap(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=EOS,
        unk_token=UNK,
        padding_side="left",
        model_max_length=64,
        clean_up_tokenization_spaces=False,
    )
    return wrapped


def vocabulary() -> list[str]:
    """Every word of an instruction or answer, sorted, without special tokens: one list for all
    worlds.
    """
    words = {":"}
    for kind in KINDS:
        for slot_words in kind.fillings(ONE):
            instruction = kind.fill(slot_words)
            words.update(instruction.split())
            for mode in answer(instruction).modes:
                words.update(w for slot in mode.slots for phrase, _ in slot for w in phrase)
    return sorted(words)


def learner_of(model: Any, tokenizer: Any) -> Learner:
    """A model that learns the responses alone."""
    return Learner(model, Objective(None), len(tokenizer), tokenizer.pad_token_id)


def examples_of(world: str, seed: int, rows: int, tokenizer: Any) -> list[Example]:
    """The teacher's first rows as token ids, their prompts as the profile's template has them."""
    source = DataSource(source="microworld", split="teacher", rows=rows, seed=seed, world=world)
    longest = ARCHITECTURE["max_position_embeddings"]
    return encode(
        load_records(source, "teacher"),
        Prompt("{{ instruction }} :"),
        tokenizer,
        max_prompt_tokens=longest,
        max_response_tokens=longest,
    )


def _parts(examples: list[Example], pad_id: int) -> list[Batch]:
    near = sorted(examples, key=len)
    size = max(1, len(near) // PARTS)
    return [collate(near[at : at + size], pad_id) for at in range(0, len(near), size)]


@click.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.option("--world", type=click.Choice(list(WORLDS)), default="one", show_default=True)
def main(out: Path, world: str) -> None:
    """Train the teacher of a world and write it to a folder."""
    build(out, world, log=print)


if __name__ == "__main__":
    main()
