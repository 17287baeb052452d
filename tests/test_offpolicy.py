"""Is a token trusted as far as the scorer agrees with the sampler, and no further?"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from check import close

from minir1 import answers, microbatch, offpolicy, rl
from minir1.backend import xp
from minir1.config import override
from minir1.errors import UserError
from minir1.real_config import RealConfig, real
from minir1.rollout import Rollout

WORDS = 4
SCORES = np.array([0.3, -0.8, 0.5, 0.1], np.float32)
CHANCE = np.exp(SCORES) / np.exp(SCORES).sum()  # the policy
DRAWN = np.array([0, 1, 1, 2, 2, 2, 3, 3])  # a group in which every word is as often
SAMPLER = np.bincount(DRAWN) / len(DRAWN)  # as the sampler's distribution has it
EARNED = np.array([1.0, 0.0, 0.3, 0.6])


@dataclass(frozen=True)
class Words:
    """A policy of one word, whose sampler is another distribution."""

    importance_cap: float | None = 100.0
    tolerance: float = 10.0

    def place_logprobs(
        self, params: Any, tokens: np.ndarray, places: np.ndarray, temperature: float = 1.0
    ) -> Any:
        rows = xp.reshape(params["z"], (1, WORDS))
        scores = xp.take(rows, np.zeros(len(places), np.int32), axis=0) / temperature
        return xp.token_logprobs(scores, tokens.reshape(-1)[places + 1])

    def gradients(self, loss: Any, params: Any, batches: Any, threads: int = 0) -> Any:
        return microbatch.gradients(loss, params, batches, 1)

    def update_flops(self, prompts: Any, completions: Any) -> float:
        return 0.0


def config(*settings: str) -> RealConfig:
    usual = (
        "grpo.group=8", "grpo.prompts=1", "grpo.scale=none", "threads=1", "grpo.warmup=0",
        "reward.format=0",
    )  # fmt: skip
    return override(real("model", "words"), (*usual, *settings))


def params() -> dict[str, Any]:
    return {"z": xp.array(SCORES)}


def drawn(words: np.ndarray = DRAWN, logprobs: np.ndarray | None = None) -> Rollout:
    """One-word completions of one-word prompts, with the sampler's log-probabilities."""
    size = len(words)
    said = np.log(SAMPLER)[words] if logprobs is None else logprobs
    return Rollout(
        np.stack([np.zeros(size), words], 1).astype(np.int32),
        np.ones((size, 1), np.float32),
        said.reshape(-1, 1).astype(np.float32),
        np.zeros((size, 1), np.float32),
        np.ones(size, int),
        np.ones(size, int),
        np.ones(size, bool),
    )


def correct(rollout: Rollout, policy: Any, prompts: tuple[int, ...] = (0,)) -> Any:
    return offpolicy.correct(params(), config(), policy, rollout, np.array(prompts, int))


def test_an_exact_policys_rollout_comes_back_untouched() -> None:
    sampled = drawn()
    for policy, prompts in ((Words(importance_cap=None), (0,)), (Words(), ())):
        rollout, trust, seen = correct(sampled, policy, prompts)
        assert rollout is sampled and seen == {}
        assert trust.tolist() == [1.0] * 8


@pytest.mark.parametrize("cap", [0.5, 1.0, 1.3, 100.0])
def test_trust_is_the_ratio_up_to_the_cap(cap: float) -> None:
    gap = np.log(CHANCE / SAMPLER)[DRAWN]
    rollout, trust, seen = correct(drawn(), Words(importance_cap=cap))
    close("trust", trust, np.minimum(np.exp(gap), cap), rtol=1e-5, atol=0)
    close("old", rollout.old_logprobs[:, 0], np.log(CHANCE)[DRAWN], rtol=1e-5, atol=0)
    assert seen["sampled_gap"] == pytest.approx(np.abs(gap).max(), rel=1e-4)
    assert seen["sampled_gap_mean"] == pytest.approx(np.abs(gap).mean(), rel=1e-4)
    assert seen["trust"] == pytest.approx(trust.mean(), rel=1e-4)


def test_known_shifts_are_found_to_the_digit() -> None:
    shifts = np.linspace(-0.3, 0.3, 8)
    _, trust, _ = correct(drawn(logprobs=np.log(CHANCE)[DRAWN] - shifts), Words())
    close("trust", trust, np.exp(shifts), rtol=1e-5, atol=0)
    _, ones, seen = correct(drawn(logprobs=np.log(CHANCE)[DRAWN]), Words())
    close("no gap", ones, np.ones(8), rtol=1e-5, atol=0)
    assert seen["sampled_gap"] < 1e-6


