"""Is the exact world exact? By the tape, by drawing, and by what must come out."""

import doctest
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from check import F64, close

from minir1 import backend, exact, grpo
from minir1.config import GRPOConfig
from minir1.exact import group as groups
from minir1.exact import stale, tape
from minir1.exact.divergence import Divergences
from minir1.exact.estimate import climb, gradients, slopes
from minir1.exact.group import BASELINES, Group
from minir1.exact.world import World, completions
from minir1.objectives import losses
from minir1.rng import generator

WORLD = exact.example()
TRUE = exact.policy_gradient(WORLD)
ONE = WORLD.only(1)
HEADS_OR_TAILS = exact.example(longest=1, targets=(0,))  # completions of one token
KNOWN = Divergences.of(WORLD)


def named(estimates: list[Any]) -> dict[str, Any]:
    return {estimate.name: estimate for estimate in estimates}


# the world


def test_the_example_of_the_docstring() -> None:
    assert doctest.testmod(exact).attempted == 3
    assert not doctest.testmod(exact).failed


def test_every_completion_is_listed_once() -> None:
    tokens, mask = completions(4, 4)
    assert len(tokens) == len({tuple(row) for row in tokens.tolist()}) == 1 + 3 + 9 + 27 + 81
    close("chances", WORLD.chances.sum(1), np.ones(3), **F64)
    assert WORLD.lengths.tolist().count(4) == 27 + 81  # with an end, and cut off
    cut = ~(tokens == 0).any(axis=1)
    assert mask[cut].all() and not WORLD.rewards[:, cut].any()


def test_right_is_what_ends_and_adds_up() -> None:
    right = [WORLD.tokens[row > 0].tolist() for row in WORLD.rewards]
    assert right[0] == [[2, 0, 0, 0], [1, 1, 0, 0]]
    assert len(right[1]) == 3 + 3  # 13, 31, 22; 112 and its orders
    assert len(right[2]) == 1 + 6 + 1  # 33; 123 and its orders; 222


def test_the_tape_agrees_to_ten_digits() -> None:
    for seed in range(3):
        for name, difference in tape.disagreement(exact.example(seed)).items():
            assert difference < 1e-10, (seed, name)


@pytest.mark.parametrize("group", [Group(2, "std", "token"), Group(2, "leave one out")])
def test_kinds_stand_for_every_group_one_by_one(group: Group) -> None:
    taped = tape.expected_group_gradient(ONE, group)
    close(group.name, group.estimate(ONE).mean, taped, rtol=0, atol=1e-10)


def test_the_variance_is_that_of_every_group_one_by_one() -> None:
    small = exact.example(digits=2, longest=2, targets=(2,))  # 7 completions
    for group in (
        Group(3, "std", "sequence"),
        Group(3, "group mean"),
        Group(2, "std", "token"),
    ):
        G, (N, T) = group.size, small.tokens.shape
        members = np.stack(np.meshgrid(*[np.arange(N)] * G), axis=-1).reshape(-1, G)
        chances = small.chances[0][members].prod(axis=1)
        pushes = np.stack(
            [group.pushes(small.rewards[:, m], small.lengths[None, m], T)[0] for m in members]
        )
        each = np.einsum("mg,mgd->md", pushes, small.scores[0][members])
        mean = chances @ each
        variance = chances @ (each**2).sum(axis=1) - mean @ mean
        close(group.name, group.estimate(small).variance, variance, **F64)


def test_the_numbers_are_computed_on_our_own_tape_whatever_the_engine() -> None:
    pytest.importorskip("mlx.core")
    backend.use("mlx")
    try:
        (k2,) = (e for e in exact.kl_losses(WORLD) if e.name == "k2")
        assert backend.xp.name == "mlx"
    finally:
        backend.use("numpy")
    close("k2", k2.mean, KNOWN.own, rtol=0, atol=1e-10)


# drawing


