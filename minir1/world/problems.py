"""Which number puzzles are there, and how can each be solved?

A problem gives three numbers from 1 to 10 and a target from 1 to 99. Each number must be used
exactly once, with + - *. An attempt combines two of the numbers and then the result with the
third; every value on the way stays within 0..99, and a subtraction puts the larger number
first. Grading an answer is left to `minir1.countdown`, which knows nothing of this file.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import combinations_with_replacement
from typing import NamedTuple

from minir1.rng import generator

LARGEST_NUMBER = 10
LARGEST_VALUE = 99
OPERATORS = ("+", "-", "*")
TEST_PROBLEMS = 500
VALIDATION_PROBLEMS = 250

Numbers = tuple[int, int, int]


class Attempt(NamedTuple):
    """One way to combine three numbers, as it is written in a thought and in an answer."""

    first_step: str  # "7 + 1"
    value: int  # what the whole attempt makes
    steps: str  # "7 + 1 = 8 , 8 + 3 = 11"
    answer: str  # "( 7 + 1 ) + 3"


@dataclass(frozen=True)
class Problem:
    """Three numbers (sorted), a target, and how many canonical attempts reach it."""

    numbers: Numbers
    target: int
    solutions: int

    @property
    def key(self) -> tuple[Numbers, int]:
        """Tell two problems apart, whatever the order of their numbers."""
        a, b, c = sorted(self.numbers)
        return (a, b, c), self.target

    @property
    def difficulty(self) -> int:
        """Rate the problem from 1 (four or more solutions) to 4 (exactly one)."""
        return max(1, 5 - self.solutions)


def combine(a: int, operator: str, b: int) -> tuple[str, int] | None:
    """Write one step and its value: ("7 + 1", 8); None if the value leaves 0..99.

    A subtraction puts the larger number first, whatever the order of the arguments.
    """
    if operator == "-" and a < b:
        a, b = b, a
    value = a + b if operator == "+" else a - b if operator == "-" else a * b
    return (f"{a} {operator} {b}", value) if value <= LARGEST_VALUE else None


@cache
def attempts(numbers: Numbers) -> tuple[Attempt, ...]:
    """List all legal canonical attempts on three numbers, at most 27.

    3 pairs x 3 operators x 3 operators, without those that leave 0..99, and without the copies
    that equal numbers cause. A pair is written in the order in which the numbers are given.
    """
    found: dict[tuple, Attempt] = {}
    for left, right, last in ((0, 1, 2), (0, 2, 1), (1, 2, 0)):
        x, y, z = numbers[left], numbers[right], numbers[last]
        for first_operator in OPERATORS:
            for second_operator in OPERATORS:
                attempt = _attempt(x, first_operator, y, second_operator, z)
                identity = (min(x, y), max(x, y), first_operator, second_operator, z)
                if attempt is not None:
                    found.setdefault(identity, attempt)
    return tuple(found.values())


def _attempt(
    x: int, first_operator: str, y: int, second_operator: str, z: int
) -> Attempt | None:
    first = combine(x, first_operator, y)
    if first is None:
        return None
    first_step, partial = first
    second = combine(partial, second_operator, z)
    if second is None:
        return None
    second_step, value = second
    if second_operator == "-" and z > partial:
        answer = f"{z} - ( {first_step} )"
    else:
        answer = f"( {first_step} ) {second_operator} {z}"
    return Attempt(
        first_step, value, f"{first_step} = {partial} , {second_step} = {value}", answer
    )


def all_problems() -> Iterator[Problem]:
    """Go through every solvable problem: 220 triples of numbers, 2486 problems."""
    for numbers in combinations_with_replacement(range(1, LARGEST_NUMBER + 1), 3):
        reached = Counter(attempt.value for attempt in attempts(numbers))
        for target in sorted(reached):
            if target > 0:
                yield Problem(numbers, target, reached[target])


@cache
def split() -> dict[str, tuple[Problem, ...]]:
    """Deal the problems into test (500), validation (250) and train (1736), always alike.

    Train is for learning, validation for choosing settings, test for reported figures only.
    """
    problems = list(all_problems())
    order = generator(0, "problems", "split").permutation(len(problems))
    dealt = tuple(problems[index] for index in order)
    end = TEST_PROBLEMS + VALIDATION_PROBLEMS
    return {
        "train": dealt[end:],
        "validation": dealt[TEST_PROBLEMS:end],
        "test": dealt[:TEST_PROBLEMS],
    }


@cache
def held_out() -> frozenset[tuple[Numbers, int]]:
    """Give the keys of all validation and test problems: no training text may be about them."""
    dealt = split()
    return frozenset(problem.key for problem in dealt["validation"] + dealt["test"])


def request(numbers: Numbers, target: int, language: str) -> str:
    """Write the words of a problem: 'use 3 7 1 to make 11 .' or '用 3 7 1 来 凑 11 。'"""
    given = " ".join(map(str, numbers))
    if language == "zh":
        return f"用 {given} 来 凑 {target} 。"
    return f"use {given} to make {target} ."


def prompt(problem: Problem, language: str, order: tuple[int, int, int] | None = None) -> str:
    """Ask a problem: '<bos> User: use 3 7 1 to make 11 . Assistant:', always 11 tokens.

    `order` names positions: (2, 0, 1) puts the third number first. None keeps them sorted.
    """
    numbers = problem.numbers
    if order is not None:
        numbers = (numbers[order[0]], numbers[order[1]], numbers[order[2]])
    return f"<bos> User: {request(numbers, problem.target, language)} Assistant:"
