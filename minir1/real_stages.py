"""How is a stage of a real model carried through? As in the tiny world, on a task.

Stepping, saving and going on are those of `training.py`; what a step asks is a `TaskWorld`.
Which stages there are, and what each starts from, is in `real_run.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minir1 import finetune, rl
from minir1.answers import Graded
from minir1.errors import UserError
from minir1.exercises import TaskWorld
from minir1.finetune import Text
from minir1.objectives import chosen
from minir1.real_config import RealConfig
from minir1.real_models import RealModel
from minir1.resampling import resampled
from minir1.runfolder import RunFolder
from minir1.stage_config import FineTuneConfig
from minir1.tasks import Task
from minir1.training import SAVE_FINE_TUNING, Stage, follow
from minir1.ui import Dashboard

WATCHED, GROUP = 6, 8  # exercises of the time machine, and answers to each


@dataclass(frozen=True)
class RealStage:
    """A stage of a run: its name, what was done before, its model, task and settings."""

    run: RunFolder
    model: RealModel
    task: Task
    ui: Dashboard
    config: RealConfig
    name: str = ""
    done: tuple[str, ...] = ()

    def world(self, untempered: bool = False) -> TaskWorld:
        """The task as the model is asked it; untempered: at temperature 1."""
        config = self.config
        if untempered:
            config = replace(config, sample=replace(config.sample, temperature=1.0))
        return TaskWorld(config, self.model.policy, self.model.tokenizer, self.task, self.name)

    def paying(self, steps: int, learning_rate: float, language: float) -> RealStage:
        """The same stage with the settings of a later reinforcement learning."""
        grpo = replace(self.config.grpo, steps=steps, learning_rate=learning_rate)
        reward = replace(self.config.reward, language=language)
        return replace(self, config=replace(self.config, grpo=grpo, reward=reward))

    @property
    def followed(self) -> Stage:
        """The stage as `training.py` knows it."""
        return Stage(self.run, self.name, self.done, self.ui)


def reinforce(stage: RealStage, params: dict[str, Any]) -> rl.Learner:
    """Run one stage of reinforcement learning, from its last saved step to its end."""
    config = stage.config
    world = resampled(stage.world(), config.grpo.extra_draws)

    def record(learner: rl.Learner, step: rl.Step) -> None:
        metrics, every = dict(step.metrics), config.evaluation.every
        if every and (learner.step % every == 0 or learner.step == config.grpo.steps):
            metrics["validation_accuracy"] = _validation(stage, learner)
            stage.run.append_samples(look(stage, learner))
        stage.run.append_metrics(metrics)
        stage.ui.step(metrics)
        _show(stage.ui, step.graded)
        if config.keep_every and learner.step % config.keep_every == 0:
            keep(stage, f"{stage.name}-step{learner.step}", learner)

    def steps(learner: rl.Learner) -> Iterator[rl.Step]:
        if not learner.step:
            stage.run.append_samples(look(stage, learner))
        yield from rl.train(learner, config, world, objective=chosen(config.grpo))

    total = config.grpo.steps
    return follow(stage.followed, params, steps, record, total, config.save_every)


def fine_tune(
    stage: RealStage, params: dict[str, Any], settings: FineTuneConfig, texts: Sequence[Text]
) -> rl.Learner:
    """Run one stage of supervised fine-tuning.

    Raises: UserError where there is nothing to learn from.
    """
    if not texts:
        raise UserError(
            f"{stage.name} has nothing to learn from: none of its teacher's answers was right; "
            f"try a new run with more --set {stage.name}.exercises, or a --set "
            f"{stage.name}.file of your own"
        )

    def record(_: rl.Learner, metrics: dict[str, Any]) -> None:
        stage.run.append_metrics(metrics)
        stage.ui.step(metrics)

    def steps(learner: rl.Learner) -> Iterator[dict[str, Any]]:
        pad_id, policy = stage.model.tokenizer.pad_id, stage.model.policy
        where = policy, texts, pad_id, stage.name
        yield from finetune.train(learner, stage.config, settings, *where)

    total = finetune.steps_of(settings, len(texts))
    return follow(stage.followed, params, steps, record, total, SAVE_FINE_TUNING)


def _validation(stage: RealStage, learner: rl.Learner) -> float:
    settings = stage.config.evaluation
    asked = stage.task.held_out("validation", settings.validation_problems)
    address = (stage.config.seed, f"{stage.name}/validation", learner.step)
    world = stage.world(untempered=True)
    _, attempts = world.ask(learner.params, asked, settings.validation_samples, address)
    return float(np.mean([a.right for a in attempts]))


def look(stage: RealStage, learner: rl.Learner) -> list[dict[str, Any]]:
    """Ask the same few validation exercises again; return lines of samples.jsonl."""
    address = (stage.config.seed, f"{stage.name}/time machine", learner.step)
    asked = stage.task.held_out("validation", WATCHED)
    world = stage.world(untempered=True)
    rollout, attempts = world.ask(learner.params, asked, GROUP, address)
    graded = world.paid(asked, rollout, attempts, address)
    compared = chosen(stage.config.grpo).advantages(graded, stage.config).reshape(-1)
    return [
        {
            "stage": stage.name,
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


def keep(stage: RealStage, name: str, learner: rl.Learner) -> None:
    """Save the policy as a checkpoint of the run."""
    described = {
        "stage": stage.name,
        "seed": stage.config.seed,
        "step": learner.step,
        "seconds": learner.seconds,
        "flops": learner.flops,
        "model": stage.config.model,
        "task": stage.task.name,
    }
    stage.model.save(stage.run.checkpoint_path(name), learner.params, described)
