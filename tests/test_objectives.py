"""Is every method the one that its paper prints, whole or cut up, on both engines?

Losses and slopes against the loops of `reference_objectives.py`, on batches whose ratios lie
on every side of the clip. How a method is chosen is asked in `test_methods.py`.
"""

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
import reference_objectives as reference
from check import F32, F64, close, draw, slope

from minir1 import autograd as ag
from minir1 import grpo, methods, microbatch
from minir1.answers import Graded
from minir1.backend import to_numpy, use, xp
from minir1.config import RunConfig, SampleConfig, override, tiny
from minir1.methods import METHODS
from minir1.objective import Objective
from minir1.objectives import OBJECTIVES, baselines, chosen, losses, overlong
from minir1.policy_loss import PolicyLoss, row_ends
from minir1.rollout import Rollout

EXACT = {"rtol": 1e-10, "atol": 1e-12}
BY_COMPLETION = [name for name in OBJECTIVES if name != "ppo"]
CAP, T = 7, 9
LENGTHS = [3, 1, 4, 2, 4, 7, 5, 2]
REWARDS = np.array([[1.0, 0.0, 0.3, 0.0], [0.1, 1.1, 0.1, 1.1]])
ENGINES = ["numpy", pytest.param("mlx", marks=pytest.mark.mlx)]


def config(method: str, *also: str) -> RunConfig:
    """The method's own settings, but GSPO's clip so wide that some completions pass it."""
    wide = ["grpo.clip_low=0.1", "grpo.clip_high=0.05"] if method == "gspo" else []
    high = ["grpo.clip_high=0.3"] if method == "cispo" else []
    chosen_one = override(tiny(), [f"grpo.objective={method}", *wide, *high, *also])
    return replace(chosen_one, sample=SampleConfig(max_tokens=CAP))


def batch() -> dict[str, Any]:
    """Two groups of four completions of unequal length, ratios on every side of the clip."""
    mask = (np.arange(T) - 1 < np.array(LENGTHS)[:, None]) & (np.arange(T) >= 1)
    old = draw("objectives old", len(LENGTHS), T) - 2
    ratio = np.resize([0.6, 1.5, 0.9, 1.25, 1.4, 0.75, 0.7, 2.5, 1.03, 0.82, 0.5], mask.shape)
    return {
        "mask": mask.astype(np.float64),
        "old": old,
        "new": old + np.log(ratio),
        "ref": old + draw("objectives ref", *old.shape, scale=0.4),
    }


def graded(rewards: np.ndarray = REWARDS, finished: Any = True) -> Graded:
    b = batch()
    rows = len(LENGTHS)
    tokens = np.arange(rows * (T + 1), dtype=np.int32).reshape(rows, T + 1)  # each its own
    lengths = np.array(LENGTHS)
    rollout = Rollout(
        tokens, b["mask"].astype(np.float32), b["old"], b["old"] * 0, np.full(rows, 2),
        lengths, np.broadcast_to(finished, rows),
    )  # fmt: skip
    return Graded(
        [None, None], rollout, [], rewards, {"accuracy": rewards, "format": rewards**2}
    )


def loss_and_slope(
    method: str, settings: RunConfig, kind: Any = np.float64
) -> tuple[float, np.ndarray]:
    """The loss of the batch as minir1 puts it together, in the precision asked for."""
    b, objective = batch(), OBJECTIVES[method]
    at = np.flatnonzero(b["mask"])
    rows = at // T
    numbers = {
        "old": b["old"].reshape(-1)[at],
        "advantages": objective.advantages(graded(), settings).reshape(-1)[rows],
        "weights": objective.weights(b["mask"], settings).reshape(-1)[at],
        "references": b["ref"].reshape(-1)[at],
        **row_ends(rows),
    }
    engine = {name: xp.array(x.astype(kind)) for name, x in numbers.items()}
    value, grad = xp.value_and_grad(lambda x: objective.loss(x, engine, settings.grpo))(
        xp.array(b["new"].reshape(-1)[at].astype(kind))
    )
    return float(value.item()), to_numpy(grad)


def theirs(method: str, settings: RunConfig) -> tuple[float, np.ndarray]:
    b, s = batch(), settings.grpo
    rows = [
        [b[name][i][b["mask"][i] > 0].tolist() for i in range(len(LENGTHS))]
        for name in ("new", "old", "ref")
    ]
    known = s.clip_low, s.clip_high, s.kl_weight, s.kl_estimator, CAP
    loss, slopes = reference.objective(method, REWARDS.tolist(), *rows, *known)
    return loss, np.concatenate([np.array(row) for row in slopes])


