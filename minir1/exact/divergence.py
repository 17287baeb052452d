"""What do the KL estimators estimate? As numbers to log, and as losses to follow.

    KL(π‖ref) = E_π[ sum_t x_t ],   x_t = log π(o_t | …) - log ref(o_t | …)

A sum over tokens has two gradients. The whole one also counts what a token does to the KL of
the tokens after it; the one of each token's own KL holds fixed what came before. A loss that
is a sum over tokens can follow the second only; where a completion is one token they agree.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minir1 import grpo
from minir1.backend import xp
from minir1.exact.estimate import Estimate, gradients, of_single_draws, slopes
from minir1.exact.world import World

VALUES: dict[str, Callable[..., Any]] = {
    "k1": grpo.kl_k1,
    "k2": grpo.kl_k2,
    "k3": grpo.kl_k3,
}


@dataclass(frozen=True)
class Divergences:
    """The KL between policy and reference, both ways, and what of it tokens can see.

    own: of each token's own KL, what came before held fixed; reversed_own likewise of
    KL(ref‖π), at places where the policy goes. Shapes: gradients (D)
    """

    kl: float
    reversed_kl: float
    gradient: np.ndarray
    reversed_gradient: np.ndarray
    own: np.ndarray
    reversed_own: np.ndarray

    @classmethod
    def of(cls, world: World) -> "Divergences":
        """Sum them over all completions, averaged over the prompts."""
        chances = world.chances / world.prompts  # (P, N)
        references = np.exp(world.ref_logprobs.sum(axis=2)) / world.prompts
        x = world.logprobs - world.ref_logprobs  # (P, N, T)
        along = np.einsum("pn,pnt->", chances, x), -np.einsum("pn,pnt->", references, x)
        pulled = np.exp(-x) * world.mask  # ref / π: the mean under ref at the policy's places
        scores, whole = world.token_scores, world.scores
        return cls(
            float(along[0]),
            float(along[1]),
            np.einsum("pn,pnt,pnd->d", chances, x, whole),
            -np.einsum("pn,pnd->d", references, whole),
            np.einsum("pn,pnt,pntd->d", chances, x, scores),
            -np.einsum("pn,pnt,pntd->d", chances, pulled, scores),
        )


@dataclass(frozen=True)
class Value:
    """An estimator as a number: its mean and its standard deviation for one completion."""

    name: str
    mean: float
    deviation: float


def kl_values(world: World) -> list[Value]:
    """Say what k1, k2 and k3, summed over the tokens of a completion, come to."""
    found, chances = [], world.chances / world.prompts
    for name, estimator in VALUES.items():
        each = np.asarray(estimator(xp.array(world.logprobs), world.ref_logprobs))
        values = (each * world.mask).sum(axis=2)  # (P, N)
        mean = float((chances * values).sum())
        found.append(Value(name, mean, float((chances * (values - mean) ** 2).sum()) ** 0.5))
    return found


def kl_losses(world: World) -> list[Estimate]:
    """Say where each estimator leads as a loss, summed over tokens, sampled from the policy.

    The last is no loss on the KL: k1 of the whole completion, paid as a (negative) reward.
    """
    old, ref = world.logprobs, world.ref_logprobs
    losses: dict[str, Callable[[Any], Any]] = {
        "k1": lambda x: grpo.kl_k1(x, ref),
        "k2": lambda x: grpo.kl_penalty(x, old, ref, "k2"),
        "k3": lambda x: grpo.kl_k3(x, ref),
        "k3 · ratio": lambda x: grpo.kl_penalty(x, old, ref, "k3"),
        "k1 in the reward": lambda x: x * (old - ref).sum(axis=2, keepdims=True),
    }
    return [
        of_single_draws(name, world.chances, gradients(world, slopes(loss, old)))
        for name, loss in losses.items()
    ]
