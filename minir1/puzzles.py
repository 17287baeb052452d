"""Does an answer solve a problem? For each kind of problem its own judge.

The text of an answer is a model's, so hostile; the judges never fail on it.
"""

from collections.abc import Sequence
from functools import singledispatch
from typing import Protocol

from minir1 import countdown, stack_machine
from minir1.world.programs import ProgramProblem


class Task(Protocol):
    """What must be known of a number puzzle to grade an answer."""

    @property
    def numbers(self) -> Sequence[int]: ...

    @property
    def target(self) -> int: ...


Puzzle = Task | ProgramProblem


@singledispatch
def solved(problem: Puzzle, answer: str) -> bool:
    """Say whether an answer solves a problem; what cannot be read does not.

    A number puzzle: the target from every number once.
    """
    assert not isinstance(problem, ProgramProblem)
    return countdown.solves(answer, problem.numbers, problem.target)


@solved.register
def _(problem: ProgramProblem, answer: str) -> bool:
    """A program: the right output for the inputs that were shown and for the hidden ones."""
    return stack_machine.solves(answer, problem.examples + problem.hidden)
