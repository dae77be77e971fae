"""What a divergence is: the contract between one small file and the objective."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from akl_bench.divergences._numerics import inputs
from akl_bench.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor


class Pair(NamedTuple):
    """What `per_token_and_grad` gets: both models' distributions, [N, V] each.

    Attributes:
        logp_NV: Teacher log-probabilities, floored as by `Divergence.inputs`. Not to be changed.
        logq_NV: Student log-probabilities, likewise.
        p_NV: exp(logp_NV); to be used up.
        q_NV: exp(logq_NV); to be used up.
        live_NV: False where logq_NV is floored, thus constant. None: it is floored nowhere.
    """

    logp_NV: Tensor
    logq_NV: Tensor
    p_NV: Tensor
    q_NV: Tensor
    live_NV: Tensor | None


@dataclass(frozen=True)
class Divergence:
    """A distance from the student q to the teacher p, token by token, in nats.

    A subclass is a frozen dataclass whose fields are its parameters. It sees no mask, no model and
    no reduction: temperature, chunking and the mean over tokens are the objective's.

    A fast path is optional: a method `per_token_and_grad(self, pair)` that gets both models'
    log-probabilities and probabilities (`Pair`) and returns `(d_N, grad_NV)`, the value and its
    gradient with respect to the student's *logits* z, where logq = log_softmax(z). It runs without
    autograd.

    Attributes:
        aliases: Short names, as ("akl",). A literal: the registry reads it without importing.
        family: Heading and picture of the generated docs.
        paper: Where it is defined, as "arXiv 2306.13649, Eq. (1)".
        formula: The definition in plain text.
        gradient: Its derivative with respect to the student's logits z_i, in plain text.
        known_as: What public code calls it, one "codebase: name" each.
        symmetric: D(p, q) = D(q, p).
        needs: Keywords that `per_token` must be given, out of "labels" (`labels_N`, int64, the
            next token's id), "progress" (float in [0, 1], the share of training done) and
            "state" (the mapping that `initial_state` and `next_state` make).
        limits: Pairs of specs that agree, as ("alpha_beta(alpha=1, beta=0)", "forward_kl").
        detached: Why its gradient is not the gradient of its value, or "". Hold a factor constant
            with `.detach()`, not `no_grad`: the laws freeze just that and differentiate the rest.
        exempt: Laws that it breaks on purpose, each with the reason.
    """

    aliases: ClassVar[tuple[str, ...]] = ()
    family: ClassVar[str] = "other"
    paper: ClassVar[str] = ""
    formula: ClassVar[str] = ""
    gradient: ClassVar[str] = ""
    known_as: ClassVar[tuple[str, ...]] = ()
    symmetric: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset()
    limits: ClassVar[tuple[tuple[str, str], ...]] = ()
    detached: ClassVar[str] = ""
    exempt: ClassVar[Mapping[str, str]] = {}

    def per_token(self, logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
        """The divergence of every token.

        A subclass adds an optional keyword for each of its `needs`: `labels_N: Tensor | None`,
        `progress: float = 0.0`, `state: Mapping[str, float] | None = None` (None: initial state).

        Args:
            logp_NV: Teacher log-probabilities, normalised and tempered; float32 or float64. -inf is
                allowed; a masked vocabulary row is -inf in both.
            logq_NV: Student log-probabilities, likewise.

        Returns:
            d_N: Nats per token; 0 with a zero gradient where p = q.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define per_token")

    @property
    def has_closed_form(self) -> bool:
        """Whether `per_token_and_grad` is there, for these parameters; else autograd answers."""
        return hasattr(self, "per_token_and_grad")

    @staticmethod
    def inputs(logp_NV: Tensor, logq_NV: Tensor) -> tuple[Tensor, Tensor]:
        """Both with -inf replaced by a large finite number, the teacher's cut off from autograd.

        The first line of most `per_token`; see `_numerics` for the one policy on infinities.
        """
        return inputs(logp_NV, logq_NV)

    def initial_state(self) -> dict[str, float]:
        """State before the first optimiser step; plain numbers, kept in checkpoints."""
        return {}

    def signals(
        self, logp_NV: Tensor, logq_NV: Tensor, d_N: Tensor, **needed: Any
    ) -> dict[str, Tensor]:
        """What the state learns from: named values per token, each [N], no gradient.

        Called only where `needs` has "state", with what `per_token` was given (the same keywords)
        and returned.
        """
        return {"loss": d_N.detach()}

    def next_state(
        self, state: Mapping[str, float], *, signals: Mapping[str, float], progress: float
    ) -> dict[str, float]:
        """State after an optimiser step.

        Args:
            state: State that the step used.
            signals: Mean of each signal over all response tokens of the step's global batch.
            progress: Share of training done, in [0, 1].
        """
        return dict(state)

    def labels_of(self, labels_N: Tensor | None) -> Tensor:
        """The labels, or a UsageError where a divergence that needs them got none."""
        if labels_N is None:
            raise UsageError(f"{type(self).__name__} needs the labels: pass labels_N, int64 [N].")
        return labels_N

    def _require(self, ok: bool, field: str, allowed: str) -> None:
        """Raise a UsageError that names the field, its value and the allowed range."""
        if not ok:
            raise UsageError(
                f"{type(self).__name__}: {field}={getattr(self, field)!r} is out of range; "
                f"{field} must be {allowed}."
            )