KL = [(), ("grpo.kl_weight=0.3",), ("grpo.kl_weight=0.3", "grpo.kl_estimator=k3")]


@pytest.mark.parametrize("method", BY_COMPLETION)
@pytest.mark.parametrize("kl", KL, ids=str)
def test_loss_and_slope_are_those_of_the_loops(method: str, kl: tuple[str, ...]) -> None:
    settings = config(method, *kl)
    (value, grad), (wanted, slopes) = loss_and_slope(method, settings), theirs(method, settings)
    close("loss", value, wanted, **EXACT)
    close("slope", grad, slopes, **EXACT)


@pytest.mark.parametrize("method", BY_COMPLETION)
@pytest.mark.parametrize("engine", ENGINES)
def test_float32_is_enough_on_both_engines(method: str, engine: str) -> None:
    if engine == "mlx":
        pytest.importorskip("mlx")
    use(engine)
    settings = config(method, *KL[1])
    (value, grad), (wanted, slopes) = (
        loss_and_slope(method, settings, np.float32),
        theirs(method, settings),
    )
    close("loss", value, wanted, **F32)
    close("slope", grad, slopes, **F32)
    assert grad.dtype == np.float32


def test_the_batch_reaches_both_sides_of_every_clip() -> None:
    """Else the tests above would not see a wrong one: some are stopped, by sign, some not."""
    for method in ("grpo", "gspo"):
        settings = config(method)
        pushes = OBJECTIVES[method].advantages(graded(), settings).reshape(-1)
        stopped = loss_and_slope(method, settings)[1] == 0
        rows = np.flatnonzero(batch()["mask"]) // T
        for sign in (-1, 1):
            of_sign = np.sign(pushes[rows]) == sign
            assert stopped[of_sign].any() and not stopped[of_sign].all(), (method, sign)


def test_no_two_methods_are_the_same() -> None:
    """DAPO is seen by its clip alone: its draws and its charge are not in the loss."""
    slopes = {name: loss_and_slope(name, config(name))[1] for name in BY_COMPLETION}
    for one in slopes:
        for other in slopes:
            if one < other:
                assert np.abs(slopes[one] - slopes[other]).max() > 1e-4, (one, other)