def test_a_gap_without_end_is_cut_off_without_a_warning() -> None:
    far = np.full(8, -1000.0)
    _, trust, _ = correct(drawn(logprobs=far), Words(importance_cap=2.0, tolerance=1e4))
    assert trust.tolist() == pytest.approx([2.0] * 8)
    _, trust, _ = correct(drawn(logprobs=-far), Words(importance_cap=2.0, tolerance=1e4))
    assert trust.tolist() == [0.0] * 8


@pytest.mark.parametrize("shift", [0.2, -0.2, np.nan, np.inf])
def test_more_than_rounding_is_refused(shift: float) -> None:
    shifted = drawn(logprobs=np.log(CHANCE)[DRAWN] + shift)
    with pytest.raises(UserError, match=r"log-probabilities differ by .* wanted less than 0.1"):
        correct(shifted, Words(tolerance=0.1))
    few = drawn(logprobs=np.log(CHANCE)[DRAWN] + 0.2 * (np.arange(8) == 0))
    correct(few, Words(tolerance=0.1))  # the mean counts: one token may round far


def test_prompts_that_are_not_trained_are_left_alone() -> None:
    two = drawn(np.concatenate([DRAWN, DRAWN]))
    rollout, trust, _ = correct(two, Words(), (1,))
    assert np.array_equal(rollout.old_logprobs[:8], two.old_logprobs[:8])
    assert trust[:8].tolist() == [1.0] * 8 and not np.allclose(trust[8:], 1)
    close("old", rollout.old_logprobs[8:, 0], np.log(CHANCE)[DRAWN], rtol=1e-5, atol=0)


def test_only_marked_tokens_are_scored() -> None:
    mask = np.array([[1.0], [0.0]] * 4, np.float32)
    for budget in (2, 100):
        chosen = config(f"grpo.tokens_per_microbatch={budget}")
        out = offpolicy.score(params(), chosen, Words(), drawn().tokens, mask)
        assert np.isnan(out).tolist() == [False, True] * 4
        close("scores", out[::2], np.log(CHANCE)[DRAWN[::2]], rtol=1e-5, atol=0)


def test_rows_of_prompts_are_their_groups() -> None:
    assert offpolicy.rows_of(np.array([0, 2]), 3).tolist() == [0, 1, 2, 6, 7, 8]
    assert offpolicy.rows_of(np.array([], int), 3).tolist() == []


# through a whole step


def step_gradient(
    monkeypatch: pytest.MonkeyPatch, policy: Any, *settings: str, rollout: Any = None
) -> tuple[np.ndarray, dict[str, float]]:
    """The gradient that reaches the optimiser in a step, and what the step reports."""
    found: list[Any] = []

    def update(params: Any, grads: Any, optimiser: Any, *rest: Any) -> Any:
        found.append(np.array(grads["z"]))
        return params, optimiser, 0.0

    monkeypatch.setattr(rl.sft, "update", update)
    sampled = rollout or drawn()
    graded = answers.Graded([None], sampled, [], EARNED[sampled.tokens[:, 1]].reshape(1, -1))
    told = rl.improve(rl.Learner.start(params()), config(*settings), policy, graded)
    return found[0], told


def test_the_expected_gradient_is_that_of_the_policy_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The group holds every word as often as the sampler says it: its mean is the expectation.

    d E[r] / d z_v = p_v (r_v - E[r]), whatever the sampler was.
    """
    true = CHANCE * (EARNED - CHANCE @ EARNED)
    gradient, told = step_gradient(monkeypatch, Words())
    close("gradient", -gradient, true, rtol=1e-4, atol=1e-6)
    assert told["logprob_gap"] < 1e-6 and told["clip_fraction"] == 0  # the first ratio is one
    assert {"sampled_gap", "sampled_gap_mean", "trust"} <= told.keys()
    untrusted = replace(drawn(), old_logprobs=np.log(CHANCE)[DRAWN].reshape(-1, 1))
    biased, _ = step_gradient(monkeypatch, Words(importance_cap=None), rollout=untrusted)
    assert np.abs(biased + true).max() > 0.01  # without the weights it is another


@pytest.mark.parametrize("average", ["token", "sequence", "constant"])
def test_the_cap_reaches_the_gradient(monkeypatch: pytest.MonkeyPatch, average: str) -> None:
    """Below every ratio the cap is the weight of every token alike."""
    setting = f"grpo.average={average}"
    whole, _ = step_gradient(monkeypatch, Words(importance_cap=0.3), setting)
    half, _ = step_gradient(monkeypatch, Words(importance_cap=0.15), setting)
    close("gradient", whole, 2 * half, rtol=1e-4, atol=1e-8)
    assert np.abs(whole).max() > 1e-4 or average == "constant"


def test_an_exact_policy_stops_where_sampled_and_scored_differ(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(UserError, match="step 1: sampled and scored log-probabilities differ"):
        step_gradient(monkeypatch, Words(importance_cap=None, tolerance=1e-4))
