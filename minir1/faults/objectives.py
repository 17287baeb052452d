"""What goes wrong in the algorithm itself? The KL term, the clip, the baseline, the weights.

Each is GRPO with one thing wrong, the thing that was wrong elsewhere.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from minir1 import grpo
from minir1.answers import Graded
from minir1.backend import xp
from minir1.config import GRPOSettings, TrainConfig
from minir1.objective import Numbers, Objective


def kl_sign(healthy: Objective) -> Objective:
    """Add the KL where it must be taken away: distance is rewarded."""

    def loss(logprobs: Any, numbers: Numbers, settings: GRPOSettings) -> Any:
        without = healthy.loss(logprobs, numbers, replace(settings, kl_weight=0.0))
        return without * 2 - healthy.loss(logprobs, numbers, settings)

    return replace(healthy, loss=loss)


def kl_inverted(healthy: Objective) -> Objective:
    """Turn the log-ratio inside k3 round: e^x - 1 - x with x = log π - log π_ref.

    Under samples of π its mean is χ² - KL, and it explodes where the reference was unsure.
    """

    def term(logprobs: Any, numbers: Numbers) -> Any:
        ratio = xp.exp(logprobs - numbers["old"])
        return ratio * grpo.kl_k3(numbers["references"], logprobs)

    return _with_kl(healthy, term)


def k1_loss(healthy: Objective) -> Objective:
    """Use k1 as the KL term: its expected gradient is zero, so nothing pulls back."""
    return _with_kl(
        healthy, lambda logprobs, numbers: grpo.kl_k1(logprobs, numbers["references"])
    )


def _with_kl(healthy: Objective, term: Any) -> Objective:
    """Replace the KL term of a loss. Shapes: term: log-probabilities (N), numbers -> (N)"""

    def loss(logprobs: Any, numbers: Numbers, settings: GRPOSettings) -> Any:
        without = healthy.loss(logprobs, numbers, replace(settings, kl_weight=0.0))
        if not settings.kl_weight:
            return without
        kl = xp.sum(numbers["weights"] * term(logprobs, numbers))
        return without + settings.kl_weight * kl

    return replace(healthy, loss=loss)


def clip_side(healthy: Objective) -> Objective:
    """Take the maximum where the advantage is negative: pushes down are never stopped.

    What has become likelier against its push is not corrected either.
    """

    def loss(logprobs: Any, numbers: Numbers, settings: GRPOSettings) -> Any:
        advantages, ratio = numbers["advantages"], xp.exp(logprobs - numbers["old"])
        limited = xp.clip(ratio, 1 - settings.clip_low, 1 + settings.clip_high)
        right = xp.minimum(ratio * advantages, limited * advantages)
        wrong = xp.maximum(ratio * advantages, limited * advantages)
        turned = xp.where(advantages < 0, right - wrong, 0.0)
        return healthy.loss(logprobs, numbers, settings) + xp.sum(numbers["weights"] * turned)

    return replace(healthy, loss=loss)


def batch_baseline(healthy: Objective) -> Objective:
    """Compare each answer with all answers of the step, not with those to its question."""

    def advantages(graded: Graded, _: TrainConfig) -> np.ndarray:
        paid = graded.rewards
        return (paid - paid.mean()) / (paid.std() + grpo.EPS)

    return replace(healthy, advantages=advantages)


def mask_in_place(healthy: Objective) -> Objective:
    """Count the tokens after the mask was overwritten: prompts and padding count as well."""

    def weights(completion_mask: np.ndarray, config: TrainConfig) -> np.ndarray:
        rows = completion_mask.any(axis=1).sum()
        counted = rows * completion_mask.shape[1]
        share = completion_mask.sum() / max(counted, 1)
        return healthy.weights(completion_mask, config) * share

    return replace(healthy, weights=weights)
