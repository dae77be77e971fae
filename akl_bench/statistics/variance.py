"""How much of a score's noise comes from training and how much from decoding."""

from __future__ import annotations

import math
from typing import NamedTuple

from numpy.typing import ArrayLike

from akl_bench.errors import UsageError
from akl_bench.statistics._arrays import checked


class VarianceShares(NamedTuple):
    """Variance components of single scores, and what they do to the mean over a test set.

    Attributes:
        training: Of the training seed's effect on all examples alike.
        example: Of the examples' difficulty.
        interaction: Of a training seed's effect on single examples; holds the decoding noise too
            where there is one decoding seed.
        decoding: Of one training seed's answers to one example; None with one decoding seed.
        training_sd: Standard deviation of a task's score over training seeds, decoding noise
            removed where it is known.
        decoding_sd: Standard deviation of a task's score over decoding seeds of one checkpoint.
        training_share: training_sd^2 / (training_sd^2 + decoding_sd^2): the training seed's share
            in the variance of a score from one decoding seed; None where nothing varies or
            decoding is unknown.
    """

    training: float
    example: float
    interaction: float
    decoding: float | None
    training_sd: float
    decoding_sd: float | None
    training_share: float | None


def variance_shares(scores_SKE: ArrayLike) -> VarianceShares:
    """Split the variance of scores over S training seeds, K decoding seeds and E examples.

    score_ske = m + T_s + X_e + TX_se + D_ske, estimated from mean squares (negative ones are 0):
    D = MS_within, TX = (MS_TX - D) / K, T = (MS_T - MS_TX) / (K E), X = (MS_X - MS_TX) / (K S).
    The score of a task is the mean over its examples, so training_sd^2 = T + TX / E and
    decoding_sd^2 = D / E. Decoding draws are independent from example to example, so a decoding
    seed has no effect of its own.

    Raises:
        UsageError: Fewer than two training seeds.
    """
    x = checked(scores_SKE, "scores", 3)
    seeds, draws, examples = x.shape
    if seeds < 2:
        raise UsageError("variance over training seeds needs two of them")
    cell_SE = x.mean(axis=1)
    seed_S, example_E = cell_SE.mean(axis=1), cell_SE.mean(axis=0)
    mean = float(cell_SE.mean())
    ms_seed = draws * examples * float(((seed_S - mean) ** 2).sum()) / (seeds - 1)
    decoding = None
    if draws > 1:
        within = float(((x - cell_SE[:, None]) ** 2).sum())
        decoding = within / (seeds * examples * (draws - 1))
    if examples > 1:
        rest = cell_SE - seed_S[:, None] - example_E + mean
        ms_rest = draws * float((rest**2).sum()) / ((seeds - 1) * (examples - 1))
        ms_example = draws * seeds * float(((example_E - mean) ** 2).sum()) / (examples - 1)
        example = max(0.0, ms_example - ms_rest) / (draws * seeds)
    else:
        # One value per corpus: what is not decoding is the training seed's.
        ms_rest, example = decoding or 0.0, 0.0
    training = max(0.0, ms_seed - ms_rest) / (draws * examples)
    interaction = max(0.0, ms_rest - (decoding or 0.0)) / draws
    training_var = training + interaction / examples
    if decoding is None:
        return VarianceShares(
            training, example, interaction, None, math.sqrt(training_var), None, None
        )
    both = training_var + decoding / examples
    return VarianceShares(
        training,
        example,
        interaction,
        decoding,
        math.sqrt(training_var),
        math.sqrt(decoding / examples),
        training_var / both if both else None,
    )
