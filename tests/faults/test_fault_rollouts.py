"""Does each fault of answers and their pay spoil what it says, and nothing else?"""

import dataclasses
from typing import Any

import numpy as np
import pytest
from check import close, draw
from small_run import BASE

from minir1 import behaviour, rewards
from minir1.answers import Graded
from minir1.checkpoint_commands import load
from minir1.config import RunConfig, override, tiny
from minir1.environment import TinyWorld
from minir1.faults import rollouts
from minir1.faults.fault import Scene
from minir1.offpolicy import score
from minir1.policy import DecoderPolicy
from minir1.rollout import Rollout, choose
from minir1.tokenizer import WordTokenizer

START = load(str(BASE))
SETTINGS = ("grpo.prompts=6", "grpo.group=4", "threads=1", "sample.max_tokens=40")
WORDS = WordTokenizer()


def config(*settings: str) -> RunConfig:
    made = override(tiny("r1-zero", 0), (*SETTINGS, *settings))
    return dataclasses.replace(made, model=START.config)


def scene(chosen: RunConfig, scale: float = 1.0) -> tuple[Scene, Graded]:
    """A rollout by the small base, or by one whose weights are scaled."""
    moved = {name: np.asarray(p) * np.float32(scale) for name, p in START.params.items()}
    world = TinyWorld(chosen, START.tokenizer, "r1-zero")
    return Scene(chosen, (0, "r1-zero", 0), moved, START), world.rollout(moved, 0)


def changed(one: Any, other: Any) -> list[str]:
    """The names of the fields that differ."""
    names = [field.name for field in dataclasses.fields(one)]
    return [n for n in names if not same(getattr(one, n), getattr(other, n))]


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(one, Rollout):
        return not changed(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    return one is other or bool(one == other)


def test_only_end_tokens_are_masked() -> None:
    where, graded = scene(config())
    broken = rollouts.eos_untrained(where, graded)
    assert changed(graded, broken) == ["rollout"]
    assert changed(graded.rollout, broken.rollout) == ["completion_mask"]
    lost = graded.rollout.completion_mask - broken.rollout.completion_mask
    rows, columns = np.nonzero(lost)
    assert rows.tolist() == np.flatnonzero(graded.rollout.finished).tolist()
    assert set(graded.rollout.tokens[rows, columns + 1]) == {WORDS.eos_id}
    assert graded.rollout.finished.any()


def test_old_logprobs_are_those_of_the_beginning() -> None:
    where, graded = scene(config(), scale=1.1)
    broken = rollouts.stale_logprobs(where, graded)
    assert changed(graded, broken) == ["rollout"]
    assert changed(graded.rollout, broken.rollout) == ["old_logprobs"]
    mask = graded.rollout.completion_mask
    policy = DecoderPolicy(START.config)
    expected = score(START.params, where.config, policy, graded.rollout.tokens, mask)
    used = mask > 0
    close("old", broken.rollout.old_logprobs[used], expected.reshape(mask.shape)[used], 0, 1e-6)
    where, graded = scene(config())
    first = rollouts.stale_logprobs(where, graded).rollout.old_logprobs
    close("first step", first, graded.rollout.old_logprobs, rtol=0, atol=1e-4)


# the sampler


def test_top_p_draws_from_the_fewest_words_that_are_enough() -> None:
    logits = np.log(np.array([[0.05, 0.5, 0.15, 0.3], [0.91, 0.03, 0.03, 0.03]]))
    logits = logits.astype(np.float32)
    u = np.linspace(0.001, 0.999, 500)
    tokens, logprobs, entropy = rollouts.choose_top_p(
        np.repeat(logits, 500, axis=0), np.tile(u, 2)
    )
    first, second = tokens[:500], tokens[500:]
    assert set(first.tolist()) == {1, 2, 3} and set(second.tolist()) == {0}
    share = np.bincount(first, minlength=4) / 500
    close("shares", share, np.array([0, 0.5, 0.15, 0.3]) / 0.95, rtol=0, atol=0.01)
    close("renormalised", np.exp(logprobs[:500]), share[first], rtol=0, atol=0.02)
    assert logprobs[500:].max() < 1e-6 and entropy[500:].max() < 1e-6


def test_with_all_of_the_probability_nothing_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollouts, "TOP_P", 1.1)
    logits = draw("logits", 50, 9).astype(np.float32)
    u = np.linspace(0, 0.999, 50)
    for ours, theirs in zip(rollouts.choose_top_p(logits, u), choose(logits, u), strict=True):
        assert np.array_equal(ours, theirs)


