"""What is told of one step of GRPO? Its group, its tokens, its gradient, its update.

Numbers only: where they come from is in `explain.py`, how they look in
`screen/explained.py`.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Token:
    """One sampled token, and what the step did to it.

    sampled, scored, rescored: its log-probability as drawn, as scored from the whole text, and
    as scored after the step; weight: w_t; push: w_t Â, what its log-probability is pushed by;
    pull: push (1-π) / temperature, what its own logit is pushed by
    """

    word: str
    sampled: float
    scored: float
    rescored: float
    weight: float
    push: float
    pull: float

    @property
    def before(self) -> float:
        """Its probability before the step."""
        return math.exp(self.scored)

    @property
    def after(self) -> float:
        """Its probability after the step."""
        return math.exp(self.rescored)


@dataclass(frozen=True)
class Answer:
    """One completion of the group. parts: what each kind of reward paid, not yet weighted."""

    number: int
    completion: str
    finished: bool
    parts: dict[str, float]
    reward: float
    advantage: float
    tokens: tuple[Token, ...]

    @property
    def change(self) -> float:
        """How many nats likelier the whole completion became."""
        return sum(token.rescored - token.scored for token in self.tokens)


@dataclass(frozen=True)
class Group:
    """The answers to one prompt, compared with each other.

    norm: length of this group's own gradient; share: of the update's, along it
    """

    prompt: str
    number: int
    answers: tuple[Answer, ...]
    mean: float
    std: float
    norm: float
    share: float


@dataclass(frozen=True)
class OptimiserStep:
    """One optimiser step: how many groups and tokens it averaged, how long its gradient was."""

    prompts: int
    tokens: int
    norm: float
    has_group: bool


@dataclass(frozen=True)
class Batch:
    """The whole step: all its prompts, and what became of all its answers.

    rose: answers with a push up that became likelier; fell: pushed down and less likely
    """

    prompts: int
    flat: int
    reward: float
    pushed_up: int
    rose: int
    pushed_down: int
    fell: int
    updates: tuple[OptimiserStep, ...]
    learning_rate: float
    moved: float
    size: float


@dataclass(frozen=True)
class Explanation:
    """One step of reinforcement learning, seen from one of its prompts.

    step counts from 1, as metrics.jsonl does; settings are the run's `grpo` section; by_token
    says that a critic gives each token an advantage of its own
    """

    stage: str
    step: int
    group: Group
    batch: Batch
    settings: dict[str, Any]
    temperature: float
    part_weights: dict[str, float]
    objective: str
    by_token: bool
    metrics: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain values, for --json."""
        return {"schema": 1, **asdict(self)}