@pytest.mark.parametrize("method", BY_COMPLETION)
def test_on_the_sampler_every_method_is_reinforce(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    b, settings = batch(), config(method)
    monkeypatch.setattr(f"{__name__}.batch", lambda: {**b, "new": b["old"]})
    objective = OBJECTIVES[method]
    at = np.flatnonzero(b["mask"])
    pushes = objective.advantages(graded(), settings).reshape(-1)[at // T]
    weights = objective.weights(b["mask"], settings).reshape(-1)[at]
    close("slope", loss_and_slope(method, settings)[1], -weights * pushes, **F64)


def test_gspo_has_the_slope_of_its_own_value() -> None:
    """What stands behind the stop-gradient is undone by what stands before it."""
    settings, b = config("gspo"), batch()
    at = np.flatnonzero(b["mask"])
    rows = at // T
    numbers = {"old": b["old"].reshape(-1)[at], **row_ends(rows)}
    numbers["advantages"] = np.repeat(REWARDS.reshape(-1) - 0.4, LENGTHS)
    numbers["weights"] = np.repeat(1 / np.array(LENGTHS), LENGTHS)

    def value(x: np.ndarray) -> float:
        loss = OBJECTIVES["gspo"].loss(ag.array(x), numbers, settings.grpo)
        return float(loss.item())

    x = b["new"].reshape(-1)[at]
    _, grad = ag.value_and_grad(lambda y: OBJECTIVES["gspo"].loss(y, numbers, settings.grpo))(x)
    expected = [slope(value, x, (i,), 1e-4) for i in range(len(x))]
    close("slope", grad, expected, rtol=1e-6, atol=1e-9)
    assert np.abs(grad).max() > 0.1


def test_gspo_pushes_all_tokens_of_a_completion_alike() -> None:
    grad = loss_and_slope("gspo", config("gspo"))[1]
    for row in np.split(grad, np.cumsum(LENGTHS)[:-1]):
        assert np.ptp(row) < 1e-12


def test_cispo_keeps_the_gradient_of_every_token_up_to_its_cap() -> None:
    settings, b = config("cispo"), batch()
    grad = loss_and_slope("cispo", settings)[1]
    at = np.flatnonzero(b["mask"])
    ratio = np.exp(b["new"] - b["old"]).reshape(-1)[at]
    pushes = OBJECTIVES["cispo"].advantages(graded(), settings).reshape(-1)[at // T]
    assert np.all(np.sign(grad) == -np.sign(pushes))
    per_push = grad / -pushes * len(at)
    close("weight", per_push, np.minimum(ratio, 1.3), **F64)
    assert (ratio > 1.3).any()


# the cut into micro-batches


class Table:
    """A policy whose parameters are the log-probabilities themselves, one a token id."""

    def place_logprobs(self, params: Any, tokens: Any, places: Any, temperature: float) -> Any:
        return xp.take(params["logprobs"], xp.array(tokens.reshape(-1)[places + 1]))


def harness(method: str, budget: int) -> tuple[np.ndarray, float]:
    """The gradient of the batch through PolicyLoss, in micro-batches of a budget."""
    b, settings, objective = batch(), config(method, *KL[1]), OBJECTIVES[method]
    pushes = objective.advantages(graded(), settings).reshape(-1)
    weights = objective.weights(b["mask"], settings).reshape(-1)
    flat = b["old"].reshape(-1), weights, b["ref"].reshape(-1)
    policy: Any = Table()
    loss = PolicyLoss(policy, objective, settings.grpo, 1.0, pushes, *flat, T)
    table = np.zeros((len(LENGTHS), T + 1), np.float32)
    table[:, 1:] = b["new"]
    batches = microbatch.split(b["mask"], graded().rollout.tokens, budget)
    results, grads = microbatch.gradients(
        loss, {"logprobs": xp.array(table.reshape(-1))}, batches, 1
    )
    of_token = to_numpy(grads["logprobs"]).reshape(table.shape)[:, 1:][b["mask"] > 0]
    return of_token, float(sum(out[0].item() for out in results))


@pytest.mark.parametrize("method", BY_COMPLETION)
@pytest.mark.parametrize("engine", ENGINES)
def test_the_cut_into_micro_batches_changes_rounding_only(method: str, engine: str) -> None:
    if engine == "mlx":
        pytest.importorskip("mlx")
    use(engine)
    wanted, slopes = theirs(method, config(method, *KL[1]))
    for budget in (1, 25, 10_000):
        grad, loss = harness(method, budget)
        close(f"loss, {budget}", loss, wanted, **F32)
        close(f"slope, {budget}", grad, slopes, **F32)


def test_where_rows_begin_and_end_in_a_micro_batch() -> None:
    ends = row_ends(np.array([4, 4, 4, 0, 7, 7]))
    assert ends["first"].tolist() == [0, 0, 0, 3, 4, 4]
    assert ends["last"].tolist() == [2, 2, 2, 3, 5, 5]
    first = row_ends(np.array([0, 0, 1]))
    assert first["first"].tolist() == [0, 0, 2] and first["last"].tolist() == [1, 1, 2]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_row_mean_is_that_of_its_row_and_padding_counts_for_nothing(engine: str) -> None:
    if engine == "mlx":
        pytest.importorskip("mlx")
    use(engine)
    rows = np.array([4, 4, 4, 0, 7, 7])
    ends = {
        name: xp.array(np.pad(x, (0, 3), mode="edge").astype(np.float32))
        for name, x in row_ends(rows).items()
    }
    values = np.array([1.0, 2, 6, -5, 3, 4, 99, 99, 99], np.float32)
    means = to_numpy(losses.row_means(xp.array(values), ends))
    close("means", means[:6], [3, 3, 3, -5, 3.5, 3.5], **F32)


# how often a clip stops


def test_clip_fractions() -> None:
    ratio = np.array([2.0, 0.5, 2.0, 2.0, 0.9, 0.9])
    advantages = np.array([1.0, 1.0, 1.0, 1.0, -1.0, -1.0])
    rows = np.array([3, 3, 0, 0, 5, 5])
    s = config("gspo").grpo  # 0.9 to 1.05; row 3 has a mean ratio of 1, row 0 of 2, row 5 of .9

    def fraction(name: str) -> float:
        return OBJECTIVES[name].clip_fraction(ratio, advantages, rows, s)

    assert fraction("grpo") == 3 / 6
    assert fraction("gspo") == 2 / 6
    assert fraction("cispo") == fraction("rloo") == fraction("reinforce") == 0


# advantages


def test_advantages_are_those_of_the_loops() -> None:
    for method in BY_COMPLETION:
        ours = OBJECTIVES[method].advantages(graded(), config(method))
        close(method, ours, reference.ADVANTAGES[method](REWARDS.tolist()), **F64)


def test_a_baseline_of_the_batch_pushes_where_a_group_is_flat() -> None:
    rewards = np.array([[1.0] * 4, [0.0, 0.0, 1.0, 0.0]])
    assert not baselines.leave_one_out(rewards, "none")[0].any()
    assert (baselines.above_the_batch(rewards, "none")[0] == 0.375).all()


@pytest.mark.parametrize("method", ["rloo", "reinforce", "reinforce++"])
def test_kinds_of_reward_can_be_compared_apart(method: str) -> None:
    settings = config(method, "grpo.combine=normalise", "reward.format=0.5")
    ours = OBJECTIVES[method].advantages(graded(), settings)
    of = reference.ADVANTAGES[method]
    wanted = np.array(of(REWARDS.tolist())) + 0.5 * np.array(of((REWARDS**2).tolist()))
    close("summed", ours, wanted, **F64)


def test_batch_scale_is_the_same_for_all_groups() -> None:
    wanted = (REWARDS - REWARDS.mean(axis=1, keepdims=True)) / (REWARDS.std() + grpo.EPS)
    close("batch", grpo.group_advantages(REWARDS, "batch"), wanted, **F64)


# answers that are too long


def test_the_charge_rises_over_the_last_part_of_the_cap() -> None:
    """DAPO's figures: 16,384 tokens are free, 20,480 cost all."""
    lengths = np.array([0, 16_384, 18_432, 20_480, 30_000])
    cost = overlong.overlong_charge(lengths, 20_480, 0.2)
    close("cost", cost, [0, 0, 0.25, 0.5, 0.5], **F64)


@pytest.mark.parametrize("combine", ["sum", "normalise"])
def test_a_charge_makes_long_answers_worse(combine: str) -> None:
    """Length 7 is the cap: all of the charge; 5 is in the last half: three sevenths of it."""
    settings = config("grpo", "grpo.overlong=0.5", f"grpo.combine={combine}")
    plain, charged = (
        objective.advantages(graded(), settings)
        for objective in (OBJECTIVES["grpo"], chosen(settings.grpo))
    )
    cost = np.array([[0, 0, 0.5 / 7, 0], [0.5 / 7, 0.5, 1.5 / 7, 0]])
    if combine == "sum":
        close("charged", charged, grpo.group_advantages(REWARDS - cost), **F64)
    else:
        close("charged", charged, plain + grpo.group_advantages(-cost), **F64)


def test_truncated_answers_can_be_left_out_but_count_in_the_mean() -> None:
    finished = np.array([True] * 5 + [False] * 2 + [True])
    settings = config("grpo", "grpo.truncated=left-out")
    ours = chosen(settings.grpo).advantages(graded(finished=finished), settings).reshape(-1)
    usual = grpo.group_advantages(REWARDS).reshape(-1)
    assert not ours[5:7].any() and usual[5:7].all()
    assert np.array_equal(ours[finished], usual[finished])


# the list of methods


def test_every_method_has_functions_settings_and_a_name() -> None:
    assert set(OBJECTIVES) == set(METHODS) == set(get_args(methods.Name))
    assert all(objective.name == name for name, objective in OBJECTIVES.items())


def test_compiled_losses_are_told_apart() -> None:
    """MLX keeps a compiled loss by its key: equal settings, another method, another key."""
    policy: Any = Table()
    nothing = [np.zeros(1)] * 4
    keys: dict[Any, Objective] = {}
    for objective in OBJECTIVES.values():
        loss = PolicyLoss(policy, objective, tiny().grpo, 1.0, *nothing, 1)
        same = keys.setdefault(loss.key, objective)
        assert same.loss is objective.loss
    assert len(keys) == len({objective.loss for objective in OBJECTIVES.values()}) == 5
