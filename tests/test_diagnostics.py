"""Do the figures that a broken step gives away have the values that they should?"""

import dataclasses
from typing import Any

import numpy as np
import pytest
from check import close
from test_rl import GRPO, POLICY, REWARDS, G, P, graded, improved, params, run_config

from minir1 import answers, diagnostics, grpo, rl
from minir1.backend import xp
from minir1.diagnostics import Scored
from minir1.objective import Objective

EXACT = {"rtol": 1e-6, "atol": 1e-7}
NEVER: Any = dataclasses.replace(POLICY, tolerance=np.inf)  # asks for no agreement


def step(batch: answers.Graded, objective: Objective = GRPO, **knobs: Any) -> dict[str, float]:
    usual = {"inner_steps": 1, "minibatches": 1, "kl_weight": 0.0}
    config = run_config(**{**usual, **knobs})
    learner = rl.Learner(params(), params("reference"), rl.optim.adamw_init(params()))
    return rl.improve(learner, config, NEVER, batch, objective=objective)


def respoken(batch: answers.Graded, change: np.ndarray) -> answers.Graded:
    """The same rollout from a sampler whose log-probabilities are higher by so much."""
    rollout = dataclasses.replace(
        batch.rollout, old_logprobs=batch.rollout.old_logprobs + change.astype(np.float32)
    )
    return dataclasses.replace(batch, rollout=rollout)


def test_an_honest_step_has_the_values_of_health() -> None:
    seen = step(graded())
    assert seen["logprob_gap"] < 1e-4 and abs(seen["logprob_bias"]) < 1e-5
    assert seen["logprob_gap_first"] < 1e-5 and seen["logprob_gap_rest"] < 1e-5
    assert seen["eos_trained"] == 1 and seen["advantage_level"] < 1e-9
    close("weight sum", seen["weight_sum"], 1.0, **EXACT)
    close("no update before this one", seen["ratio_low"], 1.0, rtol=0, atol=1e-4)
    assert seen["kl_loss"] == 0


def test_the_gap_of_first_tokens_is_told_from_the_rest() -> None:
    batch = graded()
    mask = batch.rollout.completion_mask > 0
    first = np.arange(mask.shape[1]) == batch.rollout.prompt_lengths[:, None] - 1
    seen = step(respoken(batch, np.where(first, 0.5, 0.0)))
    close("first", seen["logprob_gap_first"], 0.5, rtol=1e-4, atol=0)
    assert seen["logprob_gap_rest"] < 1e-5
    kept = np.repeat(np.ptp(REWARDS, axis=1) > 0, G)[:, None] & mask
    close("bias", seen["logprob_bias"], 0.5 * first[kept].mean(), rtol=1e-4, atol=0)
    low = step(respoken(batch, np.where(first, 0.0, -0.25)))
    assert low["logprob_gap_first"] < 1e-5 and low["logprob_bias"] < 0
    close("rest", low["logprob_gap_rest"], 0.25, rtol=1e-4, atol=0)


@pytest.mark.parametrize("average", ["token", "sequence", "constant"])
def test_the_sum_of_the_weights(average: str) -> None:
    seen = step(graded(), average=average)["weight_sum"]
    mask = graded().rollout.completion_mask.reshape(P, -1)
    kept = np.ptp(REWARDS, axis=1) > 0
    longest = run_config().sample.max_tokens
    expected = mask[kept].sum() / (kept.sum() * G * longest) if average == "constant" else 1.0
    close("sum", seen, expected, **EXACT)


def test_end_tokens_without_a_weight_are_seen() -> None:
    batch = graded()
    rollout = batch.rollout
    lengths = rollout.completion_mask.sum(1).astype(int)  # as they were cut
    rows = np.arange(len(lengths))
    finished = rows % 3 > 0
    ended = dataclasses.replace(rollout, completion_lengths=lengths, finished=finished)
    assert diagnostics.weighing(rollout.completion_mask, rows, ended)["eos_trained"] == 1
    weights = rollout.completion_mask.copy()
    silent = rows[finished][::2]
    weights[silent, rollout.prompt_lengths[silent] + lengths[silent] - 2] = 0
    seen = diagnostics.weighing(weights, rows, ended)["eos_trained"]
    assert seen == pytest.approx(1 - len(silent) / finished.sum())
    assert diagnostics.weighing(weights, silent, ended)["eos_trained"] == 0
    none = dataclasses.replace(ended, finished=np.zeros_like(finished))
    assert diagnostics.weighing(weights, rows, none)["eos_trained"] == 1


@pytest.mark.parametrize("estimator", ["k2", "k3"])
@pytest.mark.parametrize("tokens", [40, 100_000])
def test_the_kl_of_the_loss_is_the_estimator_that_was_asked(
    estimator: str, tokens: int
) -> None:
    batch = graded(rewards=np.arange(P * G).reshape(P, G) % 3.0)  # no flat group
    knobs = {"kl_estimator": estimator, "kl_weight": 0.3, "tokens_per_microbatch": tokens}
    seen = step(batch, **knobs)
    used = batch.rollout.completion_mask > 0
    config = run_config(**knobs)
    references = rl.score(params("reference"), config, POLICY, batch.rollout.tokens, used * 1.0)
    x = references.reshape(used.shape)[used] - batch.rollout.old_logprobs[used]
    k3 = np.mean(np.expm1(x) - x)
    close("k3", seen["kl"], k3, rtol=1e-4, atol=0)
    close("k1", seen["kl_k1"], -x.mean(), rtol=1e-4, atol=0)
    expected = np.mean(x**2) / 2 if estimator == "k2" else k3
    close("loss", seen["kl_loss"], expected, rtol=1e-3, atol=1e-5)


