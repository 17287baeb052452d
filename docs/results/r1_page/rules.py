"""When are two figures called different? One rule for the whole page.

A figure is measured in several runs, each with its interval over test problems. Two of them
are compared run by run: the runs of one seed share everything up to the stage in question.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from minir1.reporting.formats import Figure

# Two-sided 95 % points of Student's t, by degrees of freedom: for 2 to 5 seeds.
STUDENT_T = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78}

FEWEST = 3  # seeds whose spread alone may decide


@dataclass(frozen=True)
class Estimate:
    """One figure of one checkpoint, in the run of every seed that has it."""

    figures: Mapping[int, Figure]

    @property
    def values(self) -> list[float]:
        """The value in every run."""
        return [figure.value for figure in self.figures.values()]

    @property
    def mean(self) -> float:
        """The mean over the runs."""
        return float(np.mean(self.values))

    @property
    def low(self) -> float | None:
        """The mean of the lower ends of the runs' intervals; None if one has none."""
        return _mean_of([figure.low for figure in self.figures.values()])

    @property
    def high(self) -> float | None:
        """The mean of the upper ends."""
        return _mean_of([figure.high for figure in self.figures.values()])

    @property
    def half(self) -> float | None:
        """The mean half-width of the runs' intervals."""
        low, high = self.low, self.high
        return None if low is None or high is None else (high - low) / 2

    def of(self, seeds: Sequence[int]) -> "Estimate":
        """Keep the runs of some seeds."""
        return Estimate({seed: self.figures[seed] for seed in seeds})


@dataclass(frozen=True)
class Change:
    """How much more one figure is than another, and how far off that may be.

    half: for any test questions; of_seeds: for these ones, by the spread over the seeds alone.
    None where a single run (without an interval) says nothing about it.
    """

    by: float
    half: float | None
    of_seeds: float | None
    seeds: int

    @property
    def direction(self) -> int:
        """1 for surely higher, -1 for surely lower, 0 for undecided."""
        return self._beyond(self.half)

    @property
    def word(self) -> str:
        """The direction as a word; where it is sure on these test questions only, that."""
        words = {1: "higher", -1: "lower", 0: "undecided"}
        here = self._beyond(self.of_seeds)
        if self.direction == 0 and here:
            return f"{words[here]} on these questions"
        return words[self.direction]

    def _beyond(self, half: float | None) -> int:
        if half is None or abs(self.by) <= half:
            return 0
        return 1 if self.by > 0 else -1


def compare(before: Estimate | None, after: Estimate | None) -> Change | None:
    """Subtract run by run; None where no seed has both.

        half² = (t · s / √n)² + half(before)² + half(after)²

    s is the spread of the n differences over the seeds. The intervals over problems do not
    shrink with n: all seeds answer the same problems. Comparing on the same problems and
    adding both intervals all the same is the careful side.
    """
    if before is None or after is None:
        return None
    seeds = sorted(set(before.figures) & set(after.figures))
    if not seeds:
        return None
    before, after = before.of(seeds), after.of(seeds)
    differences = np.subtract(after.values, before.values)
    squares, of_seeds = [], None
    if len(seeds) > 1:
        error = float(differences.std(ddof=1)) / sqrt(len(seeds))
        of_seeds = STUDENT_T[len(seeds) - 1] * error
        squares.append(of_seeds**2)
        of_seeds = of_seeds if len(seeds) >= FEWEST else None
    if before.half is not None and after.half is not None:
        squares += [before.half**2, after.half**2]
    half = sqrt(sum(squares)) if squares else None
    return Change(float(differences.mean()), half, of_seeds, len(seeds))


def _mean_of(ends: Sequence[float | None]) -> float | None:
    known = [end for end in ends if end is not None]
    return float(np.mean(known)) if known and len(known) == len(ends) else None
