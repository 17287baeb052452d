"""How does a list of exercises become a task? By parts that share nothing, and epochs.

For tasks whose exercises are all known beforehand: arithmetic, a JSONL file, a Python file
of the user's own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from minir1.rng import generator
from minir1.tasks.base import HELD_OUT, Exercise, step_positions


@dataclass(frozen=True)
class Parts:
    """What is trained on, and what is only measured on."""

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


@dataclass(frozen=True)
class Listed:
    """A task of listed exercises; who derives from it says what an answer is worth."""

    name: str
    parts: Parts
    dropped: int = 0  # no verifiable gold
    duplicates: int = 0  # questions that came again, in the same part or in another

    def training(self, seed: int, stage: str, step: int, count: int) -> list[Exercise]:
        """Return what a step asks, the same for the same seed, stage, step and count."""
        return self.parts.draw(seed, stage, step_positions(step, count))

    def held_out(self, part: str, count: int) -> list[Exercise]:
        """Return the first exercises of "validation" or "test", never trained on."""
        return self.parts.held_out(part, count)


def without_duplicates(parts: Mapping[str, Iterable[Exercise]]) -> tuple[Parts, int]:
    """Keep every question once: in test before validation, in validation before training.

    Questions that differ in blanks or in case alone count as the same. Returns the parts
    and how many exercises were left out.
    """
    seen: set[str] = set()
    kept: dict[str, list[Exercise]] = {}
    left_out = 0
    for part in ("test", "validation", "train"):
        kept[part] = []
        for exercise in parts[part]:
            key = " ".join(exercise.question.casefold().split())
            if key in seen:
                left_out += 1
            else:
                seen.add(key)
                kept[part].append(exercise)
    return Parts(kept["train"], kept["validation"], kept["test"]), left_out
