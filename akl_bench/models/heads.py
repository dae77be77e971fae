"""The two halves of a causal language model: the body, and the linear head on top of it."""

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from akl_bench.errors import UsageError

# Configuration keys by which known architectures change logits after the linear head.
_LOGIT_KEYS = {
    "final_logit_softcapping": None,
    "logit_scale": 1.0,
    "logits_scaling": 1.0,
    "logits_scale": 1.0,
    "lm_head_multiplier": 1.0,
    "output_multiplier": 1.0,
}
_PROBE_TOKENS = 16


def last_hidden(model: "PreTrainedModel", input_ids_BT: Tensor) -> Tensor:
    """The model without its head: token ids -> hidden states [B, T, D] after the final norm.

    Padding on the right needs no mask: the model is causal. Without one attention is faster.
    """
    output = model.base_model(input_ids=input_ids_BT, use_cache=False, return_dict=True)
    hidden_BTD: Tensor = output.last_hidden_state
    return hidden_BTD


def output_head(model: "PreTrainedModel") -> tuple[Tensor, Tensor | None]:
    """Weight [V, D] and bias [V] (or None) of the linear output head, the live parameters.

    Raises:
        UsageError: The model's output layer is not linear.
    """
    head = model.get_output_embeddings()  # type: ignore[no-untyped-call]  # of transformers
    if not isinstance(head, nn.Linear):
        raise UsageError(f"{type(model).__name__}: the output head is not a linear layer.")
    return head.weight, head.bias


@torch.no_grad()
def verify_head(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> None:
    """Check on a probe that the model's logits are `hidden @ W^T + b`, as training assumes.

    Raises:
        UsageError: They are not (soft-capping, a logit scale); or the tokenizer has more tokens
            than the head has rows.
    """
    weight_VD, bias_V = output_head(model)
    tokens = max(tokenizer.get_vocab().values()) + 1
    if tokens > weight_VD.shape[0]:
        raise UsageError(
            f"The tokenizer has {tokens} tokens and the model only {weight_VD.shape[0]} rows: "
            "they do not belong together."
        )
    ids_BT = torch.linspace(0, tokens - 1, _PROBE_TOKENS, device=model.device).long().unsqueeze(0)
    logits_BTV = model(input_ids=ids_BT, use_cache=False).logits.float()
    linear_BTV = nn.functional.linear(last_hidden(model, ids_BT), weight_VD, bias_V).float()
    tolerance = 1e-4 if weight_VD.dtype in (torch.float32, torch.float64) else 2e-2
    worst = (logits_BTV - linear_BTV).abs().max().item()
    if not worst <= tolerance * max(1.0, linear_BTV.abs().max().item()):
        causes = [
            f"{key}: {value}"
            for key, neutral in _LOGIT_KEYS.items()
            if (value := getattr(model.config, key, neutral)) not in (None, neutral)
        ]
        raise UsageError(
            f"{type(model).__name__}: its logits are not hidden @ W^T + b (off by {worst:.3g}"
            f"{'; ' + ', '.join(causes) if causes else ''}); such a head cannot be distilled here."
        )
