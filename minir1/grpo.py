"""What is GRPO? Sample a group, grade on the curve, push up what did better than its group.

    J(θ) = sum_t w_t { min[ ρ_t Â, clip(ρ_t, 1-ε_low, 1+ε_high) Â ] - β KL_t }
    ρ_t  = π_θ(o_t | q, o_<t) / π_old(o_t | q, o_<t)
    Â_i  = (r_i - mean(r)) / std(r)          over the G completions of one prompt

Everything here is a pure function of arrays: no sampling (`rollout.py`), no rewards
(`rewards.py`), no loop over steps (`rl.py`), no input or output. The weights w_t carry the
mask and the normaliser of the whole batch, so the loss is a plain sum: any split into
micro-batches and any padding gives the same gradient.
Source: Shao et al. 2024 (DeepSeekMath), section 4.1; DeepSeek-AI 2025 (R1), section 2.2.1.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from minir1.backend import xp

EPS = 1e-4  # in the division by std; far above float noise, far below any real spread


def group_advantages(rewards: np.ndarray, scale: str = "std") -> np.ndarray:
    """Grade each completion on the curve of its own group.

        Â_i = (r_i - mean(r)) / (std(r) + eps)

    A flat group (all right or all wrong) gets zeros: it has nothing to teach. std divides
    by G, not G - 1. scale="none" leaves the division out (Dr. GRPO): dividing gives very
    easy and very hard prompts more weight than those half solved. scale="batch" divides by
    the spread of all rewards, the same for every prompt.

    Shapes: rewards (P, G) -> (P, G)
    Source: DeepSeekMath, section 4.1.2; Liu et al. 2025 (Dr. GRPO), section 3.1; Liu et al.
    2025 (Lite PPO, arXiv 2508.08221)
    """
    centred = rewards - rewards.mean(axis=1, keepdims=True)  # (P, G)
    centred[flat_groups(rewards)] = 0
    if scale == "none":
        return centred
    if scale == "batch":
        return centred / (rewards.std() + EPS)
    if scale != "std":
        raise ValueError(f'scale={scale!r}: wanted "std", "batch" or "none"')
    return centred / (rewards.std(axis=1, keepdims=True) + EPS)


def flat_groups(rewards: np.ndarray) -> np.ndarray:
    """Say which groups have no spread, and so no signal.

    Shapes: rewards (P, G) -> (P) of bool
    """
    return np.ptp(rewards, axis=1) < EPS


def summed_advantages(
    parts: Mapping[str, np.ndarray], weights: Mapping[str, float], scale: str = "std"
) -> np.ndarray:
    """Grade each kind of reward on its own curve, then sum.

        Â_i = sum_k w_k Â_i^k

    Rewards that are summed first and graded then lose sight of each other: a rare, large
    one sets the scale of all. Graded first, each kind speaks with its weight, however small
    its spread. Left out: a normalisation of the sum over the batch.

    Shapes: parts (P, G) each -> (P, G)
    Source: GDPO, arXiv 2601.05242
    """
    graded = [weights[kind] * group_advantages(paid, scale) for kind, paid in parts.items()]
    return np.sum(graded, axis=0)


def token_weights(
    completion_mask: np.ndarray, average: str = "token", longest: int | None = None
) -> np.ndarray:
    """Decide what each sampled token counts for; the loss is then a plain sum.

        token     1 / all tokens of the batch       every token alike (DAPO)
        sequence  1 / (B |o_i|)                     every completion alike (GRPO as printed)
        constant  1 / (B · longest)                 no length bias (Dr. GRPO)

    With "sequence" a token of a long wrong answer is blamed less than one of a short one.
    B counts the completions with a trained token. `longest` is the cap on a completion.

    Shapes: completion_mask (B, T-1) -> (B, T-1)
    Source: DeepSeekMath eq. 3; Yu et al. 2025 (DAPO) eq. 8; Dr. GRPO, section 3.2
    """
    lengths = completion_mask.sum(axis=1, keepdims=True)  # (B, 1)
    trained = max(int(np.count_nonzero(lengths)), 1)
    if average == "token":
        return completion_mask / max(lengths.sum(), 1)
    if average == "sequence":
        return completion_mask / (np.maximum(lengths, 1) * trained)
    if average != "constant" or longest is None:
        raise ValueError(
            f'average={average!r}, longest={longest}: wanted "token", "sequence", or '
            '"constant", which divides by longest'
        )
    return completion_mask / (trained * longest)


def clipped_objective(ratio: Any, advantages: Any, clip_low: float, clip_high: float) -> Any:
    """Count the improvement, but no further than the trust region.

        min( ρ Â, clip(ρ, 1-ε_low, 1+ε_high) Â )

    The minimum makes the clip one-sided: where Â > 0 the push stops above 1 + ε_high,
    where Â < 0 it stops below 1 - ε_low; a move the wrong way is always corrected.

    Shapes: ratio, advantages (N) -> (N)
    Source: Schulman et al. 2017 (PPO), eq. 7; DAPO, section 3.1 (asymmetric clip)
    """
    limited = xp.clip(ratio, 1 - clip_low, 1 + clip_high)
    return xp.minimum(ratio * advantages, limited * advantages)


def kl_k1(logprobs: Any, ref_logprobs: Any) -> Any:
    """Estimate KL(π‖π_ref) by x = log π - log π_ref: unbiased, noisy, often negative.

    A value to log, never a loss: its expected gradient is zero.
    """
    return logprobs - ref_logprobs


def kl_k2(logprobs: Any, ref_logprobs: Any) -> Any:
    """Estimate KL(π‖π_ref) by x²/2: biased as a value, but with exactly the KL's gradient."""
    return xp.square(logprobs - ref_logprobs) * 0.5


