"""Is the GRPO loss the one that is written down, in value and gradient, with every knob?

Values against `reference.py`, gradients against finite differences. What it does on average
is in `test_grpo_exact.py`.
"""

import itertools
import math
from typing import Any

import numpy as np
import pytest
import reference
from check import F32, F64, check_slopes, close, draw

from minir1 import autograd as ag
from minir1 import grpo

VARIANTS = list(itertools.product(("std", "none"), ("token", "sequence", "constant")))
KL = [("k2", 0.0), ("k2", 0.3), ("k3", 0.3)]


def batch() -> dict[str, Any]:
    """Two groups of three completions of unequal length, ratios on every side of the clip."""
    lengths = [3, 1, 4, 2, 4, 2]
    mask = (np.arange(6) - 1 < np.array(lengths)[:, None]) & (np.arange(6) >= 1)
    old = draw("old", 6, 6) - 2
    return {
        "rewards": np.array([[1.0, 0.0, 0.3], [0.1, 1.1, 0.1]]),
        "mask": mask.astype(np.float64),
        "old": old,
        "new": old + np.log(np.resize([0.6, 1.5, 0.9, 1.1, 1.4, 0.75, 1.2], (6, 6))),
        "ref": old + draw("ref", 6, 6, scale=0.4),
    }


def loss_of(
    b: dict[str, Any],
    new: Any,
    scale: str = "std",
    average: str = "token",
    clip_low: float = 0.2,
    clip_high: float = 0.3,
    kl_weight: float = 0.3,
    kl_estimator: str = "k2",
    longest: int = 5,
) -> Any:
    """The loss of the batch as minir1 puts it together from its parts."""
    used = b["mask"].reshape(-1) > 0
    advantages = np.repeat(grpo.group_advantages(b["rewards"], scale).reshape(-1), 6)
    weights = grpo.token_weights(b["mask"], average, longest).reshape(-1)
    at = np.flatnonzero(used)
    return grpo.grpo_loss(
        ag.take(ag.reshape(new, (-1,)), at),
        b["old"].reshape(-1)[at],
        advantages[at],
        weights[at],
        clip_low,
        clip_high,
        b["ref"].reshape(-1)[at],
        kl_weight,
        kl_estimator,
    )


def ragged(b: dict[str, Any], name: str) -> list[list[float]]:
    return [b[name][i][b["mask"][i] > 0].tolist() for i in range(6)]


@pytest.mark.parametrize(("scale", "average"), VARIANTS)
@pytest.mark.parametrize(("kl", "beta"), KL)
def test_every_variant_equals_the_reference_and_its_slope(
    scale: str, average: str, kl: str, beta: float
) -> None:
    b = batch()
    options: dict[str, Any] = {
        "scale": scale, "average": average, "kl_weight": beta, "kl_estimator": kl
    }  # fmt: skip
    loss, grad = ag.value_and_grad(lambda new: loss_of(b, new, **options))(b["new"])
    rows = [ragged(b, name) for name in ("new", "old", "ref")]
    rewards = b["rewards"].tolist()
    theirs = reference.grpo_loss(rewards, *rows, scale, average, 0.2, 0.3, beta, kl, 5)
    close("loss", loss, theirs, **F64)

    def value(new: np.ndarray) -> float:
        return float(loss_of(b, ag.array(new), **options).item())

    check_slopes("loss", value, b["new"], grad, at_most=40, h=2e-4)
    assert not np.asarray(grad)[b["mask"] == 0].any()


def test_the_batch_reaches_both_sides_of_the_clip() -> None:
    """Else the test above would not see a wrong clip."""
    b = batch()
    ratio, used = np.exp(b["new"] - b["old"]), b["mask"] > 0
    advantages = np.repeat(grpo.group_advantages(b["rewards"]).reshape(6, 1), 6, axis=1)
    for sign in (-1, 1):
        at = used & (np.sign(advantages) == sign)
        assert (ratio[at] < 0.8).any() and (ratio[at] > 1.3).any(), sign
        assert ((ratio[at] > 0.8) & (ratio[at] < 1.3)).any(), sign


