"""Loss-driven token focusing of AdaKD: which share of the tokens to keep, and where to cut."""

from collections.abc import Mapping

from torch import Tensor

_SMALLEST_RATIO = 0.1
_WARM_UP = 0.05  # share of training before the reference loss is taken
_EMA_DECAY = 0.99
_QUANTILE_STEP = 0.05


def initial() -> dict[str, float]:
    """Kept share, its quantile of h, the median above that; smoothed loss and its reference."""
    return {"ratio": 1.0, "threshold": 0.0, "median": 0.25, "ema": -1.0, "reference": -1.0}


def hellinger(logp_NV: Tensor, logq_NV: Tensor) -> Tensor:
    """Difficulty of a token: Hellinger distance in [0, 1], [N], of floored inputs."""
    return (0.5 * ((logp_NV / 2).exp() - (logq_NV / 2).exp()).square().sum(-1)).sqrt()


def shares(h_N: Tensor, state: Mapping[str, float]) -> dict[str, Tensor]:
    """1 where a token lies above each running quantile."""
    return {key: (h_N >= state[key]).to(h_N.dtype) for key in ("threshold", "median")}


def advance(
    state: Mapping[str, float],
    signals: Mapping[str, float],
    progress: float,
    sigma: float,
    epsilon: float,
) -> dict[str, float]:
    """One step: smooth the loss, move the kept share, let both quantiles follow it.

    The share falls by the factor (1 - sigma) once the smoothed loss is epsilon below its reference
    and rises by (1 + sigma) once it is epsilon above; the reference then moves there.
    """
    new, loss = dict(state), signals["loss"]
    new["ema"] = loss if state["ema"] < 0 else _EMA_DECAY * state["ema"] + (1 - _EMA_DECAY) * loss
    change = new["ema"] / state["reference"] - 1 if state["reference"] > 0 else 0.0
    if state["reference"] < 0 and progress > _WARM_UP:
        new["reference"] = new["ema"]
    elif abs(change) > epsilon:
        factor = 1 + sigma if change > 0 else 1 - sigma
        new["ratio"] = min(1.0, max(_SMALLEST_RATIO, state["ratio"] * factor))
        new["reference"] = new["ema"]
    for key, share, lowest in (
        ("threshold", new["ratio"], 0.0),
        ("median", new["ratio"] / 2, 1e-3),  # the median divides
    ):
        moved = state[key] + _QUANTILE_STEP * (signals[key] - share)
        new[key] = min(1.0, max(lowest, moved))
    return new
