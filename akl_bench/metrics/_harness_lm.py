"""lm-eval's own HFLM, computing logits only where continuations are scored."""

import inspect
from typing import Any

import torch
from lm_eval.models.huggingface import HFLM
from torch import Tensor

from akl_bench.errors import UsageError


class ContinuationLM(HFLM):  # type: ignore[misc]  # lm-eval is untyped
    """HFLM whose head runs on the last positions of a batch instead of on all of them.

    lm-eval throws the context's logits away; with a vocabulary of 49,152 and long passages they
    are half of the time and gigabytes of memory. Values are those of HFLM.
    """

    _longest_continuation = 0

    def _loglikelihood_tokens(self, requests: list[Any], *args: Any, **options: Any) -> Any:
        for (context, continuation), _, tokens in requests:
            if not tokens:
                raise UsageError(
                    f"{continuation!r} after {context[-60:]!r} adds no token of its own; a "
                    "continuation starts with a space."
                )
        self._longest_continuation = max((len(request[2]) for request in requests), default=0)
        return super()._loglikelihood_tokens(requests, *args, **options)

    def _model_call(self, inps: Tensor, *args: Any, **options: Any) -> Tensor:
        if "logits_to_keep" not in inspect.signature(self.model.forward).parameters:
            full_BTV: Tensor = super()._model_call(inps, *args, **options)
            return full_BTV
        # HFLM pads on the right with id 0 and counts positions from the end of what it gets. Real
        # tokens of id 0 at an end only make the estimate of the padding larger, which is safe.
        trailing_BT = (inps.flip(dims=(1,)) == 0).long().cumprod(dim=1)
        keep = int(trailing_BT.sum(dim=1).max()) + self._longest_continuation
        with torch.no_grad():
            output = self.model(inps, use_cache=False, logits_to_keep=min(keep, inps.shape[1]))
        logits_BKV: Tensor = output.logits
        return logits_BKV
