"""Which algorithm is it? How answers are compared, what a token counts, what is minimised.

    J(θ) = sum_t w_t L(ρ_t, Â_t)

Three choices tell one policy-gradient method from another; everything else (sampling, the
loop, the optimiser) is shared. `rl.py` is given an Objective and does not know which. GRPO
is here, the others are in `objectives/`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minir1 import answers, grpo
from minir1.answers import Graded
from minir1.config import GRPOSettings, TrainConfig

Numbers = dict[str, Any]  # what belongs to each token of a micro-batch, (N) each
ClipFraction = Callable[[np.ndarray, np.ndarray, np.ndarray, GRPOSettings], float]


def token_weights(completion_mask: np.ndarray, config: TrainConfig) -> np.ndarray:
    """Weigh tokens as the settings say (see `grpo.token_weights`)."""
    return grpo.token_weights(completion_mask, config.grpo.average, config.sample.max_tokens)


def token_clip_fraction(
    ratio: np.ndarray, advantages: np.ndarray, rows: np.ndarray, settings: GRPOSettings
) -> float:
    """The share of tokens stopped by a clip of each token's own ratio."""
    return grpo.clip_fraction(ratio, advantages, settings.clip_low, settings.clip_high)


@dataclass(frozen=True)
class Objective:
    """A policy-gradient method as pure functions.

    critic: advantages of every token in place of those of a completion, which then only say
    which groups have nothing to teach;
    clip_fraction: the share of tokens without a gradient for the clip; by_row: the loss also
    wants to know, as numbers "first" and "last", where its row begins and ends among them.

    Shapes: advantages: -> (P, G); weights: completion_mask (B, T-1) -> (B, T-1);
    loss: log-probabilities (N), numbers (N) each -> scalar;
    critic: -> (B, T-1); clip_fraction: ratio, advantages, rows (N) each
    """

    name: str
    advantages: Callable[[Graded, TrainConfig], np.ndarray]
    weights: Callable[[np.ndarray, TrainConfig], np.ndarray]
    loss: Callable[[Any, Numbers, GRPOSettings], Any]
    clip_fraction: ClipFraction = token_clip_fraction
    by_row: bool = False
    critic: Callable[[Graded, TrainConfig], np.ndarray] | None = None


def grpo_loss(logprobs: Any, numbers: Numbers, settings: GRPOSettings) -> Any:
    """Minus the clipped objective, less the KL (see `grpo.grpo_loss`)."""
    return grpo.grpo_loss(
        logprobs,
        numbers["old"],
        numbers["advantages"],
        numbers["weights"],
        settings.clip_low,
        settings.clip_high,
        numbers.get("references"),
        settings.kl_weight,
        settings.kl_estimator,
    )


GRPO = Objective("grpo", answers.advantages, token_weights, grpo_loss)
