"""What did an update differentiate, and whose push was it? A policy that remembers.

`rl.improve` asks its policy for gradients and nothing else; so a policy that keeps what it
was asked holds all of an update: the loss with its weights, the tokens, the gradient.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minir1 import microbatch, optim
from minir1.backend import to_numpy, xp
from minir1.config import TrainConfig
from minir1.policy import Params, Policy, Results
from minir1.policy_loss import PolicyLoss
from minir1.rollout import Rollout


@dataclass(frozen=True, eq=False)
class Update:
    """One optimiser step as it was asked for: a loss, at parameters, of some tokens."""

    loss: PolicyLoss
    params: Params
    batches: Sequence[microbatch.MicroBatch]
    results: Results
    grads: Params

    @property
    def weights(self) -> np.ndarray:
        """What each token of the rollout counts for in it. Shapes: -> (B·(T-1))"""
        counted = np.zeros_like(self.loss.weights)
        for batch in self.batches:
            counted[batch.source] = self.loss.weights[batch.source]
        return counted

    def pushes(self) -> np.ndarray:
        """Minus the slope of the loss in each token's log-probability.

        For GRPO on the policy's own samples that is w_t Â. Shapes: -> (B·(T-1))
        """
        pushed = np.zeros(self.loss.weights.shape)
        for batch, (_, logprobs, *_) in zip(self.batches, self.results, strict=True):
            numbers = {name: xp.array(n) for name, n in self.loss.numbers(batch).items()}
            slope = xp.value_and_grad(lambda x, n=numbers: self.loss.value(x, n)[0])
            pushed[batch.source] = -to_numpy(slope(logprobs)[1])
        return pushed

    def of_rows(self, rows: np.ndarray, rollout: Rollout, config: TrainConfig) -> Params:
        """The part of the gradient that some rows of the rollout contributed."""
        mask = np.zeros_like(rollout.completion_mask)
        mask[rows] = rollout.completion_mask[rows]
        batches = microbatch.split(mask, rollout.tokens, config.grpo.tokens_per_microbatch)
        policy = self.loss.policy
        return policy.gradients(self.loss, self.params, batches, config.threads)[1]


class Watched:
    """A policy that keeps every update asked of it, and else is the one it watches."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.updates: list[Update] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.policy, name)

    def gradients(
        self,
        loss: Callable[[Params, microbatch.MicroBatch], tuple[Any, ...]],
        params: Params,
        batches: Sequence[microbatch.MicroBatch],
        threads: int = 0,
    ) -> tuple[Results, Params]:
        """Differentiate, and remember."""
        results, grads = self.policy.gradients(loss, params, batches, threads)
        if isinstance(loss, PolicyLoss):
            self.updates.append(Update(loss, params, batches, results, grads))
        return results, grads


def share(part: Params, whole: Params) -> float:
    """How much of a gradient's length along itself is due to a part; all parts sum to 1."""
    along = sum(float(xp.sum(part[name] * g).item()) for name, g in whole.items())
    return along / optim.global_norm(whole) ** 2
