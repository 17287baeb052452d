"""What if the sampler is not quite the policy? Score again, and trust each token so far.

In float32 what is sampled and what is scored agree to rounding, and nothing is done here. In
bfloat16, or with quantised weights, one token at a time and all at once round differently:
then the old log-probabilities are those of the scorer, so that the first ratio is one, and
each token is weighted by how much likelier it was under the scorer, up to a cap.

    w_t = min( π_scored(o_t) / π_sampled(o_t), C )

Source: Yao et al. 2025 (truncated importance sampling against the rollout-training mismatch)
"""

from dataclasses import replace
from typing import Any

import numpy as np

from minir1 import microbatch
from minir1.backend import parallel_map, to_numpy
from minir1.config import TrainConfig
from minir1.errors import UserError
from minir1.policy import Policy
from minir1.rollout import Rollout


def correct(
    params: dict[str, Any],
    config: TrainConfig,
    policy: Policy,
    rollout: Rollout,
    prompts: np.ndarray,
) -> tuple[Rollout, np.ndarray, dict[str, float]]:
    """Return the rollout with the scorer's log-probabilities, the trust in each token, and what
    was found. An exact policy's rollout comes back as it is.

    Shapes: prompts (p), those that are trained; trust (B·(T-1))

    Raises: UserError where the mean gap is beyond rounding: something else is wrong.
    """
    trust = np.ones(rollout.completion_mask.size, np.float32)
    if policy.importance_cap is None or not len(prompts):
        return rollout, trust, {}
    rows = rows_of(prompts, config.grpo.group)
    mask = np.zeros_like(rollout.completion_mask)
    mask[rows] = rollout.completion_mask[rows]
    scored = score(params, config, policy, rollout.tokens, mask)
    trained = mask.reshape(-1) > 0
    gap = (scored - rollout.old_logprobs.reshape(-1))[trained]
    if not np.abs(gap).mean() < policy.tolerance:
        raise UserError(
            f"sampled and scored log-probabilities differ by {np.abs(gap).mean():.2g} on "
            f"average, wanted less than {policy.tolerance:g}: more than rounding in this "
            "precision; try a model that is not quantised"
        )
    trust[trained] = truncated_ratio(gap, policy.importance_cap)
    old = np.where(trained, scored, rollout.old_logprobs.reshape(-1))
    seen = {
        "sampled_gap": float(np.abs(gap).max()),
        "sampled_gap_mean": float(np.abs(gap).mean()),
        "trust": float(trust[trained].mean()),
    }
    return replace(rollout, old_logprobs=old.reshape(mask.shape)), trust, seen


def truncated_ratio(gap: np.ndarray, cap: float) -> np.ndarray:
    """Weigh tokens by how much likelier they were under the scorer, up to a cap.

    Shapes: gap (N) = log π_scored - log π_sampled -> (N)
    """
    return np.exp(np.minimum(gap, np.log(cap))).astype(np.float32)


def score(
    params: dict[str, Any],
    config: TrainConfig,
    policy: Policy,
    tokens: np.ndarray,
    mask: np.ndarray,
) -> np.ndarray:
    """Score the marked tokens of a batch; NaN where nothing is marked.

    Shapes: tokens (B, T), mask (B, T-1) -> (B·(T-1))
    """
    out = np.full(mask.size, np.nan, np.float32)
    batches = microbatch.split(mask, tokens, config.grpo.tokens_per_microbatch)

    def one(batch: microbatch.MicroBatch) -> np.ndarray:
        temperature = config.sample.temperature
        return to_numpy(policy.place_logprobs(params, batch.tokens, batch.places, temperature))

    for batch, logprobs in zip(
        batches, parallel_map(one, batches, config.threads), strict=True
    ):
        out[batch.source] = logprobs
    return out


def rows_of(prompts: np.ndarray, group: int) -> np.ndarray:
    """List the rows of a rollout that belong to some prompts.

    Shapes: (p) -> (p·G)
    """
    return (prompts[:, None] * group + np.arange(group)).reshape(-1)
