"""Are groups without spread replaced, a bounded number of times, and is it all counted?"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from minir1 import resampling, rl
from minir1.answers import Graded
from minir1.config import GRPOConfig, RunConfig
from minir1.resampling import Resampling, resampled
from minir1.rollout import Rollout

FLAT, MIXED = [0.0, 0.0], [1.0, 0.0]


@dataclass(frozen=True)
class Scripted:
    """A world whose groups are flat or not as written, draw by draw."""

    script: dict[str, list[list[float]]]
    stage: str = "s"
    asked: list[tuple[str, int]] = field(default_factory=list)
    policy: Any = None

    def rollout(self, params: dict[str, Any], step: int) -> Graded:
        self.asked.append((self.stage, step))
        rewards = np.array(self.script[self.stage])
        width = 3 + len(self.asked)  # each draw as wide as no other
        B = rewards.size
        mark = 100 * len(self.asked) + np.arange(B)
        wide = np.repeat(mark[:, None], width, axis=1)
        rollout = Rollout(
            wide.astype(np.int32), *(wide[:, 1:] * x for x in (1.0, -0.1, 0.01)),
            np.ones(B, int), np.full(B, width - 1), mark % 2 == 0,
        )  # fmt: skip
        named = [f"{self.stage}:{i}" for i in range(len(rewards))]
        parts = {"accuracy": rewards} | ({"extra": rewards + 5} if len(self.asked) > 1 else {})
        return Graded(named, rollout, mark.tolist(), rewards, parts)

    def describe(self, graded: Graded) -> dict[str, float]:
        return {"asked": float(len(graded.questions))}


def drawn(draws: int, *script: list[list[float]]) -> tuple[Scripted, Graded]:
    stages = ["s", *(f"s/draw {i}" for i in range(1, 9))]
    world = Scripted(dict(zip(stages, script, strict=False)))
    return world, resampled(world, draws).rollout({}, 7)


def test_without_further_draws_the_world_is_itself() -> None:
    world = Scripted({})
    assert resampled(world, 0) is world


def test_a_batch_that_teaches_is_left_alone() -> None:
    world, graded = drawn(3, [MIXED, MIXED])
    assert world.asked == [("s", 7)] and graded.discarded is None
    assert graded.questions == ["s:0", "s:1"]


def test_flat_groups_are_replaced_in_the_order_of_the_draws() -> None:
    world, graded = drawn(3, [FLAT, MIXED, FLAT], [FLAT, MIXED, FLAT], [MIXED, MIXED, FLAT])
    assert world.asked == [("s", 7), ("s/draw 1", 7), ("s/draw 2", 7)]
    assert graded.questions == ["s:1", "s/draw 1:1", "s/draw 2:0"]
    assert graded.rewards.tolist() == [MIXED] * 3
    assert graded.samples == [102, 103, 202, 203, 300, 301]
    assert graded.parts["extra"].tolist() == [[0, 0], [6, 5], [6, 5]]


def test_rows_stay_with_their_questions_and_shorter_ones_are_padded() -> None:
    _, graded = drawn(3, [FLAT, MIXED], [FLAT, MIXED])
    rollout = graded.rollout
    assert rollout.tokens[:, 0].tolist() == [102, 103, 202, 203]
    assert rollout.tokens.shape == (4, 5) and rollout.completion_mask.shape == (4, 4)
    assert rollout.tokens[0].tolist() == [102] * 4 + [0]
    for name, scale in (("completion_mask", 1), ("old_logprobs", -0.1), ("entropy", 0.01)):
        rows = getattr(rollout, name)
        assert np.allclose(rows[0], [102 * scale] * 3 + [0]), name
        assert np.allclose(rows[3], [203 * scale] * 4), name
    assert rollout.completion_lengths.tolist() == [3, 3, 4, 4]
    assert rollout.finished.tolist() == [True, False, True, False]


def test_draws_are_bounded_and_the_first_flat_groups_fill_up() -> None:
    world, graded = drawn(2, [FLAT, MIXED, FLAT], *[[FLAT] * 3] * 5)
    assert len(world.asked) == 3
    assert graded.questions == ["s:1", "s:0", "s:2"]


def test_what_was_drawn_and_not_used_is_kept_for_the_bill() -> None:
    _, graded = drawn(3, [FLAT, MIXED], [FLAT, MIXED])
    assert graded.discarded is not None
    assert graded.discarded.tokens[:, 0].tolist() == [100, 101, 200, 201]


class Costing:
    """A policy whose every completion token costs one."""

    def rollout_flops(self, prompts: Any, completions: Any, group: int) -> float:
        assert len(prompts) == len(completions) and group == 2
        return float(completions.sum())


def test_discarded_rollouts_count_as_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"trained_tokens": 1.0}
    monkeypatch.setattr(rl, "improve", lambda *_: told)
    monkeypatch.setattr(rl.diagnostics, "answers", lambda _: {})
    config = RunConfig(grpo=GRPOConfig(steps=1, group=2, prompts=2))
    for draws, cost in ((0, 4 * 3), (1, 4 * 3 + 4 * 4)):
        world = replace(Scripted({}), policy=Costing())
        world = replace(world, script={"s": [FLAT, MIXED], "s/draw 1": [FLAT, MIXED]})
        learner = rl.Learner({}, {}, {})
        steps: Iterator[rl.Step] = rl.train(learner, config, resampled(world, draws))
        (step,) = steps
        assert learner.flops == step.metrics["flops"] == cost


def test_the_wrapper_speaks_for_its_world() -> None:
    world = Resampling(Scripted({}, policy="p"), 1)
    assert (world.policy, world.stage) == ("p", "s")
    nothing = Graded([1, 2], None, [], np.zeros(1))
    assert world.describe(nothing) == {"asked": 2}
    assert resampling.Resampling is Resampling
