"""How do exercises of a task become an environment for reinforcement learning?

An exercise is put to the model as `prompting.py` says; its completion is cut down to an answer
there, and the task scores that. What was cut off before the end token earns nothing. The
other environment, the tiny world, is in `environment.py`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minir1.answers import Graded, total
from minir1.policy import Policy
from minir1.prompting import Prompting
from minir1.real_config import RealConfig
from minir1.rewards import part_weights
from minir1.rng import uniforms
from minir1.rollout import Rollout
from minir1.scripts import script_consistency
from minir1.tasks import Exercise, Task
from minir1.text_tokenizer import TextTokenizer

RIGHT = 0.999  # a score from here on is a right answer: some tasks pay for half of one
REFLECTING = re.compile(
    r"\b(?:wait|hmm|let me (?:re-?)?check|double[- ]check|try again|alternatively|instead|"
    r"verify|actually|mistake)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Attempt:
    """One answer to an exercise, and what it is worth."""

    exercise: Exercise
    prompt: str
    completion: str
    completion_tokens: int
    finished: bool
    answer: str | None  # as taken out of the completion
    score: float  # of the task, in [0, 1]; 0 where there is no answer or no end
    well_formed: bool
    consistency: float  # the share of its letters in the script of the question

    @property
    def right(self) -> bool:
        """Say whether the answer solves the exercise."""
        return self.score >= RIGHT

    @property
    def language(self) -> float:
        """What is paid for its language: to well-formed answers only, as in the tiny world."""
        return self.consistency * self.well_formed


@dataclass(frozen=True)
class TaskWorld:
    """A task, as a policy is asked it in one stage."""

    config: RealConfig
    policy: Policy
    tokenizer: TextTokenizer
    task: Task
    stage: str

    @property
    def prompting(self) -> Prompting:
        """How exercises are put."""
        chosen = self.config.prompt
        return Prompting(chosen.template, chosen.answer, chosen.system)

    def rollout(self, params: dict[str, Any], step: int) -> Graded:
        """Draw the exercises of a step, let the policy answer, pay for the answers."""
        config, address = self.config, (self.config.seed, self.stage, step)
        asked = self.task.training(*address, config.grpo.prompts)
        rollout, attempts = self.ask(params, asked, config.grpo.group, address)
        return self.paid(asked, rollout, attempts, address)

    def ask(
        self,
        params: dict[str, Any],
        asked: Sequence[Exercise],
        group: int,
        address: tuple[int, str, int],
    ) -> tuple[Rollout, list[Attempt]]:
        """Sample `group` answers to every exercise; return them as tokens and scored."""
        texts = [self.prompt(e.question) for e in asked]
        rollout = self.policy.sample(
            params,
            [self.encode(text) for text in texts],
            group,
            self.config.sample,
            address,
            self.tokenizer.eos_ids,
            self.tokenizer.pad_id,
            self.config.threads,
        )
        attempts = [
            self._attempt(asked[i // group], texts[i // group], rollout, i)
            for i in range(len(rollout.tokens))
        ]
        return rollout, attempts

    def prompt(self, question: str) -> str:
        """Return the whole text that the model continues."""
        return self.prompting.prompt(question, self.tokenizer)

    def encode(self, prompt: str) -> list[int]:
        """Turn a prompt into ids; a chat template itself writes what begins a text."""
        chats = self.config.prompt.template == "chat"
        return [*([] if chats else self.tokenizer.begin), *self.tokenizer.encode(prompt)]

    def _attempt(self, exercise: Exercise, prompt: str, rollout: Rollout, row: int) -> Attempt:
        tokens = [int(t) for t in rollout.completion(row)]
        finished = bool(rollout.finished[row])
        text = self.tokenizer.decode(tokens[:-1] if finished else tokens)
        answer = self.prompting.answer(text)
        scored = finished and answer is not None
        return Attempt(
            exercise,
            prompt,
            text,
            len(tokens),
            finished,
            answer,
            self.task.score(exercise, answer) if scored and answer is not None else 0.0,
            finished and bool(answer),
            script_consistency(exercise.question, text),
        )

    def paid(
        self,
        asked: Sequence[Exercise],
        rollout: Rollout,
        attempts: Sequence[Attempt],
        address: tuple[int, str, int],
    ) -> Graded:
        """Pay every attempt; the random control pays by a coin of its own."""
        seed, stage, step = address
        reward, shape = self.config.reward, (len(asked), -1)
        names = [(i, 0) for i in range(len(attempts))]
        parts = {
            "accuracy": np.array([a.score for a in attempts]).reshape(shape),
            "format": np.array([float(a.well_formed) for a in attempts]).reshape(shape),
            "language": np.array([a.language for a in attempts]).reshape(shape),
        }
        if reward.kind == "random":
            coins = uniforms(seed, stage + "/coins", step, names, 1)[:, 0]
            parts = {"coin": (coins < 0.5).astype(float).reshape(shape)}
        elif reward.kind == "format":
            parts = {"format": parts["format"]}
        return Graded(asked, rollout, attempts, total(parts, part_weights(reward)), parts)

    def describe(self, graded: Graded) -> dict[str, float]:
        """Sum up a rollout under the names of metrics.jsonl."""
        mask = graded.rollout.completion_mask
        entropy = float((graded.rollout.entropy * mask).sum() / mask.sum())
        reward = float(graded.rewards.mean())
        return {"reward": reward, **behaviour(graded.samples), "entropy": entropy}


def behaviour(attempts: Sequence[Attempt]) -> dict[str, float]:
    """Sum up attempts: how right, how well formed, how long, how reflective."""
    return {
        "accuracy": float(np.mean([a.right for a in attempts])),
        "score": float(np.mean([a.score for a in attempts])),
        "format_rate": float(np.mean([a.well_formed for a in attempts])),
        "completion_tokens": float(np.mean([a.completion_tokens for a in attempts])),
        "reflections": float(
            np.mean([len(REFLECTING.findall(a.completion)) for a in attempts])
        ),
        "language_consistency": float(np.mean([a.consistency for a in attempts])),
        "truncated": float(np.mean([not a.finished for a in attempts])),
    }
