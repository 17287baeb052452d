"""What happens to a real model in a run? It is measured, trained on a task, measured again.

R1-Zero on somebody else's base: the same `rl.py` and the same run folder as in the tiny
world. What is asked comes from a task (`docs/tasks.md`); how, from `prompting.py`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minir1 import rl
from minir1.answers import Graded, advantages
from minir1.backend import xp
from minir1.exercises import Attempt, TaskWorld, behaviour
from minir1.real_config import RealConfig
from minir1.real_models import RealModel
from minir1.runfolder import RunFolder
from minir1.statistics import interval, maj_at_k, pass_at_k
from minir1.tasks import Task
from minir1.training import Stage, follow
from minir1.ui import Dashboard

STAGE = "r1-zero"
WATCHED, GROUP = 6, 8  # exercises of the time machine, and answers to each


@dataclass(frozen=True)
class RealRun:
    """A run in progress: its folder, its model, its task, and who watches."""

    run: RunFolder
    model: RealModel
    task: Task
    ui: Dashboard

    @property
    def config(self) -> RealConfig:
        """The run's settings."""
        return self.run.config

    def world(self, stage: str = STAGE, untempered: bool = False) -> TaskWorld:
        """The task as the model is asked it; untempered: at temperature 1."""
        config = self.config
        if untempered:
            config = replace(config, sample=replace(config.sample, temperature=1.0))
        return TaskWorld(config, self.model.policy, self.model.tokenizer, self.task, stage)


def run_real(made: RealRun) -> dict[str, Any]:
    """Measure the base, train it, measure what it became; return results.json.

    What an earlier call has finished is read, not made again.
    """
    results: dict[str, Any] = {
        "schema": 1,
        "seed": made.config.seed,
        "engine": xp.name,
        "model": made.config.model,
        "task": {"name": made.task.name, "dropped": made.task.dropped},
        "seconds": {"evaluation": 0.0},
        "checkpoints": {},
    } | made.run.read("results.json")
    measure(made, "base", made.model.params, results)
    started = time.perf_counter()
    learner = _reinforce(made)
    folder = made.run.checkpoint_path(STAGE)
    if not folder.exists():
        _keep(made, STAGE, learner)
    results["seconds"][STAGE] = learner.seconds
    results["seconds"]["total"] = (
        results["seconds"].get("total", 0.0) + time.perf_counter() - started
    )
    measure(made, STAGE, learner.params, results)
    return results


def measure(
    made: RealRun, name: str, params: Mapping[str, Any], results: dict[str, Any]
) -> None:
    """Put the test exercises to a model, once, and write down how it did."""
    settings = made.config.evaluation
    if name not in results["checkpoints"]:
        asked = made.task.held_out("test", settings.problems)
        made.ui.note(
            f"{name}: answering {len(asked)} test exercises, {settings.samples} times each"
        )
        started, address = time.perf_counter(), (made.config.seed, "evaluate/test", 0)
        world = made.world(untempered=True)
        _, attempts = world.ask(dict(params), asked, settings.samples, address)
        results["checkpoints"][name] = figures(attempts, settings.samples, made.config.seed)
        results["seconds"]["evaluation"] += time.perf_counter() - started
        made.run.write("results.json", results)
    made.ui.measured(name, results["checkpoints"][name])


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


def _reinforce(made: RealRun) -> rl.Learner:
    """Run the stage of reinforcement learning, from its last saved step to its end."""
    config, world = made.config, made.world()
    stage = Stage(made.run, STAGE, (), made.ui)

    def record(learner: rl.Learner, step: rl.Step) -> None:
        metrics, every = dict(step.metrics), config.evaluation.every
        if every and (learner.step % every == 0 or learner.step == config.grpo.steps):
            metrics["validation_accuracy"] = _validation(made, learner)
            made.run.append_samples(look(made, learner))
        made.run.append_metrics(metrics)
        made.ui.step(metrics)
        _show(made.ui, step.graded)
        if config.keep_every and learner.step % config.keep_every == 0:
            _keep(made, f"{STAGE}-step{learner.step}", learner)

    def steps(learner: rl.Learner) -> Iterator[rl.Step]:
        if not learner.step:
            made.run.append_samples(look(made, learner))
        yield from rl.train(learner, config, world)

    total = config.grpo.steps
    return follow(stage, made.model.params, steps, record, total, config.save_every)


def _validation(made: RealRun, learner: rl.Learner) -> float:
    settings = made.config.evaluation
    asked = made.task.held_out("validation", settings.validation_problems)
    address = (made.config.seed, f"{STAGE}/validation", learner.step)
    world = made.world(untempered=True)
    _, attempts = world.ask(learner.params, asked, settings.validation_samples, address)
    return float(np.mean([a.right for a in attempts]))


def look(made: RealRun, learner: rl.Learner) -> list[dict[str, Any]]:
    """Ask the same few validation exercises again; return lines of samples.jsonl."""
    address = (made.config.seed, f"{STAGE}/time machine", learner.step)
    asked = made.task.held_out("validation", WATCHED)
    world = made.world(untempered=True)
    rollout, attempts = world.ask(learner.params, asked, GROUP, address)
    graded = world.paid(asked, rollout, attempts, address)
    compared = advantages(graded, made.config).reshape(-1)
    return [
        {
            "stage": STAGE,
            "step": learner.step,
            "prompt": attempt.prompt,
            "completion": attempt.completion,
            "answer": attempt.answer,
            "gold": attempt.exercise.gold,
            "tokens": attempt.completion_tokens,
            "finished": attempt.finished,
            "right": attempt.right,
            "reward": float(graded.rewards.reshape(-1)[i]),
            "advantage": float(compared[i]),
        }
        for i, attempt in enumerate(attempts)
    ]


def _show(ui: Dashboard, graded: Graded) -> None:
    """Show one answer of the step, one that ended if there is any."""
    ended = [i for i, attempt in enumerate(graded.samples) if attempt.finished]
    shown = ended[0] if ended else 0
    attempt = graded.samples[shown]
    reward = float(graded.rewards.reshape(-1)[shown])
    ui.sample(attempt.prompt, attempt.completion, reward, attempt.right)


def _keep(made: RealRun, name: str, learner: rl.Learner) -> None:
    """Save the policy as a checkpoint of the run."""
    described = {
        "stage": STAGE,
        "seed": made.config.seed,
        "step": learner.step,
        "seconds": learner.seconds,
        "flops": learner.flops,
        "model": made.config.model,
        "task": made.task.name,
    }
    made.model.save(made.run.checkpoint_path(name), learner.params, described)
