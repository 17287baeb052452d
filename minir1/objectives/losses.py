"""What is minimised? The losses beside GRPO's, each minus a weighted sum over tokens.

    loss = - sum_t w_t (surrogate_t - β KL_t)

They differ in what is done where the policy has moved away from the sampler (ρ ≠ 1). Before
the first update of a rollout all of them have the gradient of REINFORCE: w_t Â ∇log π.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from minir1 import grpo
from minir1.backend import xp
from minir1.config import GRPOSettings
from minir1.objective import Numbers

Surrogate = Callable[[Any, Numbers, GRPOSettings], Any]  # -> (N)


def loss_of(surrogate: Surrogate) -> Callable[[Any, Numbers, GRPOSettings], Any]:
    """Make the loss of a surrogate: its weighted sum, less the KL where that has a weight."""

    def loss(logprobs: Any, numbers: Numbers, settings: GRPOSettings) -> Any:
        gain = surrogate(logprobs, numbers, settings)  # (N)
        if settings.kl_weight:
            compared = logprobs, numbers["old"], numbers["references"]
            penalty = grpo.kl_penalty(*compared, settings.kl_estimator)
            gain = gain - settings.kl_weight * penalty
        return -xp.sum(numbers["weights"] * gain)

    return loss


def log_likelihood(logprobs: Any, numbers: Numbers, settings: GRPOSettings) -> Any:
    """Push each token by its advantage, whatever has become of it since it was sampled.

        Â log π(o_t)

    No ratio and no clip: exact on policy, and only there.

    Shapes: -> (N)
    Source: Williams 1992 (REINFORCE), eq. 4; Ahmadian et al. 2024 (RLOO), section 3
    """
    return numbers["advantages"] * logprobs


def clipped_weight(logprobs: Any, numbers: Numbers, settings: GRPOSettings) -> Any:
    """Correct each token's push for the distance to the sampler, within limits.

        sg[ clip(ρ_t, 1-ε_low, 1+ε_high) ] Â log π(o_t)

    What is clipped is the weight, behind a stop-gradient (sg): no token loses its gradient,
    however rare it was and however far it has moved.

    Shapes: -> (N)
    Source: MiniMax 2025 (M1: CISPO), eqs. 4 and 5
    """
    ratio = xp.exp(logprobs - numbers["old"])
    limited = xp.clip(ratio, 1 - settings.clip_low, 1 + settings.clip_high)
    return xp.stop_gradient(limited) * numbers["advantages"] * logprobs


def clipped_sequence(logprobs: Any, numbers: Numbers, settings: GRPOSettings) -> Any:
    """Clip whole completions, by the geometric mean of their tokens' ratios.

        min( s_i Â_i, clip(s_i, 1-ε_low, 1+ε_high) Â_i )
        s_i = (π(o_i) / π_old(o_i))^(1/|o_i|)

    A reward is earned by a completion, so a completion is the unit. With weights 1/(B |o_i|)
    the sum over its tokens is its term. The mean is a constant here, and each token brings
    its own slope: the same value and the same gradient, s_i Â_i / |o_i| a token.

    Shapes: -> (N)
    Source: Zheng et al. 2025 (GSPO), eqs. 5, 7 and 14
    """
    moved = logprobs - numbers["old"]
    constant = xp.stop_gradient(moved)
    ratio = xp.exp(moved - constant + row_means(constant, numbers))
    bounds = settings.clip_low, settings.clip_high
    return grpo.clipped_objective(ratio, numbers["advantages"], *bounds)


def row_means(values: Any, numbers: Numbers) -> Any:
    """Give every token the mean over its row; the tokens of a row lie side by side.

    Shapes: values (N), numbers first, last (N): the places of its row's outermost tokens
    -> (N); carries no gradient
    """
    first, last = (numbers[end].astype(xp.int32) for end in ("first", "last"))
    running = xp.cumsum(values)
    sums = xp.take(running, last) - xp.take(running, first) + xp.take(values, first)
    return sums / (numbers["last"] - numbers["first"] + 1)


def no_clip_fraction(
    ratio: np.ndarray, advantages: np.ndarray, rows: np.ndarray, settings: GRPOSettings
) -> float:
    """No token ever loses its gradient."""
    return 0.0


def sequence_clip_fraction(
    ratio: np.ndarray, advantages: np.ndarray, rows: np.ndarray, settings: GRPOSettings
) -> float:
    """The share of tokens whose completion was stopped by the clip."""
    _, row, lengths = np.unique(rows, return_inverse=True, return_counts=True)
    means = np.bincount(row, np.log(ratio)) / lengths
    bounds = settings.clip_low, settings.clip_high
    return grpo.clip_fraction(np.exp(means)[row], advantages, *bounds)