def deviations(world: World, group: Group, count: int, seed: int) -> np.ndarray:
    """How far the mean of sampled group gradients is from the exact one, in standard errors."""
    rng, T = generator(seed, "tests", "exact", group.name), world.tokens.shape[1]
    drawn = world.draw(0, count * group.size, rng).reshape(count, group.size)
    pushes = np.stack(
        [group.pushes(world.rewards[:, m], world.lengths[None, m], T)[0] for m in drawn]
    )
    each = np.einsum("mg,mgd->md", pushes, world.scores[0][drawn])  # (count, D)
    error = each.std(axis=0) / math.sqrt(count)
    seen = error > 0
    return (each.mean(axis=0) - group.estimate(world).mean)[seen] / error[seen]


SAMPLED = [
    Group(4, "none"),
    Group(4, "group mean"),
    Group(4, "leave one out"),
    Group(4, "std"),
    Group(4, "std", "token"),
    Group(4, "group mean", "sequence"),
    Group(4, "group mean", "constant"),
]


@pytest.mark.parametrize("group", SAMPLED, ids=lambda group: group.name)
def test_sampled_groups_average_to_the_exact_mean(group: Group) -> None:
    off = deviations(ONE.moved(exact.policy_gradient(ONE), 40), group, 4000, seed=0)
    assert np.abs(off).max() < 4
    assert off.size > 10


