"""Does GRPO follow the gradient that it means to follow? Decided by enumeration.

In a world of seven completions (`minir1.exact`) the expected reward and its gradient are
known to the last digit; a single step over five words does the same for the KL.
"""

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from check import F64, check_slopes, close, draw

from minir1 import autograd as ag
from minir1 import exact, grpo
from minir1.exact import tape
from minir1.rng import generator

EARNED = np.array([1.0, 0.0, 0.2, 1.0, -0.5, 0.3, 0.7])
WORLD = replace(exact.example(digits=2, longest=2, targets=(0,)), rewards=EARNED[None])
CHANCES, MASK = WORLD.chances[0], WORLD.mask
TRUE_GRADIENT = exact.policy_gradient(WORLD)


def objective_gradient(
    members: np.ndarray, advantages: np.ndarray, chances: np.ndarray
) -> np.ndarray:
    """Minus the gradient of the GRPO loss, where completion i has the weight chances_i."""

    def loss(policy: Any) -> Any:
        logprobs = ag.take(tape.token_logprobs(policy, WORLD, 0), members)
        weights = chances[:, None] * MASK[members]
        return grpo.grpo_loss(
            logprobs, ag.stop_gradient(logprobs), advantages[:, None], weights
        )

    return -tape.gradient(loss, WORLD)


def test_the_true_gradient_is_the_slope_of_the_expected_reward() -> None:
    first = WORLD.params["first"].size
    for name, p, slope in (
        ("first", WORLD.params["first"], TRUE_GRADIENT[:first]),
        ("next", WORLD.params["next"], TRUE_GRADIENT[first:]),
    ):

        def value(moved: np.ndarray, name: str = name) -> float:
            policy = ag.tree_map(ag.array, {**WORLD.params, name: moved})
            return float(tape.expected_reward(policy, WORLD).item())

        check_slopes(name, value, p, slope.reshape(p.shape), at_most=9, h=1e-3)


def test_the_expected_gradient_is_that_of_the_expected_reward() -> None:
    grads = objective_gradient(np.arange(7), EARNED, CHANCES)
    close("gradient", grads, TRUE_GRADIENT, rtol=0, atol=1e-10)


@pytest.mark.parametrize("group", [2, 3])
def test_the_group_mean_shrinks_the_gradient_by_a_known_factor_only(group: int) -> None:
    """Over all 7^G groups: the baseline contains the sample itself, so (G-1)/G remains."""
    members = np.array(list(itertools.product(range(7), repeat=group)))  # (7^G, G)
    advantages = grpo.group_advantages(EARNED[members], scale="none")
    chances = np.repeat(CHANCES[members].prod(1) / group, group)
    grads = objective_gradient(members.reshape(-1), advantages.reshape(-1), chances)
    close("gradient", grads, TRUE_GRADIENT * (group - 1) / group, rtol=0, atol=1e-10)


def test_sampled_gradients_average_to_the_true_one() -> None:
    """4000 draws by the sampler's own `choose`, within four standard errors."""
    n = 4000
    drawn = WORLD.draw(0, n, generator(0, "tests", "monte carlo"))
    each = EARNED[drawn, None] * WORLD.scores[0, drawn]  # every draw's own gradient
    ours = objective_gradient(drawn, EARNED[drawn], np.full(n, 1 / n))
    close("same draws", ours, each.mean(0), **F64)
    error = each.std(0) / math.sqrt(n)
    assert np.all(np.abs(ours - TRUE_GRADIENT) <= 4 * error)
    assert np.all(error < 0.02) and error.max() > 0


# KL


V = 5
THETA, REFERENCE = np.array([2.0, 0.5, 0.0, -1.0, -2.0]), np.array([0.2, -0.1, 0.4, 0.0, -0.3])


def log_policy(theta: Any) -> Any:
    return theta - ag.logsumexp(theta)


LOG_REF = np.asarray(log_policy(ag.array(REFERENCE)))
LOG_PI = np.asarray(log_policy(ag.array(THETA)))
TRUE_KL = float(np.sum(np.exp(LOG_PI) * (LOG_PI - LOG_REF)))
REVERSED_KL = float(np.sum(np.exp(LOG_REF) * (LOG_REF - LOG_PI)))


def gradient_of(fn: Any) -> np.ndarray:
    return np.asarray(ag.value_and_grad(fn)(THETA)[1])


def forward_kl(theta: Any) -> Any:
    logprobs = log_policy(theta)
    return ag.sum(ag.exp(logprobs) * (logprobs - LOG_REF))


def reversed_kl(theta: Any) -> Any:
    return ag.sum(np.exp(LOG_REF) * (LOG_REF - log_policy(theta)))


