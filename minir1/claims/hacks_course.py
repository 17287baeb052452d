"""How does training with a weak grader go? Pay and truth in blocks of steps, seed by seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minir1.claims.claim import Figure, Results
from minir1.claims.figures import above, below, difference
from minir1.claims.job import Job
from minir1.claims.standard import r1_zero

BLOCK = 5  # steps
MARGIN = 0.05  # of accuracy: less is no fall, and no rise
PLAIN = "plain"  # by the rules: the run that other claims share


def run(kind: str, seed: int) -> Job:
    """Return the run of a grader; the rules' is the one that other claims have too."""
    if kind == PLAIN:
        return r1_zero(seed, PLAIN)
    return r1_zero(seed, f"hack-{kind}", settings=(f"reward.kind={kind}",))


@dataclass(frozen=True)
class Course:
    """What the runs of a grader were paid, and what was true, block by block.

    Shapes: paid (S, B), truth (S, B); tests [S]: pass@1 at the end
    """

    kind: str
    rows: Sequence[Sequence[dict[str, Any]]]  # of metrics, seed by seed
    tests: Sequence[float]
    paid: np.ndarray
    truth: np.ndarray

    @classmethod
    def read(cls, kind: str, results: Results, seeds: int) -> "Course":
        """Read the runs of a grader."""
        found = [results[run(kind, seed).name] for seed in range(seeds)]
        rows = [one["curves"]["r1-zero"] for one in found]
        tests = [one["checkpoints"]["r1-zero"]["pass_at_1"]["value"] for one in found]
        return cls(kind, rows, tests, blocks(rows, "reward"), blocks(rows, "accuracy"))

    def change(self, name: str, block: int) -> Figure:
        """Sum up how what was paid, or was true, changed from a block to the last."""
        values = self.paid if name == "paid" else self.truth
        what = f"{name} with {self.kind}: from steps {steps_of(block)} to the last {BLOCK}"
        return difference(what, values[:, -1].tolist(), values[:, block].tolist())

    @property
    def best(self) -> int:
        """The block before the last in which truth was highest, on the mean of the seeds."""
        return int(np.argmax(self.truth.mean(axis=0)[:-1]))

    @property
    def parts(self) -> int | None:
        """The block from which pay rises while truth falls; None where they go together.

        Also where pay rises from the start and truth surely never gains the margin.
        """
        fall, gain = self.change("truth", self.best), self.change("truth", 0)
        fell = below(fall) and fall.value <= -MARGIN
        if fell and above(self.change("paid", self.best)):
            return self.best
        return 0 if below(gain, MARGIN) and above(self.change("paid", 0)) else None


def blocks(rows: Sequence[Sequence[dict[str, Any]]], name: str) -> np.ndarray:
    """Average a figure of training over blocks of steps. Shapes: -> (S, B)"""
    values = np.array([[row[name] for row in seed] for seed in rows])  # (S, steps)
    return values.reshape(len(values), -1, BLOCK).mean(axis=2)


def steps_of(block: int) -> str:
    """Name the steps of a block."""
    return f"{BLOCK * block + 1} to {BLOCK * (block + 1)}"