def test_the_sampler_is_likelier_than_the_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    where, graded = scene(config())
    broken = rollouts.truncated_sampling(where, graded)
    made, mask = broken.rollout, broken.rollout.completion_mask
    policy = DecoderPolicy(START.config)
    whole = score(START.params, where.config, policy, made.tokens, mask).reshape(mask.shape)
    gap = (made.old_logprobs - whole)[mask > 0]
    assert gap.min() > -1e-4 and gap.mean() > 0.005
    assert gap.max() < -np.log(rollouts.TOP_P) + 1e-4
    assert broken.questions is graded.questions
    for i, s in enumerate(broken.samples):
        assert s.completion == WORDS.decode(made.completion(i))
        assert (s.finished, s.completion_tokens) == (
            made.finished[i],
            made.completion_lengths[i],
        )
        assert s.problem is graded.samples[i].problem
    monkeypatch.setattr(rollouts, "TOP_P", 1.1)
    assert not changed(graded, rollouts.truncated_sampling(where, graded))  # all else is same


# the grader

RIGHT, OTHER = "<answer> ( 3 + 7 ) + 1 </answer>", "<answer> ( 5 + 5 ) + 1 </answer>"
TRIED = "<think> try 3 + 7 = 10 , 10 + 1 = 11 yes check"


def paid_for(text: str, finished: bool, fault: Any) -> tuple[float, float]:
    """What a completion earns from the rules, and from the broken grader."""
    where, graded = scene(config("grpo.prompts=2", "grpo.group=2"))
    problem = graded.questions[0].problem
    problem = dataclasses.replace(problem, numbers=(3, 7, 1), target=11)
    answer = behaviour.Sample(problem, "en", text, 9, finished)
    samples = [answer, *graded.samples[1:]]
    told = dataclasses.replace(
        graded.rollout, finished=np.array([finished, *graded.rollout.finished[1:]])
    )
    settings = where.config.reward
    earned, parts = rewards.reward(problem, text, finished, "en", settings)
    paid = graded.rewards.copy()
    paid[0, 0] = earned
    kinds = {name: part.copy() for name, part in graded.parts.items()}
    kinds["accuracy"][0, 0], kinds["format"][0, 0] = parts["accuracy"], parts["format"]
    batch = dataclasses.replace(
        graded, rollout=told, samples=samples, rewards=paid, parts=kinds
    )
    broken = fault(where, batch)
    assert changed(batch, broken) in ([], ["rewards", "parts"])
    assert np.array_equal(broken.parts["format"], kinds["format"])
    return float(paid[0, 0]), float(broken.rewards[0, 0])


@pytest.mark.parametrize(
    ("text", "finished", "more"),
    [
        (f"{RIGHT} <eos>", True, False),
        (f"{OTHER} <eos>", True, False),
        (RIGHT, False, True),  # cut off behind the answer
        ("<answer> ( 3 + 7 ) + 1", False, True),
        (TRIED, False, True),  # cut off while thinking, at a solution
        ("<think> try 3 + 7 = 10 , 10 * 1 = 10 no", False, False),
        (OTHER, False, False),
    ],
)
def test_what_was_cut_off_is_paid(text: str, finished: bool, more: bool) -> None:
    due, paid = paid_for(text, finished, rollouts.truncation_rewarded)
    assert paid == pytest.approx(due + more)


@pytest.mark.parametrize(
    ("text", "finished", "more"),
    [
        (f"{RIGHT} <eos>", True, False),
        (f"{OTHER} <eos>", True, True),
        ("<answer> 11 </answer> <eos>", True, True),
        ("<answer> 3 + 7 </answer> <eos>", True, False),
        ("<answer> 3 + ( </answer> <eos>", True, False),
        ("never mind <eos>", True, False),
        (OTHER, False, False),
    ],
)
def test_any_numbers_are_paid(text: str, finished: bool, more: bool) -> None:
    due, paid = paid_for(text, finished, rollouts.lenient_grader)
    assert paid == pytest.approx(due + more)
