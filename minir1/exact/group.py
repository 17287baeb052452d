"""What does a group of completions estimate? Baselines, normalisers and group size.

    g = sum over prompts q and members i of  w_i Â_i ∇ log π(o_i | q)

Advantages and weights look at a completion's reward and length only. Completions that share
both are of one kind, and the average runs over all multisets of kinds that a batch can hold
(at G = 8 a few thousand, instead of 121^8 groups), each with its multinomial chance; within a
kind the mean and the mean square of the score are known. So mean and variance are exact for
any G. The advantages and weights are the product's, from `grpo.py` and `objectives/`.
"""

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from minir1 import grpo
from minir1.exact.estimate import Estimate, policy_gradient
from minir1.exact.world import World
from minir1.objectives import baselines

Advantages = Callable[[np.ndarray], np.ndarray]  # (P, G) -> (P, G)


def no_baseline(rewards: np.ndarray) -> np.ndarray:
    """REINFORCE as it was: Â = r."""
    return rewards


def group_mean(rewards: np.ndarray) -> np.ndarray:
    """Less the mean of the group, oneself included (Dr. GRPO)."""
    return grpo.group_advantages(rewards, "none")


def leave_one_out(rewards: np.ndarray) -> np.ndarray:
    """Less the mean of the others (RLOO)."""
    return baselines.leave_one_out(rewards, "none")


def batch_mean(rewards: np.ndarray) -> np.ndarray:
    """Less the mean of the whole batch, whatever the prompt."""
    return baselines.above_the_batch(rewards, "none")


def std(rewards: np.ndarray) -> np.ndarray:
    """Less the mean, divided by the deviation of the group (GRPO)."""
    return grpo.group_advantages(rewards, "std")


BASELINES: dict[str, Advantages] = {
    "none": no_baseline,
    "group mean": group_mean,
    "leave one out": leave_one_out,
    "batch mean": batch_mean,
    "std": std,
}


@dataclass(frozen=True, eq=False)
class Kinds:
    """Completions that an estimator cannot tell apart, K kinds over all prompts.

    Shapes: prompts, chances, rewards, lengths (K); scores (K, D): the mean of ∇ log π;
    spreads (K): the variance of ∇ log π within the kind, summed over its entries
    """

    prompts: np.ndarray
    chances: np.ndarray
    rewards: np.ndarray
    lengths: np.ndarray
    scores: np.ndarray
    spreads: np.ndarray

    @classmethod
    def of(cls, world: World, by_length: bool) -> "Kinds":
        """Sort completions by prompt and reward, and by length where that counts."""
        P, N = world.rewards.shape
        lengths = np.tile(world.lengths if by_length else np.ones(N), P)
        labels = np.stack([np.repeat(np.arange(P), N), world.rewards.reshape(-1), lengths], 1)
        found, kind = np.unique(labels, axis=0, return_inverse=True)
        belongs = np.eye(len(found))[kind.reshape(-1)] * world.chances.reshape(-1, 1)  # (PN, K)
        chances, scores = belongs.sum(axis=0), world.scores.reshape(P * N, -1)
        means = belongs.T @ scores / chances[:, None]
        squares = belongs.T @ (scores**2).sum(axis=1) / chances
        prompts, rewards, lengths = found.T
        return cls(
            prompts.astype(int), chances, rewards, lengths, means, squares - (means**2).sum(1)
        )


@dataclass(frozen=True)
class Group:
    """A batch of one group for each prompt, and what is made of it.

    average: one of `grpo.token_weights`; None: the mean over completions of the sum over
    tokens, which is the policy gradient's own
    """

    size: int
    scale: str = "group mean"  # one of BASELINES
    average: str | None = None

    @property
    def name(self) -> str:
        """What it is called in tables."""
        return ", ".join(filter(None, [self.scale, self.average, f"G = {self.size}"]))

    def pushes(self, rewards: np.ndarray, lengths: np.ndarray, longest: int) -> np.ndarray:
        """What each member's score is multiplied by: w_i Â_i.

        Shapes: rewards, lengths (P, G) -> (P, G)
        """
        advantages = BASELINES[self.scale](rewards)
        if self.average is None:
            return advantages / rewards.size
        mask = (np.arange(longest) < lengths.reshape(-1, 1)).astype(float)  # (B, T)
        weights = grpo.token_weights(mask, self.average, longest)
        return advantages * weights[:, 0].reshape(lengths.shape)

    def estimate(self, world: World) -> Estimate:
        """Return the mean and the variance of this estimator, exact."""
        kinds = Kinds.of(world, by_length=self.average is not None)
        longest = world.tokens.shape[1]
        mean, square = np.zeros(kinds.scores.shape[1]), 0.0
        for members, chance in batches(kinds, self.size):
            of_kind = kinds.rewards[members], kinds.lengths[members]
            pushes = self.pushes(*of_kind, longest).reshape(-1)  # (B)
            drawn = pushes @ kinds.scores[members.reshape(-1)]
            within = pushes**2 @ kinds.spreads[members.reshape(-1)]
            mean += chance * drawn
            square += chance * float(drawn @ drawn + within)
        return Estimate(self.name, mean, square - float(mean @ mean))

    def compared(self, world: World) -> str:
        """Say in a line how it compares with the true policy gradient."""
        return self.estimate(world).compared(policy_gradient(world))


def batches(kinds: Kinds, size: int) -> Iterator[tuple[np.ndarray, float]]:
    """List every batch of one group a prompt, by the kinds of its members, and its chance.

    Shapes: -> members (P, G), places among the kinds
    """
    groups = [
        _multisets(np.flatnonzero(kinds.prompts == p), kinds.chances, size)
        for p in np.unique(kinds.prompts)
    ]
    for chosen in itertools.product(*groups):
        members, chances = zip(*chosen, strict=True)
        yield np.array(members), math.prod(chances)


def _multisets(
    places: np.ndarray, chances: np.ndarray, size: int
) -> list[tuple[tuple[int, ...], float]]:
    """List the multisets of some kinds, each with its multinomial chance."""
    found = []
    for members in itertools.combinations_with_replacement(places.tolist(), size):
        orders = math.factorial(size)
        for member in set(members):
            orders //= math.factorial(members.count(member))
        found.append((members, orders * math.prod(chances[m] for m in members)))
    return found


def effective_weight(success: float, size: int, scale: str = "std") -> float:
    """How much a prompt counts: the expected group gradient, in units of its true one.

        w(p) = E[Â | right] - E[Â | wrong],    g = w(p) ∇p      (rewards 0 and 1)

    Exact by the binomial chances of the other G-1 members. Without std it is (G-1)/G for
    every prompt; with it, very easy and very hard prompts count more, the more so the larger
    the group: 1 / sqrt(p (1-p)) without bound.
    Source: Dr. GRPO, section 3.1 (difficulty bias)
    """
    weight, advantages = 0.0, BASELINES[scale]
    for right in range(size):  # among the others
        chance = math.comb(size - 1, right) * success**right
        chance *= (1 - success) ** (size - 1 - right)
        group = np.array([[0.0, 1.0] + [1.0] * right + [0.0] * (size - 1 - right)])  # (1, G+1)
        if_right = advantages(group[:, 1:])[0, 0]
        if_wrong = advantages(np.delete(group, 1, axis=1))[0, 0]
        weight += chance * float(if_right - if_wrong)
    return weight