def expected(estimate: Any) -> Any:
    """The estimator's mean over words of the policy, the words themselves held fixed."""

    def fn(theta: Any) -> Any:
        logprobs = log_policy(theta)
        return ag.sum(ag.stop_gradient(ag.exp(logprobs)) * estimate(logprobs))

    return fn


def penalty(estimator: str) -> Any:
    return lambda logprobs: grpo.kl_penalty(logprobs, LOG_PI, LOG_REF, estimator)


def test_the_values_of_the_kl_estimators_average_to_the_kl() -> None:
    assert abs(TRUE_KL - REVERSED_KL) > 0.05  # so that the direction shows
    for name, estimate in (("k1", grpo.kl_k1), ("k3", grpo.kl_k3)):
        mean = expected(lambda lp, estimate=estimate: estimate(lp, LOG_REF))(THETA).item()
        close(name, mean, TRUE_KL, **F64)
    close("k3 with ratio", expected(penalty("k3"))(THETA).item(), TRUE_KL, **F64)
    k2 = expected(penalty("k2"))(THETA).item()
    close("k2", k2, np.sum(np.exp(LOG_PI) * (LOG_PI - LOG_REF) ** 2) / 2, **F64)
    assert abs(k2 - TRUE_KL) > 1e-3  # biased as a value, as documented


def test_the_expected_gradients_of_the_kl_estimators() -> None:
    """k2 and k3 with the ratio: the KL's. k1: none at all. Plain k3: the reversed KL's."""
    true, other = gradient_of(forward_kl), gradient_of(reversed_kl)
    assert np.abs(true - other).max() > 0.05
    check_slopes("kl", lambda x: forward_kl(x).item(), THETA, true, 5, 1e-3)
    close("k2", gradient_of(expected(penalty("k2"))), true, rtol=0, atol=1e-10)
    close("k3 with ratio", gradient_of(expected(penalty("k3"))), true, rtol=0, atol=1e-10)
    k1 = gradient_of(expected(lambda lp: grpo.kl_k1(lp, LOG_REF)))
    close("k1", k1, np.zeros(V), rtol=0, atol=1e-12)
    k3 = gradient_of(expected(lambda lp: grpo.kl_k3(lp, LOG_REF)))
    close("plain k3", k3, other, rtol=0, atol=1e-10)


@pytest.mark.parametrize("estimator", ["k2", "k3"])
def test_the_kl_is_least_and_flat_at_the_reference(estimator: str) -> None:
    """Not one that is lowest at 0.7 of the reference's probability and pushes all down."""
    grad = ag.value_and_grad(
        lambda lp: ag.sum(grpo.kl_penalty(lp, LOG_REF, LOG_REF, estimator))
    )(LOG_REF)
    close("value and slope", [grad[0].item(), *np.asarray(grad[1])], np.zeros(V + 1), **F64)
    for x in np.linspace(-3, 3, 31):
        for estimate in (grpo.kl_k2, grpo.kl_k3):
            value = np.asarray(estimate(ag.array(LOG_REF + x), LOG_REF))
            assert np.all(value > 0) or abs(x) < 1e-9


def test_the_ratio_weights_each_token_by_its_own() -> None:
    """Off the sampler, k3's expectation under the sampler is still the KL and its gradient."""
    old = np.asarray(log_policy(ag.array(draw("sampler", V))))

    def fn(theta: Any) -> Any:
        logprobs = log_policy(theta)
        return ag.sum(np.exp(old) * grpo.kl_penalty(logprobs, old, LOG_REF, "k3"))

    value, grad = ag.value_and_grad(fn)(THETA)
    close("value", value, TRUE_KL, **F64)
    close("gradient", grad, gradient_of(forward_kl), rtol=0, atol=1e-10)


def test_k3_keeps_its_digits_near_the_reference() -> None:
    """exp(-x) - 1 + x would lose them all in float32."""
    x = np.array([1e-2, -1e-2, 1e-3, -1e-3], np.float32)
    value = grpo.kl_k3(ag.array(x), ag.array(np.zeros(4, np.float32)))
    assert value.dtype == np.float32
    exact = [math.expm1(-v) + v for v in x.astype(float)]
    close("k3", value, exact, rtol=2e-4, atol=0)


@pytest.mark.parametrize("estimator", ["k2", "k3"])
def test_with_no_advantage_one_step_lowers_the_kl(estimator: str) -> None:
    def loss(theta: Any) -> Any:
        logprobs = log_policy(theta)
        weights = ag.stop_gradient(ag.exp(logprobs))
        return grpo.grpo_loss(
            logprobs, LOG_PI, np.zeros(V), weights, 0.2, 0.2, LOG_REF, 0.5, estimator
        )

    grad = np.asarray(ag.value_and_grad(loss)(THETA)[1])
    assert np.abs(grad).max() > 1e-2
    assert forward_kl(THETA - 0.1 * grad).item() < TRUE_KL - 1e-3
