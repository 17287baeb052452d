"""What is a task? Questions, a way to score an answer, and parts that never mix.

A task asks exercises. Those of training are drawn step by step, epoch after epoch; those of
validation and test are fixed and never asked in training. What a step asks is a function of
(seed, stage, step) alone, so a resumed run asks what it would have asked.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from minir1.rng import generator

HELD_OUT = {"validation": 250, "test": 500}  # exercises of each held-out part, at most


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


@dataclass(frozen=True)
class Parts:
    """Exercises that are all known beforehand."""

    train: Sequence[Exercise]
    validation: Sequence[Exercise]
    test: Sequence[Exercise]

    def draw(self, seed: int, stage: str, positions: Iterable[int]) -> list[Exercise]:
        """Return the training exercises at some positions of an endless draw."""
        return [self.train[i] for i in places(seed, stage, positions, len(self.train))]

    def held_out(self, part: str, count: int) -> list[Exercise]:
        """Return the first exercises of a held-out part, as many as there are.

        Raises: ValueError for a part that is not held out.
        """
        if part not in HELD_OUT:
            raise ValueError(f"part={part!r}: wanted one of {', '.join(HELD_OUT)}")
        return list(getattr(self, part)[:count])


def places(seed: int, stage: str, positions: Iterable[int], total: int) -> list[int]:
    """Map positions of an endless draw to places among `total`.

    Epoch after epoch, each in an order of its own: nothing comes twice inside an epoch.
    """
    found = []
    for position in positions:
        epoch, place = divmod(position, total)
        found.append(int(_order(seed, stage, epoch, total)[place]))
    return found


@lru_cache(maxsize=16)
def _order(seed: int, stage: str, epoch: int, total: int) -> np.ndarray:
    return generator(seed, stage, "order", epoch).permutation(total)


def step_positions(step: int, count: int) -> range:
    """Return which positions of the endless draw a step takes."""
    return range(step * count, (step + 1) * count)


def rank(text: str) -> float:
    """Give a text a fixed place in [0, 1), the same on every machine and in every run."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48
