"""Does the tape agree with what was worked out by hand? The same averages, differentiated.

The expected reward, the KL both ways, and the mean of a GRPO loss over all groups that can
be drawn are written as functions of the parameters and differentiated by minir1's autograd.
"""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from minir1 import grpo
from minir1.backend import xp
from minir1.exact.divergence import Divergences
from minir1.exact.estimate import policy_gradient
from minir1.exact.group import Group
from minir1.exact.world import World, numpy_engine


def token_logprobs(params: Any, world: World, prompt: int) -> Any:
    """log π of every token of every completion of a prompt. Shapes: -> (N, T)"""
    N, T = world.tokens.shape
    first = xp.take(params["first"], np.full(N, prompt))  # (N, V)
    later = xp.take(params["next"], world.tokens[:, :-1].reshape(-1))
    both = xp.concatenate(
        [
            xp.token_logprobs(first, world.tokens[:, 0]).reshape(N, 1),
            xp.token_logprobs(later, world.tokens[:, 1:].reshape(-1)).reshape(N, T - 1),
        ],
        axis=1,
    )
    return both * world.mask


def expected_reward(params: Any, world: World) -> Any:
    """The expected reward, averaged over the prompts."""
    return _mean_over_prompts(params, world, lambda p, x: xp.exp(x) * world.rewards[p])


def kl(params: Any, world: World) -> Any:
    """KL(π‖ref) of a completion, averaged over the prompts."""
    ref = world.ref_logprobs.sum(axis=2)
    return _mean_over_prompts(params, world, lambda p, x: xp.exp(x) * (x - ref[p]))


def reversed_kl(params: Any, world: World) -> Any:
    """KL(ref‖π) of a completion, averaged over the prompts."""
    ref = world.ref_logprobs.sum(axis=2)
    return _mean_over_prompts(params, world, lambda p, x: np.exp(ref[p]) * (ref[p] - x))


def _mean_over_prompts(params: Any, world: World, term: Callable[[int, Any], Any]) -> Any:
    total = xp.array(np.zeros(()))
    for prompt in range(world.prompts):
        whole = xp.sum(token_logprobs(params, world, prompt), axis=1)  # (N)
        total = total + xp.sum(term(prompt, whole)) / world.prompts
    return total


def expected_group_gradient(world: World, group: Group) -> np.ndarray:
    """Minus the mean gradient of `grpo_loss` over all N^G groups of one prompt, one by one.

    For small groups only. Shapes: -> (D)
    """
    N, T = world.tokens.shape
    members = np.array(list(itertools.product(range(N), repeat=group.size)))  # (M, G)
    chances = world.chances[0][members].prod(axis=1)
    rewards, lengths = world.rewards[0][members], world.lengths[members]
    pushes = np.stack(
        [group.pushes(r[None], n[None], T)[0] for r, n in zip(rewards, lengths, strict=True)]
    )

    def loss(params: Any) -> Any:
        logprobs = xp.take(token_logprobs(params, world, 0), members.reshape(-1))
        weights = np.repeat(chances, group.size)[:, None] * world.mask[members.reshape(-1)]
        old = xp.stop_gradient(logprobs)
        return grpo.grpo_loss(logprobs, old, pushes.reshape(-1, 1), weights)

    return -gradient(loss, world)


def gradient(fn: Callable[[Any], Any], world: World) -> np.ndarray:
    """Differentiate a function of the policy's parameters on our own tape. Shapes: -> (D)"""
    with numpy_engine():
        _, grads = xp.value_and_grad(fn)(world.params)
    return np.concatenate([np.asarray(grads[name]).reshape(-1) for name in ("first", "next")])


def disagreement(world: World) -> dict[str, float]:
    """The greatest difference between what the tape says and what was worked out by hand."""
    known, group = Divergences.of(world), Group(2, "std", "sequence")
    one = world.only(0)
    pairs = {
        "expected reward": (expected_reward, policy_gradient(world)),
        "KL(π‖ref)": (kl, known.gradient),
        "KL(ref‖π)": (reversed_kl, known.reversed_gradient),
    }
    found = {}
    for name, (fn, ours) in pairs.items():
        taped = gradient(partial(fn, world=world), world)
        found[name] = float(np.abs(taped - ours).max())
    taped = expected_group_gradient(one, group)
    ours = group.estimate(one).mean
    found[f"all {len(one.tokens) ** 2:,} groups of two"] = float(np.abs(taped - ours).max())
    return found
