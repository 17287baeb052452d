"""Is a look at the questions what GRPO would make of them, and does it change nothing?"""

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from small_run import BASE

from minir1 import backend, grpo, rewards, timemachine
from minir1.answers import ask
from minir1.behaviour import Sample
from minir1.checkpoint import load_checkpoint
from minir1.config import RunConfig, override, tiny
from minir1.evaluate import is_right
from minir1.tokenizer import WordTokenizer
from minir1.world.problems import split
from minir1.world.questions import held_out_questions

Loaded = tuple[dict[str, Any], RunConfig, WordTokenizer]
SETTINGS = ("sample.max_tokens=40", "reward.language=0.3", "reward.format=0.5", "threads=1")


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    backend.use("numpy")
    params, model, tokenizer = load_checkpoint(BASE)
    config = override(dataclasses.replace(tiny("all"), model=model), SETTINGS)
    return backend.from_numpy(params), config, tokenizer


@pytest.fixture(scope="module")
def rows(loaded: Loaded) -> list[dict[str, Any]]:
    backend.use("numpy")
    return timemachine.look(*loaded, "dev2", 5)


def test_six_validation_problems_get_eight_answers_each(rows: list[dict[str, Any]]) -> None:
    questions = held_out_questions("validation", 6)
    assert [row["prompt"] for row in rows] == [q.prompt for q in questions for _ in range(8)]
    assert {q.problem for q in questions} <= set(split()["validation"])
    assert {(row["stage"], row["step"]) for row in rows} == {("dev2", 5)}
    keys = {"stage", "step", "prompt", "completion", "tokens", "right", "reward", "advantage",
            "logprobs"}  # fmt: skip
    assert all(row.keys() == keys for row in rows)
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows


def test_every_token_has_the_logarithm_of_its_probability(
    loaded: Loaded, rows: list[dict[str, Any]]
) -> None:
    questions = held_out_questions("validation", 6)
    params, config, tokenizer = loaded
    rollout, _ = ask(params, config, tokenizer, questions, 8, (0, "dev2/time machine", 5))
    for i, row in enumerate(rows):
        assert len(row["logprobs"]) == row["tokens"] == len(row["completion"].split())
        assert tokenizer.encode(row["completion"]) == rollout.completion(i).tolist()
        start = int(rollout.prompt_lengths[i]) - 1
        told = rollout.old_logprobs[i, start : start + row["tokens"]]
        assert np.abs(np.array(row["logprobs"]) - told).max() < 6e-4
        assert max(row["logprobs"]) <= 0


def test_advantages_are_those_of_the_group_and_sum_to_zero(
    loaded: Loaded, rows: list[dict[str, Any]]
) -> None:
    paid = np.array([row["reward"] for row in rows]).reshape(6, 8)
    told = np.array([row["advantage"] for row in rows]).reshape(6, 8)
    assert np.array_equal(told, grpo.group_advantages(paid)) and told.any()
    assert np.abs(told.sum(axis=1)).max() < 1e-9
    params, config, tokenizer = loaded
    plain = override(config, ["grpo.scale=none"])
    unscaled = [r["advantage"] for r in timemachine.look(params, plain, tokenizer, "dev2", 5)]
    assert np.allclose(np.reshape(unscaled, (6, 8)), grpo.group_advantages(paid, "none"))


def test_advantages_are_those_of_the_chosen_method(
    loaded: Loaded, rows: list[dict[str, Any]]
) -> None:
    paid = np.array([row["reward"] for row in rows])
    params, config, tokenizer = loaded
    other = override(config, ["grpo.objective=reinforce"])
    told = [row["advantage"] for row in timemachine.look(params, other, tokenizer, "dev2", 5)]
    assert np.allclose(told, paid - paid.mean()) and np.ptp(told) > 0


def test_rewards_and_verdicts_are_those_of_training(
    loaded: Loaded, rows: list[dict[str, Any]]
) -> None:
    _, config, _ = loaded
    questions = held_out_questions("validation", 6)
    for i, row in enumerate(rows):
        question, text = questions[i // 8], row["completion"]
        asked = (question.problem, text, text.endswith("<eos>"))
        earned, _ = rewards.reward(*asked, question.language, config.reward)
        assert row["reward"] == pytest.approx(earned)
        sample = Sample(question.problem, question.language, text, row["tokens"], asked[2])
        assert row["right"] == is_right(sample)
    assert len({row["reward"] for row in rows}) > 2


def test_a_look_is_the_same_twice_and_another_at_another_step(
    loaded: Loaded, rows: list[dict[str, Any]]
) -> None:
    params, config, tokenizer = loaded
    before = {name: backend.to_numpy(p).copy() for name, p in params.items()}
    assert timemachine.look(params, config, tokenizer, "dev2", 5) == rows
    for stage, step in (("dev2", 6), ("r1", 5)):
        other = timemachine.look(params, config, tokenizer, stage, step)
        assert [r["completion"] for r in other] != [r["completion"] for r in rows]
        assert [r["prompt"] for r in other] == [r["prompt"] for r in rows]
    for name, p in params.items():
        assert np.array_equal(backend.to_numpy(p), before[name])


def test_the_random_control_is_shown_its_coins(loaded: Loaded) -> None:
    params, config, tokenizer = loaded
    random = override(config, ["reward.kind=random"])
    rewards_seen = {r["reward"] for r in timemachine.look(params, random, tokenizer, "r1", 0)}
    assert rewards_seen == {0.0, 1.0}