@pytest.mark.parametrize(
    "change",
    [
        {"clip_low": 0.05},
        {"clip_high": 0.05},
        {"clip_low": 10.0},
        {"clip_high": 10.0},
        {"kl_weight": 0.0},
        {"kl_weight": 0.31},
        {"kl_estimator": "k3"},
        {"scale": "none"},
        {"average": "sequence"},
        {"average": "constant"},
        {"average": "constant", "longest": 6},
    ],
    ids=str,
)
def test_every_knob_changes_the_loss_and_the_gradient(change: dict[str, Any]) -> None:
    """An option that is accepted and ignored is worse than none."""
    b = batch()
    base = {"average": "constant"} if "longest" in change else {}
    before = ag.value_and_grad(lambda new: loss_of(b, new, **base))(b["new"])
    after = ag.value_and_grad(lambda new: loss_of(b, new, **change))(b["new"])
    assert abs(before[0].item() - after[0].item()) > 1e-4
    assert np.abs(np.asarray(before[1]) - np.asarray(after[1])).max() > 1e-4


def test_what_no_knob_offers_is_refused() -> None:
    mask = np.ones((2, 3))
    with pytest.raises(ValueError, match="longest"):
        grpo.token_weights(mask, "constant")
    with pytest.raises(ValueError):
        grpo.token_weights(mask, "tokens", 5)
    with pytest.raises(ValueError):
        grpo.group_advantages(mask, "variance")
    with pytest.raises(ValueError):
        grpo.kl_penalty(ag.zeros(2), ag.zeros(2), ag.zeros(2), "k1")
    with pytest.raises(ValueError):
        grpo.grpo_loss(ag.zeros(2), ag.zeros(2), ag.zeros(2), ag.ones(2), kl_weight=0.1)


# What the clip does


@pytest.mark.parametrize(
    ("advantage", "ratio", "pushed"),
    [(1, 0.5, True), (1, 1.5, False), (-1, 0.5, False), (-1, 1.5, True)],
)
def test_the_clip_stops_two_cells_of_four(advantage: int, ratio: float, pushed: bool) -> None:
    """A good token stops at the upper edge, a bad one at the lower; all else is corrected."""
    old = np.array([-1.0])

    def loss(new: Any) -> Any:
        return grpo.grpo_loss(new, old, np.array([float(advantage)]), np.ones(1), 0.2, 0.3)

    value, grad = ag.value_and_grad(loss)(old + math.log(ratio))
    close("slope", grad, [-advantage * ratio if pushed else 0.0], **F64)
    limit = ratio if pushed else (1.3 if advantage > 0 else 0.8)
    close("loss", value, -limit * advantage, **F64)
    fraction = grpo.clip_fraction(np.array([ratio]), np.array([advantage]), 0.2, 0.3)
    assert fraction == (not pushed)


@pytest.mark.parametrize(
    ("advantage", "ratio", "pushed"),
    [(1, 1.25, True), (1, 1.35, False), (-1, 0.85, True), (-1, 0.75, False)],
)
def test_each_edge_has_its_own_width(advantage: int, ratio: float, pushed: bool) -> None:
    old = np.array([-1.0])
    _, grad = ag.value_and_grad(
        lambda new: grpo.grpo_loss(new, old, np.array([float(advantage)]), np.ones(1), 0.2, 0.3)
    )(old + math.log(ratio))
    assert bool(np.asarray(grad)[0]) == pushed


def test_clip_fraction_counts_the_stopped_among_those_with_an_advantage() -> None:
    ratio = np.array([2.0, 2.0, 0.5, 0.5, 1.0, 2.0])
    advantages = np.array([1.0, -1.0, 1.0, -1.0, 1.0, 0.0])
    assert grpo.clip_fraction(ratio, advantages, 0.2, 0.2) == 2 / 5
    assert grpo.clip_fraction(np.ones(3), np.array([1.0, -1.0, 0.5]), 0.2, 0.2) == 0
    assert grpo.clip_fraction(ratio, np.zeros(6), 0.2, 0.2) == 0


def test_at_the_sampler_the_gradient_is_that_of_reinforce() -> None:
    b = batch()
    _, grad = ag.value_and_grad(lambda new: loss_of(b, new, kl_weight=0.0))(b["old"])
    advantages = grpo.group_advantages(b["rewards"]).reshape(6, 1)
    close("gradient", grad, -advantages * grpo.token_weights(b["mask"]), **F64)
    assert np.abs(np.asarray(grad)).max() > 0.01