def test_a_loss_that_rewards_the_distance_is_seen() -> None:
    def turned(logprobs: Any, numbers: Any, settings: Any) -> Any:
        plain = dataclasses.replace(settings, kl_weight=0.0)
        without = GRPO.loss(logprobs, numbers, plain)
        return 2 * without - GRPO.loss(logprobs, numbers, settings)

    healthy = step(graded(), kl_weight=0.3)["kl_loss"]
    broken = step(graded(), dataclasses.replace(GRPO, loss=turned), kl_weight=0.3)["kl_loss"]
    close("turned", broken, -healthy, rtol=1e-3, atol=1e-5)
    assert healthy > 0.1


def one_sided(logprobs: Any, numbers: Any, settings: Any) -> Any:
    """The loss of a clip that takes the maximum where the advantage is negative."""
    ratio = xp.exp(logprobs - numbers["old"])
    limited = xp.clip(ratio, 1 - settings.clip_low, 1 + settings.clip_high)
    both = ratio * numbers["advantages"], limited * numbers["advantages"]
    good, bad = xp.minimum(*both), xp.maximum(*both)
    return -xp.sum(numbers["weights"] * xp.where(numbers["advantages"] >= 0, good, bad))


def unclipped(logprobs: Any, numbers: Any, _: Any) -> Any:
    """The loss without any clip."""
    ratio = xp.exp(logprobs - numbers["old"])
    return -xp.sum(numbers["weights"] * ratio * numbers["advantages"])


@pytest.mark.parametrize("kl_weight", [0.0, 0.3])
def test_a_push_past_the_clip_is_seen(kl_weight: float) -> None:
    knobs = {"inner_steps": 6, "learning_rate": 0.05, "kl_weight": kl_weight}
    assert step(graded(), **knobs)["clip_fraction"] > 0.05  # there is something to stop
    assert step(graded(), **knobs)["clip_leak"] == 0
    bad = step(graded(), dataclasses.replace(GRPO, loss=one_sided), **knobs)["clip_leak"]
    assert 0.05 < bad < 0.95
    free = step(graded(), dataclasses.replace(GRPO, loss=unclipped), **knobs)["clip_leak"]
    assert free > bad
    assert step(graded(), dataclasses.replace(GRPO, loss=unclipped))["clip_leak"] == 0


def test_the_spread_of_ratios_and_of_those_that_are_pushed_down() -> None:
    n = 1000
    ratio = np.linspace(0.5, 1.5, n)
    scored = Scored(np.arange(n), np.log(ratio), np.zeros(n), np.where(ratio < 0.8, -1.0, 1.0))
    seen = diagnostics.spread(scored)
    close("low", seen["ratio_low"], 0.51, rtol=1e-3, atol=0)
    close("high", seen["ratio_high"], 1.49, rtol=1e-3, atol=0)
    close("low negative", seen["ratio_low_negative"], 0.503, rtol=1e-3, atol=0)
    close("high negative", seen["ratio_high_negative"], 0.797, rtol=1e-3, atol=0)
    assert set(diagnostics.spread(diagnostics.NOTHING).values()) == {1.0}
    assert step(graded(), inner_steps=3)["ratio_high"] > 1.01  # the last update is looked at


def test_a_baseline_that_is_not_the_groups_is_seen() -> None:
    assert diagnostics.advantage_level(grpo.group_advantages(REWARDS)) < 1e-9
    level = diagnostics.advantage_level(REWARDS - REWARDS.mean())
    close("level", level, np.abs(REWARDS.mean(1) - REWARDS.mean()).max(), rtol=1e-9, atol=0)


def test_who_is_paid_for_what() -> None:
    batch = graded()
    lengths = np.arange(P * G) + 1
    finished = lengths % 4 > 0
    rollout = dataclasses.replace(batch.rollout, completion_lengths=lengths, finished=finished)
    right = REWARDS >= 1
    told = diagnostics.answers(
        dataclasses.replace(batch, rollout=rollout, parts={"accuracy": right * 1.0})
    )
    close("right", told["correct_length"], lengths[right.reshape(-1)].mean(), **EXACT)
    close("wrong", told["wrong_length"], lengths[~right.reshape(-1)].mean(), **EXACT)
    close("cut off", told["paid_truncated"], REWARDS.reshape(-1)[~finished].mean(), **EXACT)
    close("spread", told["reward_spread"], REWARDS.std(1).mean(), **EXACT)
    used = rollout.completion_mask > 0
    close("surprise", told["surprise"], -rollout.old_logprobs[used].mean(), **EXACT)
    assert "correct_length" not in diagnostics.answers(batch)  # nobody said what is right


def test_a_step_that_trains_nothing_has_all_the_names() -> None:
    idle = step(graded(rewards=np.ones((P, G))), kl_weight=0.0)
    assert set(idle) == set(step(graded()))
    assert all(np.isfinite(value) for value in idle.values())
    assert idle["eos_trained"] == idle["weight_sum"] == idle["ratio_low"] == 1


def test_a_row_of_metrics_has_numbers_only() -> None:
    seen = improved()[1]
    assert all(isinstance(value, float) for value in seen.values())
