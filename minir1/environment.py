"""What is a policy asked in a stage, and what do its answers earn?

The loop in `rl.py` knows neither problems nor words: it asks an environment for a graded
rollout. The tiny world is one environment; a task for real models is another
(`real/exercises.py`).
"""

from dataclasses import dataclass
from typing import Any, Protocol

from minir1 import rewards
from minir1.answers import Graded, Judge, ask, describe, grade, total
from minir1.config import RunConfig
from minir1.policy import DecoderPolicy, Policy
from minir1.tokenizer import WordTokenizer
from minir1.world.program_questions import programs_among, training_programs
from minir1.world.questions import general_questions, training_questions


class Environment(Protocol):
    """The questions of one stage of reinforcement learning, and their rewards."""

    @property
    def policy(self) -> Policy:
        """How parameters become answers."""
        ...

    @property
    def stage(self) -> str:
        """The name of the stage, part of every random number's address."""
        ...

    def rollout(self, params: dict[str, Any], step: int) -> Graded:
        """Draw the questions of a step, let the policy answer, pay for the answers."""
        ...

    def describe(self, graded: Graded) -> dict[str, float]:
        """Sum up a rollout under the names of metrics.jsonl."""
        ...


@dataclass(frozen=True)
class TinyWorld:
    """Problems of one or two kinds, in English and Chinese, paid by rules.

    With a judge, the last r1.general_steps ask general prompts beside the problems, and the
    judge pays for them.
    """

    config: RunConfig
    tokenizer: WordTokenizer
    stage: str
    judge: Judge | None = None

    @property
    def policy(self) -> Policy:
        """Our own decoder."""
        return DecoderPolicy(self.config.model)

    def rollout(self, params: dict[str, Any], step: int) -> Graded:
        """Draw the questions of a step, let the policy answer, pay for the answers."""
        config, address = self.config, (self.config.seed, self.stage, step)
        settings = config.grpo
        questions = self.problems(step)
        if self.judge is not None and step >= settings.steps - config.r1.general_steps:
            questions += general_questions(*address, config.r1.general_prompts)
        rollout, samples = ask(
            params, config, self.tokenizer, questions, settings.group, address
        )
        parts = grade(samples, config, address, self.judge)
        paid = total(parts, rewards.part_weights(config.reward))
        return Graded(questions, rollout, samples, paid, parts)

    def problems(self, step: int) -> list[Any]:
        """Draw the problems of a step: number puzzles, programs, or both in turn."""
        settings, address = self.config.grpo, (self.config.seed, self.stage, step)
        kinds = programs_among(settings.prompts, settings.program_prompts)
        programs = training_programs(*address, sum(kinds), settings.zh_prompts)
        puzzles = training_questions(*address, len(kinds) - sum(kinds), settings.zh_prompts)
        drawn = iter(puzzles), iter(programs)
        return [next(drawn[kind]) for kind in kinds]

    def describe(self, graded: Graded) -> dict[str, float]:
        """Sum up a rollout under the names of metrics.jsonl."""
        return describe(graded)