@pytest.mark.parametrize(
    ("name", "replacement"),
    [("group mean", "std"), ("leave one out", "group mean"), ("std", "none")],
)
def test_a_replaced_estimator_is_found_out(
    name: str, replacement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exact side computes the right one, the samples another: more than four errors."""
    world = ONE.moved(exact.policy_gradient(ONE), 40)
    right = Group(4, name).estimate(world)
    monkeypatch.setattr(Group, "estimate", lambda *_: right)
    monkeypatch.setitem(BASELINES, name, BASELINES[replacement])
    assert np.abs(deviations(world, Group(4, name), 4000, seed=0)).max() > 4


def test_sampled_kl_losses_and_values_average_to_the_exact_ones() -> None:
    count, one = 20_000, WORLD.only(0)
    drawn = one.draw(0, count, generator(0, "tests", "exact", "kl"))
    x = (one.logprobs - one.ref_logprobs)[0, drawn]  # (count, T)
    mask = one.mask[drawn]
    hand = {"k1": x, "k2": x**2 / 2, "k3": (np.exp(-x) - 1 + x) * mask}
    for value in exact.kl_values(one):
        sampled = hand[value.name].sum(axis=1)
        error = sampled.std() / math.sqrt(count)
        assert abs(sampled.mean() - value.mean) < 4 * error, value.name
        assert abs(sampled.std() / value.deviation - 1) < 0.05, value.name
    slope = {"k1": mask, "k2": x, "k3": (1 - np.exp(-x)) * mask, "k3 · ratio": x}
    losses = named(exact.kl_losses(one))

    def off(name: str, other: str) -> float:
        each = np.einsum("nt,ntd->nd", slope[name], one.token_scores[0, drawn])
        error = each.std(axis=0) / math.sqrt(count)
        seen = error > 0
        return float(np.abs((each.mean(0) - losses[other].mean)[seen] / error[seen]).max())

    for name in slope:
        assert off(name, name) < 4, name
        each = np.einsum("nt,ntd->nd", slope[name], one.token_scores[0, drawn])
        assert each.var(axis=0).sum() == pytest.approx(losses[name].variance, rel=0.05), name
    assert off("k2", "k3") > 4 and off("k3", "k2") > 4 and off("k1", "k2") > 4


# what must come out


def test_baselines_do_no_harm_but_that_of_oneself_shrinks() -> None:
    for size in (2, 4):
        for name, factor in (
            ("none", 1.0),
            ("group mean", (size - 1) / size),
            ("leave one out", 1.0),
            ("batch mean", (3 * size - 1) / (3 * size)),
        ):
            mean = Group(size, name).estimate(WORLD).mean
            close(f"{name}, {size}", mean, TRUE * factor, rtol=0, atol=1e-12)


def test_including_oneself_costs_nothing_but_the_factor() -> None:
    own, others = (Group(4, name).estimate(WORLD) for name in ("group mean", "leave one out"))
    assert own.noise(TRUE) == pytest.approx(others.noise(TRUE))


def test_a_baseline_quiets_where_right_answers_are_many() -> None:
    """Not where they are few, nor where the policy has settled on a few of them."""
    *_, settled = climb(ONE, 30)
    many = replace(ONE, rewards=(ONE.tokens.sum(axis=1) >= 3)[None].astype(float))
    assert ONE.expected_rewards[0] < 0.1
    assert settled.expected_rewards[0] > 0.9 and many.expected_rewards[0] > 0.5

    def noise(world: World, scale: str) -> float:
        return Group(8, scale).estimate(world).noise(exact.policy_gradient(world))

    assert noise(many, "leave one out") < 0.6 * noise(many, "none")
    for world in (ONE, settled):
        assert noise(world, "none") < noise(world, "leave one out")


@pytest.mark.parametrize("scale", ["std", "group mean", "leave one out"])
def test_the_effective_weight_is_what_the_gradient_is_multiplied_by(scale: str) -> None:
    for prompt in range(WORLD.prompts):
        one = WORLD.only(prompt)
        weight = exact.effective_weight(one.expected_rewards[0], 4, scale)
        mean = Group(4, scale).estimate(one).mean
        close(scale, mean, weight * exact.policy_gradient(one), rtol=0, atol=1e-12)


def test_std_favours_the_hard_and_the_easy_the_more_the_larger_the_group() -> None:
    assert exact.effective_weight(0.5, 2) == pytest.approx(1, abs=1e-3)
    for size in (8, 64):
        middle, hard = (exact.effective_weight(p, size) for p in (0.5, 0.1))
        assert hard > 1.2 * middle
        assert exact.effective_weight(0.9, size) == pytest.approx(hard)
    assert exact.effective_weight(0.3, 512) == pytest.approx(1 / math.sqrt(0.21), rel=0.01)
    for p in (0.01, 0.5):
        assert exact.effective_weight(p, 8, "group mean") == pytest.approx(7 / 8)


def test_only_the_constant_average_keeps_the_direction() -> None:
    true = exact.policy_gradient(ONE)
    angle = {
        (average, size): Group(size, "group mean", average).estimate(ONE).angle(true)
        for average in ("constant", "token", "sequence")
        for size in (2, 8)
    }
    assert angle["constant", 2] < 1e-5 and angle["constant", 8] < 1e-5
    assert angle["sequence", 2] > 10 and angle["sequence", 8] > 10
    assert 0.1 < angle["token", 8] < angle["token", 2] / 2  # as the batch grows it goes


def test_k1_and_k3_are_unbiased_values_and_k2_is_not() -> None:
    k1, k2, k3 = exact.kl_values(WORLD)
    assert k1.mean == pytest.approx(KNOWN.kl) and k3.mean == pytest.approx(KNOWN.kl)
    assert abs(k2.mean - KNOWN.kl) > 0.1
    assert k3.deviation < k1.deviation


def test_one_token_losses_have_the_gradients_that_their_docstrings_claim() -> None:
    known, losses = Divergences.of(HEADS_OR_TAILS), named(exact.kl_losses(HEADS_OR_TAILS))
    assert np.abs(known.gradient - known.reversed_gradient).max() > 0.04
    for name in ("k2", "k3 · ratio", "k1 in the reward"):
        close(name, losses[name].mean, known.gradient, rtol=0, atol=1e-12)
    close("k3", losses["k3"].mean, known.reversed_gradient, rtol=0, atol=1e-12)
    close("k1", losses["k1"].mean, np.zeros_like(known.gradient), rtol=0, atol=1e-12)


def test_in_a_sequence_a_loss_on_tokens_sees_each_tokens_own_kl_only() -> None:
    losses = named(exact.kl_losses(WORLD))
    for name in ("k2", "k3 · ratio"):
        close(name, losses[name].mean, KNOWN.own, rtol=0, atol=1e-12)
    close("k3", losses["k3"].mean, KNOWN.reversed_own, rtol=0, atol=1e-12)
    close("reward", losses["k1 in the reward"].mean, KNOWN.gradient, rtol=0, atol=1e-12)
    assert losses["k2"].angle(KNOWN.gradient) > 3
    assert math.isnan(losses["k1"].angle(KNOWN.gradient))
    assert math.isinf(losses["k1"].noise(KNOWN.gradient))


def test_only_the_sequence_ratio_is_unbiased_off_policy() -> None:
    moved = WORLD.moved(TRUE, 30)
    true, found = exact.policy_gradient(moved), named(exact.stale_gradients(moved, WORLD))
    close("sequence", found["sequence"].mean, true, rtol=0, atol=1e-12)
    assert 1 < found["token"].angle(true) < found["none"].angle(true)
    assert stale.distance(moved, WORLD) > 0.05


def test_on_policy_all_ratios_but_the_geometric_are_the_policy_gradient() -> None:
    found = named(exact.stale_gradients(WORLD, WORLD))
    assert stale.distance(WORLD, WORLD) == 0
    for name in ("none", "token", "token, clip 0.2", "sequence", "sequence, clip 0.2"):
        close(name, found[name].mean, TRUE, rtol=0, atol=1e-12)
    assert found["geometric"].angle(TRUE) > 5  # it divides by the length


def test_the_geometric_ratio_is_that_of_gspo() -> None:
    """The product's own surrogate, on the tokens of all completions laid side by side."""
    moved = WORLD.moved(TRUE, 30)
    marked = np.broadcast_to(WORLD.mask > 0, moved.logprobs.shape)
    lengths = np.tile(WORLD.lengths, 3).astype(int)
    starts = np.cumsum(lengths) - lengths
    rewards = WORLD.rewards - WORLD.expected_rewards[:, None]
    numbers = {
        "old": WORLD.logprobs[marked],
        "advantages": np.repeat(rewards.reshape(-1), lengths),
        "first": backend.xp.array(np.repeat(starts, lengths).astype(np.float32)),
        "last": backend.xp.array(np.repeat(starts + lengths - 1, lengths).astype(np.float32)),
    }
    wide = GRPOConfig(clip_low=stale.FREE, clip_high=stale.FREE)

    def surrogate(x: Any) -> Any:
        share = backend.xp.array(1 / np.repeat(lengths, lengths))
        return losses.clipped_sequence(x, numbers, wide) * share

    found = np.zeros(moved.logprobs.shape)
    found[marked] = slopes(surrogate, moved.logprobs[marked])
    drawn = np.einsum("pn,pnd->d", WORLD.chances, gradients(moved, found)) / 3
    ours = named(exact.stale_gradients(moved, WORLD))["geometric"].mean
    close("geometric", ours, drawn, rtol=0, atol=1e-10)


def test_slopes_are_those_of_the_product(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were grpo.py to change its k2, the exact world would show it."""
    k3: Callable[..., Any] = grpo.kl_k3
    monkeypatch.setattr(grpo, "kl_k2", k3)
    changed = named(exact.kl_losses(WORLD))["k2"]
    close("k2", changed.mean, KNOWN.reversed_own, rtol=0, atol=1e-12)


def test_a_world_can_be_moved_narrowed_and_brought_home() -> None:
    home = WORLD.toward_reference(1.0)
    close("at home", Divergences.of(home).kl, 0.0, **F64)
    assert 0 < Divergences.of(WORLD.toward_reference(0.5)).kl < KNOWN.kl
    close("narrowed", ONE.chances[0], WORLD.chances[1], **F64)
    still = replace(WORLD, params=WORLD.moved(TRUE, 0).params)
    close("not moved", still.chances, WORLD.chances, **F64)
    assert WORLD.moved(TRUE, 5).expected_rewards.mean() > WORLD.expected_rewards.mean()


def test_a_slope_is_a_completions_own() -> None:
    each = slopes(lambda x: x * WORLD.rewards[:, :, None], WORLD.logprobs)
    close("slopes", each, np.repeat(WORLD.rewards[:, :, None], 4, axis=2), **F64)
    drawn = np.einsum("pn,pnd->d", WORLD.chances, gradients(WORLD, each)) / 3
    close("policy gradient", drawn, TRUE, rtol=0, atol=1e-12)
    assert set(groups.BASELINES) == {
        "std",
        *(g.scale for g in SAMPLED),
        "batch mean",
    }
