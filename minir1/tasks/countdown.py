"""What does Countdown ask of a real model? An expression that makes a target.

    Using the numbers 19, 36, 55, 7, make 65. Use each number exactly once, with + - * / and
    brackets. Answer with the expression.

Three or four numbers from 1 to 99, a target from 1 to 99, drawn without end. Every problem
can be solved: it was made by solving it. A hash of its sorted numbers and its target says
which part a problem belongs to, whoever draws it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from minir1.countdown import solves
from minir1.errors import UserError, did_you_mean, shorten
from minir1.rng import generator
from minir1.tasks.base import HELD_OUT, Exercise, rank
from minir1.tasks.plain import plain

LARGEST = 99  # of the numbers and of the target
LARGEST_ON_THE_WAY = 999
MOST_CHANCES = 14  # random numbers that a problem of four numbers uses up
SHARES = {"test": 0.1, "validation": 0.1}  # of all problems
SIZES = {"mixed": (3, 4), "3": (3,), "4": (4,)}  # how many numbers

Numbers = tuple[int, ...]

_CROSS = re.compile(r"(?<=[0-9)])[ ]?[xX][ ]?(?=[0-9(])")  # 3 x 4
_CLOSING = re.compile(r"([^=]*)=[ ]*([0-9]{1,3})")  # (3 + 4) * 2 = 14


@dataclass(frozen=True)
class Countdown:
    """The task `countdown`, or `countdown:3`, `countdown:4`."""

    name: str
    sizes: tuple[int, ...]
    dropped: int = 0

    def training(self, seed: int, stage: str, step: int, count: int) -> list[Exercise]:
        """Return what a step asks: problems of training, none of them twice."""
        return self._draw(generator(seed, stage, "countdown", step), "train", count)

    def held_out(self, part: str, count: int) -> list[Exercise]:
        """Return the first exercises of a held-out part.

        Raises: ValueError for a part that is not held out.
        """
        if part not in HELD_OUT:
            raise ValueError(f"part={part!r}: wanted one of {', '.join(HELD_OUT)}")
        return self._draw(generator(0, self.name, part), part, min(count, HELD_OUT[part]))

    def score(self, exercise: Exercise, answer: str) -> float:
        """Pay 1 for an expression that makes the target from exactly the numbers."""
        numbers, target = exercise.data["numbers"], exercise.data["target"]
        return float(solves(expression_of(answer, target), numbers, target))

    def _draw(self, rng: np.random.Generator, part: str, count: int) -> list[Exercise]:
        drawn: dict[str, Exercise] = {}
        for numbers, target, solution in _problems(rng, self.sizes):
            if len(drawn) == count:
                break
            key = f"{sorted(numbers)} {target}"
            if part_of(key) == part and key not in drawn:
                drawn[key] = _ask(numbers, target, solution)
        return list(drawn.values())


def open_countdown(size: str = "mixed") -> Countdown:
    """Open Countdown with three numbers, with four, or with both in turn by chance.

    Raises: UserError for another size.
    """
    if size not in SIZES:
        raise UserError(
            f"countdown:{shorten(size)}: no such size{did_you_mean(size, SIZES) or '.'} "
            "There are countdown, countdown:3 and countdown:4"
        )
    return Countdown("countdown" if size == "mixed" else f"countdown:{size}", SIZES[size])


def part_of(key: str) -> str:
    """Say which part a problem belongs to."""
    place = rank(f"countdown {key}")
    if place < SHARES["test"]:
        return "test"
    return "validation" if place < SHARES["test"] + SHARES["validation"] else "train"


def expression_of(answer: str, target: int) -> str:
    """Take an answer's dress off, and a "= 65" at its end if that is the target."""
    text = _CROSS.sub(" * ", plain(answer))
    closing = _CLOSING.fullmatch(text)
    return closing.group(1) if closing and int(closing.group(2)) == target else text


def _ask(numbers: Numbers, target: int, solution: str) -> Exercise:
    question = (
        f"Using the numbers {', '.join(map(str, numbers))}, make {target}. Use each number "
        "exactly once, with + - * / and brackets. Answer with the expression."
    )
    return Exercise(question, solution, {"numbers": numbers, "target": target})


def _problems(
    rng: np.random.Generator, sizes: tuple[int, ...]
) -> Iterator[tuple[Numbers, int, str]]:
    """Make numbers, targets and solutions without end, each problem by solving it."""
    while True:
        chances = iter(rng.random(MOST_CHANCES).tolist())
        size = sizes[_below(len(sizes), chances)]
        numbers = tuple(1 + _below(LARGEST, chances) for _ in range(size))
        target, solution = _combine(numbers, chances)
        if 1 <= target <= LARGEST:
            yield numbers, target, solution


def _below(n: int, chances: Iterator[float]) -> int:
    return int(n * next(chances))


def _combine(numbers: Numbers, chances: Iterator[float]) -> tuple[int, str]:
    """Combine two values at a time, at random, until one is left; 0 if that fails."""
    values = [(number, str(number)) for number in numbers]
    while len(values) > 1:
        a, left = values.pop(_below(len(values), chances))
        b, right = values.pop(_below(len(values), chances))
        sign = "+-*/"[_below(4, chances)]
        if sign == "/" and a % b:
            return 0, ""
        value = {"+": a + b, "-": a - b, "*": a * b, "/": a // b}[sign]
        if not 1 <= value <= LARGEST_ON_THE_WAY:
            return 0, ""
        values.append((value, f"({left} {sign} {right})"))
    return values[0][0], values[0][1][1:-1]
