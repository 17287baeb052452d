"""Does each fault of the algorithm change what it says, and nothing else?"""

import dataclasses
from typing import Any

import numpy as np
import pytest
from check import close
from test_rl import REWARDS, G, P, graded, run_config

from minir1 import autograd as ag
from minir1 import grpo
from minir1.config import GRPOSettings
from minir1.faults import objectives
from minir1.objective import GRPO, Objective

EXACT = {"rtol": 1e-6, "atol": 1e-9}
THETA, REFERENCE = np.array([2.0, 0.5, 0.0, -1.0, -2.0]), np.array([0.2, -0.1, 0.4, 0.0, -0.3])
SETTINGS = GRPOSettings(kl_weight=0.5, clip_low=0.2, clip_high=0.2)
K3 = dataclasses.replace(SETTINGS, kl_estimator="k3")
LOSSES = (
    objectives.kl_sign,
    objectives.kl_inverted,
    objectives.k1_loss,
    objectives.clip_side,
)


def log_policy(theta: Any) -> Any:
    return theta - ag.logsumexp(theta)


LOG_PI, LOG_REF = (np.asarray(log_policy(ag.array(x))) for x in (THETA, REFERENCE))
KL = float(np.sum(np.exp(LOG_PI) * (LOG_PI - LOG_REF)))


def numbers(advantages: Any, old: np.ndarray = LOG_PI, weights: Any = None) -> dict[str, Any]:
    """Every word once, weighted by its chance: sums over words are means over samples."""
    return {
        "old": old,
        "advantages": np.broadcast_to(np.asarray(advantages, float), old.shape),
        "weights": np.exp(LOG_PI) if weights is None else weights,
        "references": LOG_REF,
    }


def step_against(objective: Objective, settings: GRPOSettings) -> float:
    """The KL to the reference after a small step of descent, with nothing to gain."""

    def loss(theta: Any) -> Any:
        return objective.loss(log_policy(theta), numbers(0.0), settings)

    slope = np.asarray(ag.value_and_grad(loss)(THETA)[1])
    moved = np.asarray(log_policy(ag.array(THETA - 0.01 * slope)))
    return float(np.sum(np.exp(moved) * (moved - LOG_REF)))


def value(objective: Objective, given: dict[str, Any], settings: GRPOSettings) -> float:
    return float(objective.loss(ag.array(LOG_PI), given, settings).item())


def kl_term(objective: Objective, settings: GRPOSettings) -> float:
    """What the KL adds to the loss, a token, whatever the advantages."""
    return value(objective, numbers(0.0), settings) / settings.kl_weight


def test_with_nothing_to_gain_the_wrong_sign_raises_the_kl() -> None:
    assert step_against(GRPO, SETTINGS) < KL
    assert step_against(objectives.kl_sign(GRPO), SETTINGS) > KL
    close(
        "term", kl_term(objectives.kl_sign(GRPO), SETTINGS), -kl_term(GRPO, SETTINGS), **EXACT
    )


def test_the_inverted_ratio_estimates_another_distance() -> None:
    close("healthy", kl_term(GRPO, K3), KL, **EXACT)
    chi_square = float(np.sum(np.exp(2 * LOG_PI - LOG_REF)) - 1)
    close("inverted", kl_term(objectives.kl_inverted(GRPO), K3), chi_square - KL, **EXACT)
    assert abs(chi_square - KL - KL) > 0.1


def test_k1_has_the_right_value_and_no_slope() -> None:
    broken = objectives.k1_loss(GRPO)
    close("value", kl_term(broken, SETTINGS), KL, **EXACT)
    close("nothing moves", step_against(broken, SETTINGS), KL, rtol=0, atol=1e-12)


@pytest.mark.parametrize("break_", LOSSES)
def test_without_a_kl_and_at_the_sampler_the_loss_is_healthy(break_: Any) -> None:
    """Value and slope: all that is wrong is the KL term, or how far a push may go."""
    plain = dataclasses.replace(SETTINGS, kl_weight=0.0)
    given = numbers([1.0, -1.0, 0.5, -0.5, 0.0])
    slopes = []
    for objective in (GRPO, break_(GRPO)):

        def loss(theta: Any, objective: Objective = objective) -> Any:
            return objective.loss(log_policy(theta), given, plain)

        slopes.append(ag.value_and_grad(loss)(THETA))
    close("value", slopes[1][0], slopes[0][0], **EXACT)
    close("slope", slopes[1][1], slopes[0][1], **EXACT)


@pytest.mark.parametrize(
    ("advantage", "ratio", "healthy", "broken"),
    [
        (1.0, 1.5, False, False),  # far enough up
        (1.0, 0.5, True, True),
        (-1.0, 0.5, False, True),  # far enough down: goes on
        (-1.0, 1.5, True, False),  # the wrong way: not corrected
    ],
)
def test_the_clip_is_on_the_wrong_side_where_advantages_are_negative(
    advantage: float, ratio: float, healthy: bool, broken: bool
) -> None:
    given = numbers(advantage, old=LOG_PI - np.log(ratio))
    plain = dataclasses.replace(SETTINGS, kl_weight=0.0)
    for objective, moves in ((GRPO, healthy), (objectives.clip_side(GRPO), broken)):

        def loss(logprobs: Any, objective: Objective = objective) -> Any:
            return objective.loss(logprobs, given, plain)

        slope = np.asarray(ag.value_and_grad(loss)(LOG_PI)[1])
        assert (np.abs(slope).max() > 1e-9) == moves


def test_the_clip_keeps_its_kl() -> None:
    close(
        "term", kl_term(objectives.clip_side(GRPO), SETTINGS), kl_term(GRPO, SETTINGS), **EXACT
    )


def test_a_baseline_of_the_batch_lifts_whole_groups() -> None:
    broken = objectives.batch_baseline(GRPO)
    config, batch = run_config(), graded()
    pushes = broken.advantages(batch, config)
    expected = (REWARDS - REWARDS.mean()) / (REWARDS.std() + grpo.EPS)
    close("pushes", pushes, expected, **EXACT)
    assert np.abs(pushes.mean(axis=1)).max() > 0.3 and abs(pushes.mean()) < 1e-9
    assert np.abs(GRPO.advantages(batch, config).mean(axis=1)).max() < 1e-9


@pytest.mark.parametrize("average", ["token", "sequence", "constant"])
def test_a_mask_that_is_overwritten_dilutes_all_alike(average: str) -> None:
    config = run_config(average=average)
    mask = graded().rollout.completion_mask.copy()
    mask[:G] = 0  # rows that are not in this update count nowhere
    before = mask.copy()
    healthy = GRPO.weights(mask, config)
    broken = objectives.mask_in_place(GRPO).weights(mask, config)
    counted = (P - 1) * G * mask.shape[1]
    close("weights", broken, healthy * mask.sum() / counted, **EXACT)
    assert np.array_equal(mask, before)


def test_only_the_broken_part_is_exchanged() -> None:
    parts = {
        objectives.kl_sign: "loss",
        objectives.kl_inverted: "loss",
        objectives.k1_loss: "loss",
        objectives.clip_side: "loss",
        objectives.batch_baseline: "advantages",
        objectives.mask_in_place: "weights",
    }
    for break_, part in parts.items():
        broken = break_(GRPO)
        changed = [
            field.name
            for field in dataclasses.fields(Objective)
            if getattr(broken, field.name) is not getattr(GRPO, field.name)
        ]
        assert changed == [part]
