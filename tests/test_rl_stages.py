"""Does reinforcement learning pay by its judge, stop at its budget, and count its compute?"""

import dataclasses
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import pytest
from check import F64, as_arrays, close, random_params

from minir1 import answers, conversation, environment, model, rewards, rl
from minir1.config import ModelConfig, RunConfig, override, tiny
from minir1.conversation import GeneralSample
from minir1.environment import TinyWorld
from minir1.rollout import Rollout
from minir1.tokenizer import WordTokenizer
from minir1.world.general import GeneralPrompt, general_prompts
from minir1.world.questions import Question

WORDS = WordTokenizer()
MODEL = ModelConfig(
    vocab_size=len(WORDS),
    hidden_size=16,
    intermediate_size=24,
    num_hidden_layers=2,
    num_attention_heads=2,
    num_key_value_heads=1,
    head_dim=8,
)
P, G, GENERAL = 2, 4, 3
SETTINGS = (
    "grpo.steps=4", f"grpo.prompts={P}", f"grpo.group={G}", "grpo.warmup=0",
    "grpo.inner_steps=2", "grpo.learning_rate=0.01", "sample.max_tokens=9", "threads=1",
    "reward.format=0.3", "reward.language=0.2", "reward.preference=0.7",
    "r1.general_steps=2", f"r1.general_prompts={GENERAL}",
)  # fmt: skip


class Counter:
    """A judge that likes long answers, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[GeneralPrompt], list[str], list[bool]]] = []

    def reward(
        self,
        prompts: Sequence[GeneralPrompt],
        completions: Sequence[str],
        finished: Sequence[bool],
        threads: int = 0,
    ) -> np.ndarray:
        self.asked.append((list(prompts), list(completions), list(finished)))
        return np.array([liking(text) for text in completions])


def liking(completion: str) -> float:
    """What that judge says: the share of different words, so that no group is flat."""
    return len(set(completion.split())) / 3 - 1


def config_of(*settings: str) -> RunConfig:
    return override(dataclasses.replace(tiny("r1"), model=MODEL), (*SETTINGS, *settings))


LONG = config_of("grpo.steps=1000")


def params() -> dict[str, Any]:
    return as_arrays(random_params(MODEL, "policy", np.float32))


def trained(
    config: RunConfig, judge: answers.Judge | None = None, budget: float | None = None
) -> tuple[rl.Learner, list[rl.Step]]:
    learner = rl.Learner.start(params())
    return learner, list(
        rl.train(learner, config, TinyWorld(config, WORDS, "r1", judge), budget)
    )


# a judge


def test_general_prompts_are_asked_in_the_last_steps_and_only_where_a_judge_is() -> None:
    _, steps = trained(config_of(), Counter())
    asked = [[isinstance(q, GeneralPrompt) for q in s.graded.questions] for s in steps]
    assert asked == [[False] * P] * 2 + [[False] * P + [True] * GENERAL] * 2
    _, alone = trained(config_of())
    assert all(isinstance(q, Question) for s in alone for q in s.graded.questions)
    first, second = ([q.prompt for q in steps[i].graded.questions[P:]] for i in (2, 3))
    train = {prompt.prompt for prompt in general_prompts("train")}
    assert {*first, *second} <= train and first != second


@pytest.mark.parametrize("last", [0, 1, 4])
def test_how_many_of_the_last_steps_is_a_setting(last: int) -> None:
    judge = Counter()
    _, steps = trained(config_of(f"r1.general_steps={last}", "r1.general_prompts=1"), judge)
    assert [len(s.graded.questions) - P for s in steps] == [0] * (4 - last) + [1] * last
    assert len(judge.asked) == last


def test_the_judge_reads_general_answers_and_pays_their_rows_alone() -> None:
    judge = Counter()
    _, steps = trained(config_of(), judge)
    for step, asked in zip(steps[2:], judge.asked, strict=True):
        said = [s for s in step.graded.samples if isinstance(s, GeneralSample)]
        assert asked == (
            [s.prompt for s in said],
            [s.completion for s in said],
            [s.finished for s in said],
        )
        paid = step.graded.parts["preference"]
        assert paid.shape == (P + GENERAL, G) and np.all(paid[:P] == 0)
        close("paid", paid[P:].reshape(-1), [liking(s.completion) for s in said], **F64)
        assert np.all(step.graded.parts["accuracy"][P:] == 0)
        mean = step.metrics["preference_reward"]
        close("mean", mean, paid[P:].mean(), **F64)


def test_rewards_are_the_parts_times_their_weights() -> None:
    weights = {"accuracy": 1, "format": 0.3, "language": 0.2, "preference": 0.7}
    _, steps = trained(config_of(), Counter())
    for step in steps:
        graded = step.graded
        assert set(graded.parts) == {*weights} - ({"preference"} if len(graded.rewards) == P
                                                  else set())  # fmt: skip
        by_hand = sum(weights[kind] * paid for kind, paid in graded.parts.items())
        close("rewards", graded.rewards, by_hand, **F64)
        close("mean", step.metrics["reward"], graded.rewards.mean(), **F64)


def test_a_general_answer_earns_its_form_and_its_language_too() -> None:
    prompt = next(p for p in general_prompts("train") if p.kind == "greeting")
    other = "你好" if prompt.language == "en" else "hello"
    own = "hello" if prompt.language == "en" else "你好"
    texts = {f"{own} . <eos>": (1, 1), f"{other} . <eos>": (1, 0), f"{own} {other}": (0, 0),
             f"<think> {own} . <eos>": (0, 0)}  # fmt: skip
    samples = [GeneralSample(prompt, t, len(t.split()), t.endswith("<eos>")) for t in texts]
    parts = answers.grade(samples, config_of(), (0, "r1", 0), Counter())
    assert parts["format"].tolist() == [[form for form, _ in texts.values()]]
    assert parts["language"].tolist() == [[language for _, language in texts.values()]]
    assert "accuracy" not in parts


def test_metrics_of_problems_and_of_general_prompts_are_kept_apart() -> None:
    _, steps = trained(config_of(), Counter())
    samples = steps[-1].graded.samples
    solved = [s.completion_tokens for s in samples[: P * G]]
    said = samples[P * G :]
    metrics = steps[-1].metrics
    close("tokens", metrics["completion_tokens"], np.mean(solved), **F64)
    for name, value in conversation.describe(said).items():
        assert metrics.get(name) == value


def test_what_no_prompt_of_a_step_asked_for_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A step without harmful prompts has no compliance: None would be no number."""
    for kind, there in (("greeting", False), ("harmful", True)):
        alike = [p for p in general_prompts("train") if p.kind == kind]
        monkeypatch.setattr(
            environment, "general_questions", lambda *rest, alike=alike: alike[: rest[-1]]
        )
        metrics = trained(config_of(), Counter())[1][-1].metrics
        assert ("harmful_compliance" in metrics) == there
        assert None not in metrics.values()


