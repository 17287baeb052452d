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

from minir1 import flops, grpo, microbatch, model, optim, rewards, sft
from minir1.answers import Graded, Judge, advantages, ask, describe, grade, total
from minir1.backend import parallel_map, to_numpy, xp
from minir1.config import RunConfig
from minir1.errors import UserError
from minir1.rollout import Rollout
from minir1.tokenizer import WordTokenizer
from minir1.world.questions import general_questions, training_questions

LOGPROB_TOLERANCE = 1e-4  # sampled against scored, float32
KL_ROWS = 16  # completions on which the distance to the reference is watched
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
    config: RunConfig,
    tokenizer: WordTokenizer,
    stage: str,
    judge: Judge | None = None,
    budget: float | None = None,
) -> Iterator[Step]:
    """Improve the learner in place, yielding a report after every step.

    With a judge, the last r1.general_steps ask general prompts beside the problems, and the
    judge pays for them. With a budget of FLOPs the stage ends when it is used up.

    Raises: UserError when an invariant breaks or a number is no longer finite.
    """
    while progress(learner, config, budget) < 1:
        started = time.perf_counter()
        done = progress(learner, config, budget)
        graded = _ask_and_grade(learner, config, tokenizer, stage, judge)
        rollout_seconds = time.perf_counter() - started
        update_started = time.perf_counter()
        expected = learner.step / done if budget and done else None
        changes = improve(learner, config, graded, expected)
        ended = time.perf_counter()
        learner.step += 1
        learner.seconds += ended - started
        if config.grpo.reference_refresh and learner.step % config.grpo.reference_refresh == 0:
            learner.ref_params = learner.params
        tokens = float(graded.rollout.completion_mask.sum())
        yield Step(
            {
                "stage": stage,
                "step": learner.step,
                "seconds": learner.seconds,
                **describe(graded),
                **changes,
                "rollout_seconds": rollout_seconds,
                "update_seconds": ended - update_started,
                "rollout_tokens_per_second": tokens / rollout_seconds,
                "update_tokens_per_second": changes["trained_tokens"]
                / (ended - update_started),
            },
            graded,
        )


def progress(learner: Learner, config: RunConfig, budget: float | None = None) -> float:
    """Say how much of a stage is done, by steps or by the FLOPs of its budget."""
    if budget is not None:
        return learner.flops / budget if budget else 1.0
    return learner.step / config.grpo.steps if config.grpo.steps else 1.0


def _ask_and_grade(
    learner: Learner,
    config: RunConfig,
    tokenizer: WordTokenizer,
    stage: str,
    judge: Judge | None,
) -> Graded:
    """Draw the questions of a step, let the policy answer, pay for the answers."""
    settings, address = config.grpo, (config.seed, stage, learner.step)
    questions: list[Any] = list(
        training_questions(*address, settings.prompts, settings.zh_prompts)
    )
    if judge is not None and learner.step >= settings.steps - config.r1.general_steps:
        questions += general_questions(*address, config.r1.general_prompts)
    rollout, samples = ask(
        learner.params, config, tokenizer, questions, settings.group, address
    )
    parts = grade(samples, config, address, judge)
    paid = total(parts, rewards.part_weights(config.reward))
    learner.flops += flops.rollout_flops(
        config.model, rollout.prompt_lengths, rollout.completion_lengths, settings.group
    )
    return Graded(questions, rollout, samples, paid, parts)


def improve(
    learner: Learner, config: RunConfig, graded: Graded, steps: float | None = None
) -> dict[str, float]:
    """Update the policy on one rollout; return what the update did.

    The learning rate falls over so many steps, by default those of the configuration.
    Groups without spread are left out, and their tokens do not count in the average.
    The others are split by prompt into minibatches, one optimiser step each.
    # R1 differs: minibatches are drawn at random; here they keep the order of the questions.
    """
    settings, rollout = config.grpo, graded.rollout
    pushes = advantages(graded, config)  # (P, G)
    kept = np.flatnonzero(~grpo.flat_groups(pushes))
    references = _reference_logprobs(learner, config, rollout)
    rate = settings.learning_rate * optim.warmup_linear(
        learner.step, settings.warmup, steps or settings.steps, settings.final_fraction
    )
    norms, clipped, gap = [], [], 0.0
    for inner in range(settings.inner_steps):
        for i, prompts in enumerate(np.array_split(kept, settings.minibatches)):
            if not len(prompts):
                continue
            rows = _rows(prompts, settings.group)
            grads, ratio, pushed = _gradient(
                learner.params, config, rollout, rows, pushes.reshape(-1), references
            )
            if inner == i == 0:
                gap = _check_first(ratio, learner.step)
            norm = _check_finite(optim.global_norm(grads), learner.step)
            limits = settings.grad_clip, BETAS, settings.weight_decay
            learner.params, learner.optimiser, _ = sft.update(
                learner.params, grads, learner.optimiser, rate, *limits
            )
            norms.append(norm)
            bounds = settings.clip_low, settings.clip_high
            clipped.append(grpo.clip_fraction(ratio, pushed, *bounds))
    learner.flops += settings.inner_steps * _update_flops(config, rollout, kept)
    trained = rollout.completion_mask.reshape(len(graded.rewards), -1).sum(1)[kept].sum()
    return {
        "kl": _distance(rollout, references),
        "clip_fraction": float(np.mean(clipped)) if clipped else 0.0,
        "flat_groups": 1 - len(kept) / len(graded.rewards),
        "grad_norm": float(np.mean(norms)) if norms else 0.0,
        "learning_rate": rate,
        "logprob_gap": gap,
        "trained_tokens": float(trained) * settings.inner_steps,
    }


