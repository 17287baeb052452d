"""What happens to a real model in a run? It is measured, trained on a task, measured again.

    base ── RL ─▶ r1-zero
    base ── SFT on r1-zero's right answers ─▶ dev1 ── RL ─▶ dev2
    base ── SFT on dev2's right answers ─▶ dev3 ── RL ─▶ r1

The recipe of `pipeline.py` on somebody else's base: the same `rl.py`, `finetune.py` and run
folder as in the tiny world. What is asked comes from a task (`docs/tasks.md`); how, from
`prompting.py`; how a stage is carried through, from `real_stages.py`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from minir1 import rl
from minir1.backend import xp
from minir1.exercises import Attempt, behaviour
from minir1.finetune import Text
from minir1.real_data import all_different, as_texts, one_each, read_own, teach
from minir1.real_stage_config import RealColdStartConfig, RealRejectionConfig
from minir1.real_stages import RealStage, fine_tune, keep, reinforce
from minir1.statistics import interval, maj_at_k, pass_at_k

RECIPES = {"r1-zero": ("r1-zero",), "r1": ("r1-zero", "dev1", "dev2", "dev3", "r1")}


@dataclass
class RealRun:
    """A run in progress: what it is made of, what was made, and what was measured."""

    parts: RealStage
    results: dict[str, Any]
    made: dict[str, dict[str, Any]] = field(default_factory=dict)  # checkpoint -> params
    clock: float = field(default_factory=time.perf_counter)

    def write_results(self) -> None:
        """Write what is known so far; seconds.total is all the time that this run took."""
        seconds, now = self.results["seconds"], time.perf_counter()
        seconds["total"] = seconds.get("total", 0.0) + now - self.clock
        self.clock = now
        self.parts.run.write("results.json", self.results)


def run_real(parts: RealStage) -> dict[str, Any]:
    """Make and measure every checkpoint of the run's recipe; return results.json.

    What an earlier call has finished is read, not made again.
    """
    run, names = parts.run, RECIPES[parts.config.recipe]
    results: dict[str, Any] = {
        "schema": 1,
        "seed": parts.config.seed,
        "engine": xp.name,
        "model": parts.config.model,
        "task": {"name": parts.task.name, "dropped": parts.task.dropped},
        "seconds": {"evaluation": 0.0},
        "checkpoints": {},
    } | run.read("results.json")
    story = RealRun(parts, results, {"base": parts.model.params})
    measure(story, "base")
    for name in names:
        folder = run.checkpoint_path(name)
        done = tuple(n for n in names if n != name and run.checkpoint_path(n).exists())
        stage = replace(parts, name=name, done=done)
        if folder.exists():
            story.made[name] = parts.model.load(folder)
        else:
            learner = MAKERS[name](story, stage)
            keep(stage, name, learner)
            story.made[name] = learner.params
            results["seconds"][name] = learner.seconds
        measure(story, name)
    story.write_results()
    return results


# the stages


def make_r1_zero(story: RealRun, stage: RealStage) -> rl.Learner:
    """Pure reinforcement learning from the base."""
    return reinforce(stage, story.made["base"])


def make_dev1(story: RealRun, stage: RealStage) -> rl.Learner:
    """Cold start: the base learns from R1-Zero's right and readable answers.

    # R1 differs: people rewrote the answers; here they are chosen, the shortest of each.
    """
    settings = stage.config.dev1
    world = stage.world(untempered=True)
    rollout, attempts = teach(
        world, story.made["r1-zero"], settings.exercises, settings.samples
    )
    texts = as_texts(rollout, one_each(attempts, settings.texts))
    return _learn(story, stage, settings, texts + read_own(settings.file, world), len(attempts))


def make_dev2(story: RealRun, stage: RealStage) -> rl.Learner:
    """Reasoning RL: also paid for staying in the script of the question."""
    settings = stage.config.dev2
    return reinforce(
        stage.paying(settings.steps, settings.learning_rate, settings.language),
        story.made["dev1"],
    )


def make_dev3(story: RealRun, stage: RealStage) -> rl.Learner:
    """Rejection sampling: the base again, with dev2's right answers."""
    settings = stage.config.dev3
    world = stage.world(untempered=True)
    rollout, attempts = teach(world, story.made["dev2"], settings.exercises, settings.samples)
    texts = as_texts(rollout, all_different(attempts, settings.texts))
    return _learn(story, stage, settings, texts + read_own(settings.file, world), len(attempts))


def make_r1(story: RealRun, stage: RealStage) -> rl.Learner:
    """Reinforcement learning once more, from dev3."""
    settings = stage.config.r1
    return reinforce(
        stage.paying(settings.steps, settings.learning_rate, settings.language),
        story.made["dev3"],
    )


MAKERS = {
    "r1-zero": make_r1_zero,
    "dev1": make_dev1,
    "dev2": make_dev2,
    "dev3": make_dev3,
    "r1": make_r1,
}


def _learn(
    story: RealRun,
    stage: RealStage,
    settings: RealColdStartConfig | RealRejectionConfig,
    texts: list[Text],
    asked: int,
) -> rl.Learner:
    """Fine-tune the base on texts; they are written to the run folder, for anyone to read."""
    decode = stage.model.tokenizer.decode
    read = [
        {"prompt": decode(t.tokens[: t.given]), "completion": decode(t.tokens[t.given :])}
        for t in texts
    ]
    stage.run.write(f"data/{stage.name}.json", {"asked": asked, "texts": read})
    stage.ui.note(f"{stage.name}: {len(texts)} texts to learn from; {asked} answers were asked")
    return fine_tune(stage, story.made["base"], settings, texts)


# how good is it


def measure(story: RealRun, name: str) -> None:
    """Put the test exercises to a checkpoint, once, and write down how it did."""
    parts, settings = story.parts, story.parts.config.evaluation
    if name not in story.results["checkpoints"]:
        asked = parts.task.held_out("test", settings.problems)
        parts.ui.note(
            f"{name}: answering {len(asked)} test exercises, {settings.samples} times each"
        )
        started, address = time.perf_counter(), (parts.config.seed, "evaluate/test", 0)
        world = parts.world(untempered=True)
        _, attempts = world.ask(story.made[name], asked, settings.samples, address)
        told = figures(attempts, settings.samples, parts.config.seed)
        story.results["checkpoints"][name] = told
        story.results["seconds"]["evaluation"] += time.perf_counter() - started
        story.write_results()
    parts.ui.measured(name, story.results["checkpoints"][name])


def figures(attempts: Sequence[Attempt], group: int, seed: int) -> dict[str, Any]:
    """Sum up answers to held-out exercises, an exercise's side by side."""
    right = np.array([a.right for a in attempts]).reshape(-1, group)  # (P, n)
    ballots = [_ballots(attempts[i : i + group]) for i in range(0, len(attempts), group)]
    ks = [k for k in (1, 2, 4, 8, 16, 32, 64, 128, 256) if k <= group]
    seen = behaviour(attempts)
    size = {"problems": len(right), "samples": group}
    return {
        "pass_at_1": {**interval(right.mean(axis=1), seed), **size},
        f"maj_at_{group}": interval(maj_at_k(ballots, right, group), seed),
        "pass_at_k": {str(k): float(pass_at_k(group, right.sum(1), k).mean()) for k in ks},
        "reflections_per_answer": seen.pop("reflections"),
        **{name: value for name, value in seen.items() if name != "accuracy"},
    }


def _ballots(attempts: Sequence[Attempt]) -> list[str | None]:
    return [a.answer if a.finished else None for a in attempts]