@pytest.mark.parametrize("combine", ["sum", "normalise"])
def test_what_the_judge_likes_is_said_more(combine: str) -> None:
    settings = (
        "grpo.steps=12", "r1.general_steps=12", "r1.general_prompts=6", "reward.preference=1",
        "grpo.learning_rate=0.03", "grpo.inner_steps=1", f"grpo.combine={combine}",
    )  # fmt: skip
    _, steps = trained(config_of(*settings), Counter())
    liked = [step.metrics["preference_reward"] for step in steps]
    assert np.mean(liked[-3:]) > np.mean(liked[:3]) + 0.3


def test_combined_by_kind_every_kind_is_graded_for_itself() -> None:
    config = config_of("grpo.combine=normalise")
    _, steps = trained(config, Counter())
    graded = steps[-1].graded
    weights = rewards.part_weights(config.reward)
    by_hand = np.zeros((P + GENERAL, G))
    for kind, paid in graded.parts.items():
        for p, row in enumerate(paid):
            if np.ptp(row) > 0:
                by_hand[p] += weights[kind] * (row - row.mean()) / (row.std() + 1e-4)
    close("advantages", answers.advantages(graded, config), by_hand, **F64)
    summed = answers.advantages(graded, config_of())
    assert np.abs(summed - by_hand).max() > 0.1


# a budget


BUDGET = 3.5e7


