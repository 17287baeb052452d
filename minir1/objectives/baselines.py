"""Better than what? Ways to compare a completion with others, beside GRPO's.

Whatever is subtracted must not depend on the completion itself, or at least be the same for
all of a group; what is divided by changes the size of a step, and which prompts count most.
"""

from collections.abc import Callable

import numpy as np

from minir1 import grpo
from minir1.answers import Graded
from minir1.config import TrainConfig
from minir1.rewards import part_weights

Compare = Callable[[np.ndarray, str], np.ndarray]  # rewards (P, G), scale -> (P, G)


def leave_one_out(rewards: np.ndarray, scale: str) -> np.ndarray:
    """Compare each completion with the mean of the others of its group; scale is "none".

        Â_i = r_i - 1/(G-1) sum_{j≠i} r_j = G/(G-1) (r_i - mean(r))

    The baseline knows nothing of the completion, so the gradient is unbiased.

    Shapes: rewards (P, G) -> (P, G)
    Source: Ahmadian et al. 2024 (RLOO), section 3.3; Kool et al. 2019
    """
    size = rewards.shape[1]
    return grpo.group_advantages(rewards, scale) * size / (size - 1)


def above_the_batch(rewards: np.ndarray, scale: str) -> np.ndarray:
    """Compare each completion with the mean of the whole batch, whatever its prompt.

        Â_i = r_i - mean(r)           scale="batch":  / (std(r) + eps), over all of the batch

    Easy prompts push all their answers up, hard ones all down: noise that a baseline of
    each group would take out.

    Shapes: rewards (P, G) -> (P, G)
    Source: Williams 1992 (REINFORCE), section 4; Hu et al. 2025 (REINFORCE++), section 3
    """
    centred = rewards - rewards.mean()
    return centred / (rewards.std() + grpo.EPS) if scale == "batch" else centred


def by(compare: Compare) -> Callable[[Graded, TrainConfig], np.ndarray]:
    """Make the advantages of an objective: of the summed rewards, or of each kind, weighted."""

    def advantages(graded: Graded, config: TrainConfig) -> np.ndarray:
        scale = config.grpo.scale
        if config.grpo.combine == "sum":
            return compare(graded.rewards, scale)
        weights = part_weights(config.reward)
        pushes = [weights[kind] * compare(paid, scale) for kind, paid in graded.parts.items()]
        return np.sum(pushes, axis=0)

    return advantages