def kl_k3(logprobs: Any, ref_logprobs: Any) -> Any:
    """Estimate KL(π‖π_ref) by e^-x - 1 + x: unbiased and never negative.

    As a loss it has the gradient of KL(π_ref‖π) instead; times the ratio ρ, kept in the
    gradient, it has the right one.
    Source: Schulman 2020 (Approximating KL divergence); R1, eq. 2
    """
    x = ref_logprobs - logprobs
    return xp.expm1(x) - x


def kl_penalty(
    logprobs: Any, old_logprobs: Any, ref_logprobs: Any, estimator: str = "k2"
) -> Any:
    """The KL term of the loss: k2, or k3 weighted by the ratio.

    Both have the gradient of KL(π‖π_ref) when the sampler is the policy itself, token by
    token: what a token does to the KL of those after it is left out.
    # R1 differs: it prints plain k3, whose gradient is that of the reversed KL.

    Shapes: (N), (N), (N) -> (N)
    Source: Zheng et al. 2025 (DeepSeek-V3.2), section 3.1 (unbiased KL estimate)
    """
    if estimator == "k2":
        return kl_k2(logprobs, ref_logprobs)
    if estimator != "k3":
        raise ValueError(f'estimator={estimator!r}: wanted "k2" or "k3"')
    return xp.exp(logprobs - old_logprobs) * kl_k3(logprobs, ref_logprobs)


def grpo_loss(
    logprobs: Any,
    old_logprobs: Any,
    advantages: Any,
    weights: Any,
    clip_low: float = 0.2,
    clip_high: float = 0.2,
    ref_logprobs: Any = None,
    kl_weight: float = 0.0,
    kl_estimator: str = "k2",
) -> Any:
    """Minus the objective at the top of this file.

    The value means little (it is zero where ρ = 1 and the advantages sum to zero); the
    gradient is what counts. old_logprobs are those of the sampler, never recomputed.

    Shapes: all (N), one entry a trained token -> scalar
    """
    ratio = xp.exp(logprobs - old_logprobs)
    objective = clipped_objective(ratio, advantages, clip_low, clip_high)
    if kl_weight:
        if ref_logprobs is None:
            raise ValueError(f"kl_weight={kl_weight} needs ref_logprobs")
        penalty = kl_penalty(logprobs, old_logprobs, ref_logprobs, kl_estimator)
        objective = objective - kl_weight * penalty
    return -xp.sum(weights * objective)


def clip_fraction(
    ratio: np.ndarray, advantages: np.ndarray, clip_low: float, clip_high: float
) -> float:
    """The share of tokens whose push was stopped by the clip."""
    stopped = np.where(advantages > 0, ratio > 1 + clip_high, ratio < 1 - clip_low)
    return float(stopped[advantages != 0].mean()) if np.any(advantages) else 0.0