# Advantages


REWARDS = np.array([[1.0, 0.0, 0.0, 0.0], [0.1, 1.1, 0.2, 1.1], [1.0, 1.0, 0.0, 1.0]])


@pytest.mark.parametrize("scale", ["std", "none"])
def test_advantages_sum_to_zero_ignore_a_shift_and_move_with_their_rows(scale: str) -> None:
    out = grpo.group_advantages(REWARDS, scale)
    close("sum", out.sum(1), np.zeros(3), **F64)
    shift = np.array([[5.0], [-3.0], [0.25]])
    close("shift", grpo.group_advantages(REWARDS + shift, scale), out, rtol=1e-9, atol=1e-9)
    members, groups = [2, 0, 3, 1], [1, 2, 0]
    close("members", grpo.group_advantages(REWARDS[:, members], scale), out[:, members], **F64)
    close("groups", grpo.group_advantages(REWARDS[groups], scale), out[groups], **F64)
    theirs = reference.advantages(REWARDS.tolist(), scale)
    close("reference", out, theirs, **F64)


def test_a_group_is_graded_on_its_own_curve() -> None:
    """One prompt's rewards say nothing about another's answers."""
    other = REWARDS.copy()
    other[1:] = 7 * other[1:] + 3
    assert np.array_equal(grpo.group_advantages(other)[0], grpo.group_advantages(REWARDS)[0])


def test_std_divides_by_the_size_of_the_group() -> None:
    """One right of four: 1.732 with G in the divisor, 1.5 with G - 1."""
    out = grpo.group_advantages(REWARDS[:1])
    std = math.sqrt(3) / 4
    close("right", out[0, 0], 0.75 / (std + 1e-4), **F64)
    assert abs(out[0, 0] - math.sqrt(3)) < 1e-3
    close("none", grpo.group_advantages(REWARDS[:1], "none"), [[0.75, *[-0.25] * 3]], **F64)


@pytest.mark.parametrize("scale", ["std", "none"])
def test_a_flat_group_teaches_nothing(scale: str) -> None:
    rewards = np.array([[0.0] * 6, [0.1] * 6, [1.0, 0.0] * 3])
    assert np.any(rewards[1] != rewards[1].mean())  # the mean of six 0.1 is not 0.1
    assert grpo.flat_groups(rewards).tolist() == [True, True, False]
    out = grpo.group_advantages(rewards, scale)
    assert not out[:2].any() and out[2].all()


@pytest.mark.parametrize("scale", ["std", "none"])
def test_float_noise_is_no_signal(scale: str) -> None:
    """0.1 + 0.2 is not 0.3: with a tiny eps such a group would get advantages of 1.4."""
    rewards = np.array([[0.1 + 0.2, 0.3, 0.3, 0.1 + 0.2]])
    assert np.ptp(rewards) > 0
    assert not grpo.group_advantages(rewards, scale).any()
    assert not grpo.group_advantages(rewards.astype(np.float32) * 1.7, scale).any()
    assert grpo.flat_groups(rewards).all()


def test_rewards_are_not_changed() -> None:
    before = REWARDS.copy()
    grpo.group_advantages(REWARDS)
    grpo.flat_groups(REWARDS)
    assert np.array_equal(REWARDS, before)


# What each token counts for


def test_the_weight_of_a_token_under_each_average() -> None:
    mask = np.array([[1, 1, 1, 1], [0, 1, 0, 0], [0, 0, 0, 0]], np.float64)
    table = {"token": (1 / 5, 1 / 5), "sequence": (1 / 8, 1 / 2), "constant": (1 / 20, 1 / 20)}
    for average, (long, short) in table.items():
        weights = grpo.token_weights(mask, average, 10)
        close(average, weights, [[long] * 4, [0, short, 0, 0], [0] * 4], **F64)
    for average in ("token", "sequence"):
        close(f"{average}, sum", grpo.token_weights(mask, average, 10).sum(), 1.0, **F64)


def test_weights_ignore_padding_and_order() -> None:
    mask = batch()["mask"]
    for average in ("token", "sequence", "constant"):
        weights = grpo.token_weights(mask, average, 10)
        wide = grpo.token_weights(np.pad(mask, ((0, 0), (2, 3))), average, 10)
        close(f"{average}, padded", wide[:, 2:-3], weights, **F64)
        turned = grpo.token_weights(mask[::-1], average, 10)
        close(f"{average}, reversed", turned[::-1], weights, **F64)


