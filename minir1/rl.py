"""How does a policy improve, step by step? Ask, sample, grade, compare, update; again.

One stage of reinforcement learning as a generator: it yields after every step and leaves
files, screens and decisions to its caller. What it carries from step to step is in
`Learner`, and nothing else, so a run continues from a saved Learner as if never stopped.
Run-time invariants are checked on every step; a broken one stops the run with its name.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minir1 import diagnostics, grpo, microbatch, optim, sft
from minir1.answers import Graded
from minir1.backend import to_numpy
from minir1.config import TrainConfig
from minir1.diagnostics import NOTHING, Scored
from minir1.environment import Environment
from minir1.errors import UserError
from minir1.objective import GRPO, Objective
from minir1.offpolicy import correct, rows_of, score
from minir1.policy import Policy
from minir1.policy_loss import PolicyLoss
from minir1.rollout import Rollout

KL_ROWS = 16  # completions whose distance to the reference is watched, an eighth at most
BETAS = (0.9, 0.95)


@dataclass
class Learner:
    """Everything that the next step depends on."""

    params: dict[str, Any]
    ref_params: dict[str, Any]  # where KL is measured from
    optimiser: dict[str, Any]
    step: int = 0
    seconds: float = 0.0  # of training so far, evaluation excluded
    flops: float = 0.0  # of sampling and training so far

    @classmethod
    def start(cls, params: dict[str, Any]) -> "Learner":
        """Begin a stage: the policy is its own reference."""
        return cls(params, params, optim.adamw_init(params))


@dataclass(frozen=True)
class Step:
    """What a step reports: its row of metrics.jsonl and its graded rollout."""

    metrics: dict[str, Any]
    graded: Graded = field(repr=False)


def train(
    learner: Learner,
    config: TrainConfig,
    world: Environment,
    budget: float | None = None,
    objective: Objective = GRPO,
) -> Iterator[Step]:
    """Improve the learner in place, yielding a report after every step.

    With a budget of FLOPs the stage ends when it is used up.

    Raises: UserError when an invariant breaks or a number is no longer finite.
    """
    while (done := progress(learner, config, budget)) < 1:
        started = time.perf_counter()
        graded = world.rollout(learner.params, learner.step)
        learner.flops += _sampling_flops(world.policy, graded, config.grpo.group)
        rollout_seconds = time.perf_counter() - started
        update_started = time.perf_counter()
        expected = learner.step / done if budget and done else None
        changes = improve(learner, config, world.policy, graded, expected, objective)
        ended = time.perf_counter()
        learner.step += 1
        learner.seconds += ended - started
        if config.grpo.reference_refresh and learner.step % config.grpo.reference_refresh == 0:
            learner.ref_params = learner.params
        tokens = float(graded.rollout.completion_mask.sum())
        yield Step(
            {
                "stage": world.stage,
                "step": learner.step,
                "seconds": learner.seconds,
                "flops": learner.flops,
                **world.describe(graded),
                **diagnostics.answers(graded),
                **changes,
                "rollout_seconds": rollout_seconds,
                "update_seconds": ended - update_started,
                "rollout_tokens_per_second": tokens / rollout_seconds,
                "update_tokens_per_second": changes["trained_tokens"]
                / (ended - update_started),
            },
            graded,
        )


def progress(learner: Learner, config: TrainConfig, budget: float | None = None) -> float:
    """Say how much of a stage is done, by steps or by the FLOPs of its budget."""
    if budget is not None:
        return learner.flops / budget if budget else 1.0
    return learner.step / config.grpo.steps if config.grpo.steps else 1.0


def improve(
    learner: Learner,
    config: TrainConfig,
    policy: Policy,
    graded: Graded,
    steps: float | None = None,
    objective: Objective = GRPO,
) -> dict[str, float]:
    """Update the policy on one rollout; return what the update did.

    The learning rate falls over so many steps, by default those of the configuration.
    Groups without a push are left out, and their tokens do not count in the average.
    The others are split by prompt into minibatches, one optimiser step each.
    # R1 differs: minibatches are drawn at random; here they keep the order of the questions.
    """
    settings, sampled = config.grpo, graded.rollout
    pushes = objective.advantages(graded, config)  # (P, G)
    level = np.abs(pushes.mean(axis=1)) < grpo.EPS
    kept = np.flatnonzero(~(grpo.flat_groups(pushes) & level))
    references = _reference_logprobs(learner, config, policy, sampled)
    rollout, trust, corrected = correct(learner.params, config, policy, sampled, kept)
    rate = settings.learning_rate * optim.warmup_linear(
        learner.step, settings.warmup, steps or settings.steps, settings.final_fraction
    )
    pushed = objective.critic(graded, config) if objective.critic else pushes
    compared = pushed.reshape(-1), references, trust
    changes = _update(learner, config, policy, objective, rollout, kept, compared, rate)
    rows = rows_of(kept, settings.group)
    lengths = rollout.prompt_lengths[rows], rollout.completion_lengths[rows]
    learner.flops += settings.inner_steps * policy.update_flops(*lengths)
    trained = rollout.completion_mask.reshape(len(graded.rewards), -1).sum(1)[kept].sum()
    return {
        **diagnostics.distance(sampled, references),
        "advantage_level": diagnostics.advantage_level(pushes),
        "flat_groups": 1 - len(kept) / len(graded.rewards),
        "learning_rate": rate,
        **changes,
        **corrected,
        "trained_tokens": float(trained) * settings.inner_steps,
    }


def _update(
    learner: Learner,
    config: TrainConfig,
    policy: Policy,
    objective: Objective,
    rollout: Rollout,
    kept: np.ndarray,
    compared: tuple[np.ndarray, np.ndarray, np.ndarray],
    rate: float,
) -> dict[str, float]:
    """Take the optimiser steps of a rollout over the prompts that are kept."""
    settings, scored = config.grpo, NOTHING
    updates: list[dict[str, float]] = []
    gap = diagnostics.sampler_gap(NOTHING, rollout)
    for _ in range(settings.inner_steps):
        for prompts in np.array_split(kept, settings.minibatches):
            if not len(prompts):
                continue
            rows = rows_of(prompts, settings.group)
            grads, scored, told = _gradient(
                learner.params, config, policy, objective, rollout, rows, compared
            )
            if not updates:
                gap = diagnostics.sampler_gap(scored, rollout)
                _check_first(gap["logprob_gap"], policy, learner.step)
            norm = _check_finite(optim.global_norm(grads), learner.step)
            limits = settings.grad_clip, BETAS, settings.weight_decay
            learner.params, learner.optimiser, _ = sft.update(
                learner.params, grads, learner.optimiser, rate, *limits
            )
            of_row = scored.source // rollout.completion_mask.shape[1]
            pushed = scored.ratio, scored.advantages, of_row
            clipped = objective.clip_fraction(*pushed, settings)
            updates.append({"clip_fraction": clipped, "grad_norm": norm, **told})
    return {**diagnostics.average(updates), **gap, **diagnostics.spread(scored)}


def _gradient(
    params: dict[str, Any],
    config: TrainConfig,
    policy: Policy,
    objective: Objective,
    rollout: Rollout,
    rows: np.ndarray,
    compared: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> tuple[dict[str, Any], Scored, dict[str, float]]:
    """Differentiate the loss of some rows of a rollout.

    Returns the gradient, the trained tokens, and how the loss counts them and the KL.

    Shapes: compared: advantages (B) or (B·(T-1)), reference log-probabilities and trust
    (B·(T-1))
    """
    settings = config.grpo
    advantages, references, trust = compared
    mask = np.zeros_like(rollout.completion_mask)
    mask[rows] = rollout.completion_mask[rows]  # (B, T-1)
    token_weights = objective.weights(mask, config)  # (B, T-1)
    weights = token_weights.reshape(-1) * trust
    old = rollout.old_logprobs.reshape(-1)
    width = mask.shape[1]

    temperature, numbers = config.sample.temperature, (advantages, old, weights, references)
    loss = PolicyLoss(policy, objective, settings, temperature, *numbers, width)
    batches = microbatch.split(mask, rollout.tokens, settings.tokens_per_microbatch)
    results, grads = policy.gradients(loss, params, batches, config.threads)
    source = np.concatenate([batch.source for batch in batches])
    logprobs = [to_numpy(out[1]) for out in results]
    told = diagnostics.weighing(token_weights, rows, rollout)
    told["kl_loss"] = diagnostics.kl_loss(loss, batches, logprobs)
    told["clip_leak"] = diagnostics.clip_leak(loss, batches, logprobs)
    scored = np.concatenate(logprobs), old[source], loss.advantages_of(source)
    return grads, Scored(source, *scored), told


def _sampling_flops(policy: Policy, graded: Graded, group: int) -> float:
    """Count what sampling needed, with what was discarded."""
    sampled = [graded.rollout, *([graded.discarded] if graded.discarded else [])]
    counted = ((r.prompt_lengths, r.completion_lengths) for r in sampled)
    return sum(policy.rollout_flops(*lengths, group) for lengths in counted)


def _reference_logprobs(
    learner: Learner, config: TrainConfig, policy: Policy, rollout: Rollout
) -> np.ndarray:
    """Score the rollout under the reference: all of it if the loss needs it, else a few rows.

    Returns NaN where nothing was scored. Shapes: -> (B·(T-1))
    """
    mask = rollout.completion_mask
    if not config.grpo.kl_weight:
        watched = np.arange(len(mask)) % max(8, len(mask) // KL_ROWS) == 0
        mask = np.where(watched[:, None], mask, 0)
    return score(learner.ref_params, config, policy, rollout.tokens, mask)


def _check_first(gap: float, policy: Policy, step: int) -> None:
    """Before any update the policy is the sampler: every ratio must be one."""
    if not gap < policy.tolerance:
        raise UserError(
            f"step {step + 1}: sampled and scored log-probabilities differ by {gap:.2g}, "
            f"wanted less than {policy.tolerance:g}: the loss would not be that of the samples"
        )


def _check_finite(norm: float, step: int) -> float:
    if not np.isfinite(norm):
        raise UserError(
            f"step {step + 1}: the gradient is {norm}; the last saved state is good. "
            f"Try a lower grpo.learning_rate: --set grpo.learning_rate=1e-4"
        )
    return norm
