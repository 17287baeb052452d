"""What happens in one step of GRPO, seen from one prompt? The numbers, in their order.

The step is the real one: `rl.improve` takes it, on a copy of the learner, and a policy that
remembers what it was asked (`explain_gradient.py`) stands in for the policy. So what is told
here is what training computes: the same questions, tokens, rewards, weights, gradients and
update. Drawing is in `screen/explained.py`; which step of which run, in `explain_source.py`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minir1 import optim, rl
from minir1.answers import Graded
from minir1.config import RunConfig
from minir1.environment import Environment
from minir1.errors import UserError
from minir1.explain_gradient import Update, Watched, share
from minir1.explanation import Answer, Batch, Explanation, Group, OptimiserStep, Token
from minir1.objective import GRPO, Objective
from minir1.offpolicy import rows_of, score
from minir1.rewards import part_weights
from minir1.tokenizer import WordTokenizer


def explain(
    learner: rl.Learner,
    config: RunConfig,
    world: Environment,
    tokenizer: WordTokenizer,
    prompt: int | None = None,
    steps: float | None = None,
    objective: Objective = GRPO,
) -> Explanation:
    """Take the learner's next step on a copy, and tell it from one prompt.

    prompt counts from 1; None takes one with right and wrong answers (`default_prompt`).
    steps: over how many the learning rate falls.

    Raises: UserError where there is no such prompt.
    """
    graded = world.rollout(learner.params, learner.step)
    if prompt is not None and prompt > len(graded.rewards):
        raise UserError(
            f"--prompt {prompt}: this step asked {len(graded.rewards)} prompts; wanted 1 to "
            f"{len(graded.rewards)}"
        )
    watched, after = Watched(world.policy), replace(learner)
    metrics = rl.improve(after, config, watched, graded, steps, objective)
    updates = tuple(watched.updates)
    pushes = first_pushes(updates, graded)
    chosen = default_prompt(graded, pushes) if prompt is None else prompt - 1
    scored = _scored(learner.params, after.params, config, world, graded)
    compared = objective.advantages(graded, config)  # (P, G)
    read = _Reader(config, tokenizer, graded, compared, pushes, scored, updates)
    moved = {name: after.params[name] - p for name, p in learner.params.items()}
    return Explanation(
        stage=world.stage,
        step=learner.step + 1,
        group=read.group(chosen),
        batch=replace(
            read.batch(chosen),
            learning_rate=metrics["learning_rate"],
            moved=optim.global_norm(moved),
            size=optim.global_norm(learner.params),
        ),
        settings=config.grpo.to_dict(),
        temperature=config.sample.temperature,
        part_weights={
            k: w for k, w in part_weights(config.reward).items() if k in graded.parts
        },
        objective=objective.name,
        by_token=objective.critic is not None,
        metrics=metrics,
    )


def first_pushes(updates: tuple[Update, ...], graded: Graded) -> np.ndarray:
    """What every token was pushed by when it was first trained on. Shapes: -> (B, T-1)"""
    mask = graded.rollout.completion_mask
    pushed, seen = np.zeros(mask.size), np.zeros(mask.size, bool)
    for update in updates:
        fresh = (update.weights != 0) & ~seen
        pushed[fresh] = update.pushes()[fresh]
        seen |= fresh
    return pushed.reshape(mask.shape)


def default_prompt(graded: Graded, pushes: np.ndarray) -> int:
    """The first group with right and wrong answers, an English one if there is one.

    Else the first with any push, else the first.
    """
    P = len(graded.rewards)
    learnt = np.abs(pushes).reshape(P, -1).max(axis=1) > 0
    right = graded.parts.get("accuracy", np.zeros((P, 1)))
    mixed = learnt & (np.ptp(right, axis=1) > 0)
    english = np.array([getattr(q, "language", "en") == "en" for q in graded.questions])
    for wanted in (mixed & english, mixed, learnt):
        if wanted.any():
            return int(np.argmax(wanted))
    return 0


def _scored(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    config: RunConfig,
    world: Environment,
    graded: Graded,
) -> tuple[np.ndarray, np.ndarray]:
    """Score what was sampled under the old and the new policy. Shapes: -> (B, T-1) twice"""
    rollout = graded.rollout
    column = np.arange(rollout.completion_mask.shape[1])
    start = rollout.prompt_lengths[:, None] - 1
    written = (column >= start) & (column < start + rollout.completion_lengths[:, None])
    mask = written.astype(np.float32)
    old, new = (
        score(dict(params), config, world.policy, rollout.tokens, mask).reshape(mask.shape)
        for params in (before, after)
    )
    return old, new


@dataclass(frozen=True, eq=False)
class _Reader:
    """Everything that a step left behind, to be read a group at a time."""

    config: RunConfig
    tokenizer: WordTokenizer
    graded: Graded
    advantages: np.ndarray  # (P, G)
    pushes: np.ndarray  # (B, T-1)
    scored: tuple[np.ndarray, np.ndarray]  # (B, T-1) each
    updates: tuple[Update, ...]

    def group(self, prompt: int) -> Group:
        """Tell one prompt's answers."""
        size = self.advantages.shape[1]
        rows = rows_of(np.array([prompt]), size)
        paid = self.graded.rewards[prompt]
        update = self._update_of(rows)
        norm = along = 0.0
        if update is not None:
            part = update.of_rows(rows, self.graded.rollout, self.config)
            norm, along = optim.global_norm(part), share(part, update.grads)
        return Group(
            prompt=self.graded.questions[prompt].prompt,
            number=prompt + 1,
            answers=tuple(self._answer(prompt, i, int(row)) for i, row in enumerate(rows)),
            mean=float(paid.mean()),
            std=float(paid.std()),
            norm=norm,
            share=along,
        )

    def batch(self, prompt: int) -> Batch:
        """Sum up the step; how far it went is filled in by who took it."""
        old, new = self.scored
        change = np.nansum(new.astype(float) - old, axis=1)  # (B)
        pushed = self.pushes.sum(axis=1)
        up, down = pushed > 0, pushed < 0
        P, G = self.advantages.shape
        learnt = int((np.abs(self.pushes).reshape(P, -1).max(axis=1) > 0).sum())
        own = self._update_of(rows_of(np.array([prompt]), G))
        return Batch(
            prompts=P,
            flat=P - learnt,
            reward=float(self.graded.rewards.mean()),
            pushed_up=int(up.sum()),
            rose=int((change[up] > 0).sum()),
            pushed_down=int(down.sum()),
            fell=int((change[down] < 0).sum()),
            updates=tuple(self._step(update, update is own) for update in self.updates),
            learning_rate=0.0,
            moved=0.0,
            size=0.0,
        )

    def _step(self, update: Update, has_group: bool) -> OptimiserStep:
        P = len(self.advantages)
        counted = (update.weights != 0).reshape(P, -1)
        tokens, prompts = int(counted.sum()), int(counted.any(axis=1).sum())
        return OptimiserStep(prompts, tokens, optim.global_norm(update.grads), has_group)

    def _update_of(self, rows: np.ndarray) -> Update | None:
        """The first update that trains on some rows, None if they teach nothing."""
        shape = self.pushes.shape
        for update in self.updates:
            if update.weights.reshape(shape)[rows].any():
                return update
        return None

    def _answer(self, prompt: int, member: int, row: int) -> Answer:
        sample = self.graded.samples[row]
        return Answer(
            number=member + 1,
            completion=sample.completion,
            finished=bool(sample.finished),
            parts={k: float(paid[prompt, member]) for k, paid in self.graded.parts.items()},
            reward=float(self.graded.rewards[prompt, member]),
            advantage=float(self.advantages[prompt, member]),
            tokens=self._tokens(row),
        )

    def _tokens(self, row: int) -> tuple[Token, ...]:
        rollout, (old, new) = self.graded.rollout, self.scored
        start = int(rollout.prompt_lengths[row]) - 1
        update = self._update_of(np.array([row]))
        weights = np.zeros(self.pushes.shape[1])
        if update is not None:
            weights = update.weights.reshape(self.pushes.shape)[row]
        told = []
        for t in range(start, start + int(rollout.completion_lengths[row])):
            scored, push = float(old[row, t]), float(self.pushes[row, t])
            told.append(
                Token(
                    word=self.tokenizer.decode([int(rollout.tokens[row, t + 1])]),
                    sampled=float(rollout.old_logprobs[row, t]),
                    scored=scored,
                    rescored=float(new[row, t]),
                    weight=float(weights[t]),
                    push=push,
                    pull=push * (1 - math.exp(scored)) / self.config.sample.temperature,
                )
            )
        return tuple(told)