def _rows(prompts: np.ndarray, group: int) -> np.ndarray:
    """List the rows of a rollout that belong to some prompts.

    Shapes: (p) -> (p·G)
    """
    return (prompts[:, None] * group + np.arange(group)).reshape(-1)


def _update_flops(config: RunConfig, rollout: Rollout, prompts: np.ndarray) -> int:
    rows = _rows(prompts, config.grpo.group)
    lengths = rollout.prompt_lengths[rows], rollout.completion_lengths[rows]
    return flops.update_flops(config.model, *lengths)


def _gradient(
    params: dict[str, Any],
    config: RunConfig,
    rollout: Rollout,
    rows: np.ndarray,
    advantages: np.ndarray,
    references: np.ndarray,
) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    """Differentiate the GRPO loss of some rows of a rollout.

    Returns the gradient and, for every trained token, its ratio and its advantage.
    """
    settings = config.grpo
    mask = np.zeros_like(rollout.completion_mask)
    mask[rows] = rollout.completion_mask[rows]  # (B, T-1)
    weights = grpo.token_weights(mask, settings.average, config.sample.max_tokens).reshape(-1)
    old = rollout.old_logprobs.reshape(-1)
    width = mask.shape[1]

    def loss(p: dict[str, Any], batch: microbatch.MicroBatch) -> tuple[Any, Any]:
        logprobs = model.place_logprobs(
            p, config.model, batch.tokens, batch.places, config.sample.temperature
        )  # (N)
        value = grpo.grpo_loss(
            logprobs,
            xp.array(old[batch.source]),
            xp.array(advantages[batch.source // width].astype(np.float32)),
            xp.array(weights[batch.source].astype(np.float32)),
            settings.clip_low,
            settings.clip_high,
            xp.array(references[batch.source]) if settings.kl_weight else None,
            settings.kl_weight,
            settings.kl_estimator,
        )
        return value, logprobs

    batches = microbatch.split(mask, rollout.tokens, settings.tokens_per_microbatch)
    results, grads = microbatch.gradients(loss, params, batches, config.threads)
    source = np.concatenate([batch.source for batch in batches])
    logprobs = np.concatenate([to_numpy(out[1]) for out in results])
    return grads, np.exp(logprobs - old[source]), advantages[source // width]


def _reference_logprobs(learner: Learner, config: RunConfig, rollout: Rollout) -> np.ndarray:
    """Score the rollout under the reference: all of it if the loss needs it, else a few rows.

    Returns NaN where nothing was scored. Shapes: -> (B·(T-1))
    """
    mask = rollout.completion_mask
    if not config.grpo.kl_weight:
        watched = np.arange(len(mask)) % max(1, len(mask) // KL_ROWS) == 0
        mask = np.where(watched[:, None], mask, 0)
    out = np.full(mask.size, np.nan, np.float32)
    budget = config.grpo.tokens_per_microbatch
    batches = microbatch.split(mask, rollout.tokens, budget)

    def score(batch: microbatch.MicroBatch) -> np.ndarray:
        temperature = config.sample.temperature
        return to_numpy(
            model.place_logprobs(
                learner.ref_params, config.model, batch.tokens, batch.places, temperature
            )
        )

    for batch, logprobs in zip(
        batches, parallel_map(score, batches, config.threads), strict=True
    ):
        out[batch.source] = logprobs
    return out


def _distance(rollout: Rollout, references: np.ndarray) -> float:
    """Estimate the KL from the sampling policy to the reference, a token (k3)."""
    x = references - rollout.old_logprobs.reshape(-1)
    x = x[np.isfinite(x)].astype(np.float64)
    return float(np.mean(np.expm1(x) - x)) if x.size else 0.0


def _check_first(ratio: np.ndarray, step: int) -> float:
    """Before any update the policy is the sampler: every ratio must be one."""
    gap = float(np.abs(np.log(ratio)).max())
    if not gap < LOGPROB_TOLERANCE:
        raise UserError(
            f"step {step + 1}: sampled and scored log-probabilities differ by {gap:.2g}, "
            f"wanted less than {LOGPROB_TOLERANCE:g}: the loss would not be that of the samples"
        )
    return gap


def _check_finite(norm: float, step: int) -> float:
    if not np.isfinite(norm):
        raise UserError(
            f"step {step + 1}: the gradient is {norm}; the last saved state is good. "
            f"Try a lower grpo.learning_rate: --set grpo.learning_rate=1e-4"
        )
    return norm
