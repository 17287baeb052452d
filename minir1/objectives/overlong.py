"""What about answers that are too long? Two pieces that any objective can be given.

An answer that was cut off earns nothing, so it teaches brevity by itself; a charge says so
before the cap is reached, and leaving cut-off answers out teaches nothing by them at all.
"""

from dataclasses import replace

import numpy as np

from minir1 import grpo
from minir1.answers import Graded
from minir1.config import TrainConfig
from minir1.objective import Objective

CHARGE = 0.5  # at most; DAPO charges 1 where right earns 1 and wrong -1, here they earn 1 and 0


def overlong_charge(lengths: np.ndarray, cap: int, share: float) -> np.ndarray:
    """Charge answers for the part of their length that lies in the last share of the cap.

        CHARGE · clip( (|o_i| - (1 - share) cap) / (share cap), 0, 1 )

    Shapes: lengths (...) -> (...)
    Source: Yu et al. 2025 (DAPO), eq. 13
    """
    begins = (1 - share) * cap
    return CHARGE * np.clip((lengths - begins) / (cap - begins), 0, 1)


def charging_length(objective: Objective) -> Objective:
    """Charge every completion for its length before it is compared (soft punishment)."""

    def advantages(graded: Graded, config: TrainConfig) -> np.ndarray:
        paid = charged(graded, config)
        if config.grpo.combine == "sum":
            return objective.advantages(paid, config)
        cost = grpo.group_advantages(paid.rewards - graded.rewards, config.grpo.scale)
        return objective.advantages(graded, config) + cost

    if (critic := objective.critic) is None:
        return replace(objective, advantages=advantages)
    return replace(
        objective,
        advantages=advantages,
        critic=lambda graded, config: critic(charged(graded, config), config),
    )


def charged(graded: Graded, config: TrainConfig) -> Graded:
    """Take the charge off what every completion earned."""
    lengths = graded.rollout.completion_lengths
    cost = overlong_charge(lengths, config.sample.max_tokens, config.grpo.overlong)
    return replace(graded, rewards=graded.rewards - cost.reshape(graded.rewards.shape))


def leaving_out_truncated(objective: Objective) -> Objective:
    """Teach nothing by completions that were cut off; their rewards still count in a mean.

    Their tokens still count in an average.
    Source: Yu et al. 2025 (DAPO), section 3.4 (overlong filtering)
    """

    def advantages(graded: Graded, config: TrainConfig) -> np.ndarray:
        pushes = objective.advantages(graded, config)
        return np.where(graded.rollout.finished.reshape(pushes.shape), pushes, 0.0)

    if (critic := objective.critic) is None:
        return replace(objective, advantages=advantages)
    return replace(
        objective,
        advantages=advantages,
        critic=lambda graded, config: critic(graded, config) * graded.rollout.finished[:, None],
    )