def test_an_empty_completion_divides_nothing_by_nothing() -> None:
    for average in ("token", "sequence", "constant"):
        weights = grpo.token_weights(np.zeros((2, 3)), average, 10)
        assert weights.shape == (2, 3) and not weights.any()


def test_the_penalty_counts_with_its_weight_and_each_tokens_weight() -> None:
    new, old, ref = (draw(name, 4) for name in ("new", "old", "ref"))
    advantages, weights = draw("advantages", 4), np.abs(draw("weights", 4))

    def value(**options: Any) -> float:
        return float(grpo.grpo_loss(new, old, advantages, weights, **options).item())

    for estimator in ("k2", "k3"):
        term = np.sum(weights * np.asarray(grpo.kl_penalty(new, old, ref, estimator)))
        for beta in (0.1, 0.7):
            got = value(ref_logprobs=ref, kl_weight=beta, kl_estimator=estimator)
            close(f"{estimator}, {beta}", got - value(), beta * term, **F64)
    close("no weight", value(ref_logprobs=ref, kl_weight=0.0), value(), **F64)


def test_float32_is_enough() -> None:
    b = batch()
    small = {k: v.astype(np.float32) for k, v in b.items()}
    loss, grad = ag.value_and_grad(lambda new: loss_of(small, new))(small["new"])
    exact, slope = ag.value_and_grad(lambda new: loss_of(b, new))(b["new"])
    assert loss.dtype == grad.dtype == np.float32
    close("loss", loss, exact, **F32)
    close("gradient", grad, slope, **F32)


# several kinds of reward


PARTS = {
    "accuracy": np.array([[1.0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]]),
    "format": np.array([[1.0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]),
}
WEIGHTS = {"accuracy": 2.0, "format": 0.5, "preference": 9.0}


def test_kinds_of_reward_are_graded_apart_and_summed_with_their_weights() -> None:
    """By hand: one right of four stands 1.732 above the mean, two well-formed of four 1."""
    high, low = 0.75 / (math.sqrt(3) / 4 + 1e-4), 0.25 / (math.sqrt(3) / 4 + 1e-4)
    one = 0.5 / (0.5 + 1e-4)
    first = [2 * high + one / 2, -2 * low + one / 2, -2 * low - one / 2, -2 * low - one / 2]
    second = [one / 2, -one / 2, one / 2, -one / 2]  # all are right: only the form tells
    out = grpo.summed_advantages(PARTS, WEIGHTS)
    close("summed", out, [first, second, [0] * 4], **F64)
    plain = grpo.summed_advantages(PARTS, WEIGHTS, "none")
    close("none", plain[0], [1.5 + 0.25, -0.5 + 0.25, -0.75, -0.75], **F64)


@pytest.mark.parametrize("scale", ["std", "none"])
def test_one_kind_of_reward_is_graded_as_ever(scale: str) -> None:
    alone = grpo.summed_advantages({"accuracy": REWARDS}, {"accuracy": 1.0}, scale)
    assert np.array_equal(alone, grpo.group_advantages(REWARDS, scale))


def test_a_kind_without_spread_adds_nothing_however_heavy_it_is() -> None:
    out = grpo.summed_advantages(PARTS, WEIGHTS)
    flat = {**PARTS, "preference": np.array([[0.7] * 4, [-3.0] * 4, [0.1] * 4])}
    assert np.array_equal(grpo.summed_advantages(flat, WEIGHTS), out)


def test_a_small_kind_speaks_beside_a_large_one_only_when_graded_apart() -> None:
    """Summed first, the difference of form between two right answers drowns."""
    parts = {"accuracy": np.array([[10.0, 10, 0, 0]]), "format": np.array([[0.1, 0, 0.1, 0]])}
    weights = {"accuracy": 1.0, "format": 1.0}
    summed = grpo.group_advantages(parts["accuracy"] + parts["format"])[0]
    apart = grpo.summed_advantages(parts, weights)[0]
    assert summed[0] - summed[1] < 0.03 and apart[0] - apart[1] > 1.9
