"""What does a micro-batch contribute to the loss of a step? The loss of its tokens.

Between `rl.py`, which knows a whole rollout, and `objective.py`, which knows tokens: the
numbers of each token are picked out, and the loss is a function of them and of the
log-probabilities alone. So whoever differentiates may compile it once (`mlx_compile.py`).
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minir1.backend import xp
from minir1.config import GRPOSettings
from minir1.microbatch import MicroBatch
from minir1.objective import Objective
from minir1.policy import Policy


def row_ends(rows: np.ndarray) -> dict[str, np.ndarray]:
    """Say of every token where its row begins and ends among the tokens of a micro-batch.

    The tokens of a row lie side by side, and no row is cut (`microbatch.split`).

    Shapes: rows (N) -> first, last (N)
    """
    begins = np.flatnonzero(np.diff(rows, prepend=-1))
    lengths = np.diff(begins, append=len(rows))
    return {
        "first": np.repeat(begins, lengths),
        "last": np.repeat(begins + lengths - 1, lengths),
    }


@dataclass(frozen=True, eq=False)
class PolicyLoss:
    """The loss of some rows of a rollout: call it with parameters and a micro-batch.

    Shapes: advantages (B), or (B·(T-1)) where tokens of a completion differ; old, weights,
    references (B·(T-1)), width T-1
    """

    policy: Policy
    objective: Objective
    settings: GRPOSettings
    temperature: float
    advantages: np.ndarray
    old: np.ndarray
    weights: np.ndarray
    references: np.ndarray
    width: int

    @property
    def key(self) -> Hashable:
        """What the loss is a function by: equal keys, equal functions."""
        s = self.settings
        known = s.clip_low, s.clip_high, s.kl_weight, s.kl_estimator, self.temperature
        return self.objective.loss, *known

    def advantages_of(self, source: np.ndarray) -> np.ndarray:
        """Give tokens their own advantages, or their completions'. Shapes: (N) -> (N)"""
        own = self.advantages.size == self.old.size
        return self.advantages[source if own else source // self.width]

    def numbers(self, batch: MicroBatch) -> dict[str, np.ndarray]:
        """Pick out what belongs to the tokens of a micro-batch. Shapes: -> (N) each"""
        source = batch.source
        found = {
            "old": self.old[source],
            "advantages": self.advantages_of(source),
            "weights": self.weights[source],
        }
        if self.settings.kl_weight:
            found["references"] = self.references[source]
        if self.objective.by_row:
            found |= row_ends(source // self.width)
        return {name: value.astype(np.float32) for name, value in found.items()}

    def value(self, logprobs: Any, numbers: dict[str, Any]) -> tuple[Any, Any]:
        """Return the loss, and the log-probabilities it is of. Shapes: (N), (N) each"""
        return self.objective.loss(logprobs, numbers, self.settings), logprobs

    def __call__(self, params: dict[str, Any], batch: MicroBatch) -> tuple[Any, Any]:
        """Score the tokens of a micro-batch under params, and return `value`."""
        logprobs = self.policy.place_logprobs(
            params, batch.tokens, batch.places, self.temperature
        )
        numbers = {name: xp.array(value) for name, value in self.numbers(batch).items()}
        return self.value(logprobs, numbers)
