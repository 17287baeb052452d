"""What if the policy has moved on from the sampler? Ratios, their bias and their scatter.

    token       ρ_t = π(o_t | …) / π_old(o_t | …)            one ratio a token (GRPO, PPO)
    sequence    product of ρ_t over the completion           importance sampling proper
    geometric   (product of ρ_t) ^ (1 / |o|)                 GSPO

Only the whole product makes samples of π_old into an unbiased estimate under π; a token's
own ratio forgets that its beginning has become likelier, or less likely, too. The product's
scatter grows with the length. Rewards are compared with the sampler's true mean, so that
nothing but the ratio is in question.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from minir1 import grpo
from minir1.backend import xp
from minir1.exact.estimate import Estimate, gradients, of_single_draws, slopes
from minir1.exact.world import World

FREE = 1e9  # a clip so wide that there is none
EPSILON = 0.2


def stale_gradients(world: World, sampler: World, clip: float = EPSILON) -> list[Estimate]:
    """Say what each kind of ratio makes of samples from an older policy.

    They estimate the gradient of the expected reward (`policy_gradient`) of `world`.
    """
    old, mask = sampler.logprobs, world.mask
    advantages = (sampler.rewards - sampler.expected_rewards[:, None])[:, :, None]  # (P, N, 1)
    lengths = mask.sum(axis=1)

    def ratio(x: Any) -> Any:
        return xp.exp(x - old)

    def whole(x: Any) -> Any:
        return xp.exp(xp.sum((x - old) * mask, axis=2, keepdims=True))  # (P, N, 1)

    def geometric(x: Any) -> Any:
        return xp.exp(xp.sum((x - old) * mask, axis=2, keepdims=True) / lengths[:, None])

    def clipped(of: Callable[[Any], Any], width: float) -> Callable[[Any], Any]:
        return lambda x: grpo.clipped_objective(of(x), advantages, width, width)

    objectives = {
        "none": lambda x: x * advantages,
        "token": clipped(ratio, FREE),
        f"token, clip {clip}": clipped(ratio, clip),
        "sequence": clipped(whole, FREE),
        f"sequence, clip {clip}": clipped(whole, clip),
        "geometric": clipped(geometric, FREE),
    }
    return [
        of_single_draws(
            name, sampler.chances, gradients(world, slopes(objective, world.logprobs))
        )
        for name, objective in objectives.items()
    ]


def distance(world: World, sampler: World) -> float:
    """KL(π_old‖π) of a completion, averaged over the prompts, in nats."""
    moved = (sampler.logprobs - world.logprobs).sum(axis=2)  # (P, N)
    return float(np.mean((sampler.chances * moved).sum(axis=1)))