def test_a_stage_stops_at_the_first_step_beyond_its_budget() -> None:
    learner, steps = trained(config_of("grpo.steps=1000"), budget=BUDGET)
    assert 3 < len(steps) < 100 and learner.flops >= BUDGET
    before = rl.Learner.start(params())
    run = rl.train(before, LONG, TinyWorld(LONG, WORDS, "r1"), BUDGET)
    for _ in range(len(steps) - 1):
        next(run)
    assert before.flops < BUDGET
    assert rl.progress(before, config_of(), BUDGET) == before.flops / BUDGET < 1


def test_the_learning_rate_falls_to_its_end_with_the_budget() -> None:
    _, steps = trained(config_of("grpo.steps=1000"), budget=BUDGET)
    rates = [step.metrics["learning_rate"] for step in steps]
    assert rates[0] == 0.01 and rates[-1] < 0.25 * rates[0]
    assert rates[-1] > 0.0999 * 0.01 and np.all(np.diff(rates[1:]) < 0.1 * rates[0])


def test_without_anything_to_spend_nothing_is_done() -> None:
    assert trained(config_of(), budget=0.0)[1] == []
    assert trained(config_of("grpo.steps=0", "r1.general_steps=0"))[1] == []


def test_a_budget_goes_on_from_a_saved_learner_as_if_never_stopped() -> None:
    whole, steps = trained(config_of("grpo.steps=1000"), budget=BUDGET)
    part = rl.Learner.start(params())
    for step in rl.train(part, LONG, TinyWorld(LONG, WORDS, "r1"), BUDGET):
        if step.metrics["step"] == 3:
            break
    resumed = dataclasses.replace(part)
    rest = list(rl.train(resumed, LONG, TinyWorld(LONG, WORDS, "r1"), BUDGET))
    assert len(rest) == len(steps) - 3 and resumed.flops == whole.flops
    for name, value in whole.params.items():
        assert np.array_equal(np.asarray(value), np.asarray(resumed.params[name])), name


# compute


def read_tokens(shape: ModelConfig, positions: list[int], scored: int) -> int:
    """Multiplications and additions of reading tokens at these positions, one by one."""
    layers, heads, width = shape.num_hidden_layers, shape.num_attention_heads, shape.head_dim
    hidden, kv = shape.hidden_size, shape.num_key_value_heads
    flops = 0
    for position in positions:
        for _ in range(layers):
            flops += 2 * hidden * heads * width  # queries
            flops += 2 * 2 * hidden * kv * width  # keys and values
            flops += 2 * heads * width * hidden  # output
            flops += 2 * 3 * hidden * shape.intermediate_size  # gate, up, down
            for _ in range(position + 1):  # a product with a key and with its value
                flops += 2 * 2 * heads * width
    return flops + 2 * hidden * shape.vocab_size * scored


def spent(rollout: Rollout, taught: list[int], inner: int) -> int:
    """What one step needs, counted by a plain loop over completions."""
    flops = 0
    for row, (asked, said) in enumerate(
        zip(rollout.prompt_lengths.tolist(), rollout.completion_lengths.tolist(), strict=True)
    ):
        if row % G == 0:  # the prompt is read once for the whole group
            flops += read_tokens(MODEL, list(range(asked)), 1)
        flops += read_tokens(MODEL, list(range(asked, asked + said - 1)), said - 1)
        if row in taught:  # forward, and twice as much backward
            flops += 3 * inner * read_tokens(MODEL, list(range(asked + said - 1)), said)
    return flops


def test_the_compute_of_a_stage_is_that_of_its_samples_and_updates() -> None:
    config = config_of()
    learner, steps = trained(config, Counter())
    by_hand = 0
    for step in steps:
        advantages = answers.advantages(step.graded, config)
        taught = [p * G + g for p in range(len(advantages)) for g in range(G)
                  if np.ptp(advantages[p]) > 1e-4]  # fmt: skip
        by_hand += spent(step.graded.rollout, taught, inner=2)
        assert step.metrics["flat_groups"] == 1 - len(taught) / advantages.size
    close("flops", learner.flops, by_hand, **F64)
    matrices = sum(prod(shape) for name, shape in model.parameter_shapes(MODEL).items()
                   if "proj" in name)  # fmt: skip
    assert read_tokens(MODEL, [0], 0) - 2 * matrices == 4 * 2 * 2 * 8  # one key, two layers
