"""What does the doctor say about one thing? What it is, by which numbers, and what mends it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from minir1.doctor.course import Course

Sureness = Literal["certain", "likely"]


@dataclass(frozen=True)
class Symptom:
    """A fault, the numbers that show it, and the way out."""

    fault: str  # as `minir1 train --inject` names it, where it can be planted
    says: str  # what is wrong, in one plain sentence
    evidence: str  # the numbers and the steps, and what they would be in a sound run
    mend: str  # what to change, and what to type next
    source: str  # the paper, or the program in which it was found
    sure: Sureness = "certain"
    stage: str = ""  # where it was found; the diagnosis fills it in


def always(_: Course) -> bool:
    """Say of any stage that a rule has something to look at."""
    return True


@dataclass(frozen=True)
class Rule:
    """One thing that is looked for, and the metrics without which it cannot be seen."""

    fault: str
    look: Callable[[Course], Symptom | None]
    needs: tuple[str, ...] = ()
    applies: Callable[[Course], bool] = always

    def missing(self, course: Course) -> tuple[str, ...]:
        """Name the metrics that it lacks, none where it has nothing to look at."""
        if not self.applies(course):
            return ()
        return tuple(name for name in self.needs if not course.has(name))
