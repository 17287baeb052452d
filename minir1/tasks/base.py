"""What is a task? Questions, a way to score an answer, and parts that never mix.

A task asks exercises. Those of training are drawn step by step, epoch after epoch; those of
validation and test are fixed and never asked in training. What a step asks is a function of
(seed, stage, step) alone, so a resumed run asks what it would have asked.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

HELD_OUT = {"validation": 250, "test": 500}  # exercises of each held-out part, at most
LONGEST_ANSWER = 20_000  # characters; a longer answer is not looked at


@dataclass(frozen=True)
class Exercise:
    """One question and what is known about its answer."""

    question: str  # what the user asks, plain text
    gold: str  # the right answer as text; "" only where the task scores by other means
    data: Mapping[str, Any] = field(default_factory=dict)  # what its task needs to score it


class Task(Protocol):
    """What `minir1 train --model` asks of a task."""

    @property
    def name(self) -> str: ...

    @property
    def dropped(self) -> int:
        """Count the exercises left out because their gold cannot be verified."""
        ...

    def training(self, seed: int, stage: str, step: int, count: int) -> list[Exercise]:
        """Return what a step asks, the same for the same seed, stage, step and count."""
        ...

    def held_out(self, part: str, count: int) -> list[Exercise]:
        """Return the first `count` exercises of "validation" or "test", never trained on."""
        ...

    def score(self, exercise: Exercise, answer: str) -> float:
        """Say in [0, 1] how right an answer is; it was taken out of the completion."""
        ...


def step_positions(step: int, count: int) -> range:
    """Return which positions of the endless draw a step takes."""
    return range(step * count, (step + 1) * count)


def rank(text: str) -> float:
    """Give a text a fixed place in [0, 1), the same on every machine and in every run."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48


def says_something(answer: str) -> bool:
    """Say whether an answer is worth a look: neither blank nor endless."""
    return len(answer) <= LONGEST_ANSWER and bool(answer.strip())


def readable(text: str) -> str:
    """Return a text that can be encoded: half characters, as JSON allows them, become ?."""
    return text.strip().encode("utf-8", "replace").decode("utf-8")
