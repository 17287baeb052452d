"""What can a small pretrained model learn in minutes? Sums, differences and products.

    sums         a + b, both of two digits
    differences  a - b, both of two digits, never below zero
    products     a * b, one digit times at most two
    mixed        one of each in turn
    small        sums of one digit and at most 50, products of one digit and at most 30

Every kind is a finite set, split once for all by a hash: a problem is in the same part
whichever kind is asked and whatever the seed, and a + b goes where b + a goes. `small`, for
the smallest models, is split for itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, zip_longest

from minir1.errors import UserError, did_you_mean, shorten
from minir1.tasks.base import HELD_OUT, Exercise, rank, step_positions
from minir1.tasks.listed import Parts
from minir1.tasks.plain import whole_number

KINDS = {
    "sums": ("sums",),
    "differences": ("differences",),
    "products": ("products",),
    "mixed": ("sums", "differences", "products"),
    "small": ("small sums", "small products"),
}
LARGEST_SHARE = {"validation": 0.1, "test": 0.2}  # of a small set that may be held out


@dataclass(frozen=True)
class Arithmetic:
    """The task `arithmetic`, or `arithmetic:KIND`."""

    name: str
    kinds: Sequence[Parts]
    dropped: int = 0

    def training(self, seed: int, stage: str, step: int, count: int) -> list[Exercise]:
        """Return what a step asks: each kind in turn, each in epochs of its own."""
        exercises = []
        for position in step_positions(step, count):
            place, kind = divmod(position, len(self.kinds))
            exercises += self.kinds[kind].draw(seed, stage, [place])
        return exercises

    def held_out(self, part: str, count: int) -> list[Exercise]:
        """Return the first exercises of a held-out part, each kind in turn."""
        count = min(count, HELD_OUT.get(part, count))
        lists = [kind.held_out(part, count) for kind in self.kinds]
        turns = chain.from_iterable(zip_longest(*lists))
        return [exercise for exercise in turns if exercise is not None][:count]

    def score(self, exercise: Exercise, answer: str) -> float:
        """Pay 1 for the right whole number, 0 for anything else."""
        return float(whole_number(answer) == int(exercise.gold))


def open_arithmetic(kind: str = "mixed") -> Arithmetic:
    """Enumerate the problems of a kind and split them.

    Raises: UserError for an unknown kind.
    """
    if kind not in KINDS:
        raise UserError(
            f"arithmetic:{shorten(kind)}: no such kind{did_you_mean(kind, KINDS) or '.'} "
            f"There are {', '.join(f'arithmetic:{known}' for known in KINDS)}"
        )
    name = "arithmetic" if kind == "mixed" else f"arithmetic:{kind}"
    return Arithmetic(name, [_split(each) for each in KINDS[kind]])


@cache
def _split(kind: str) -> Parts:
    """Order the problems of a kind by their hash: test, then validation, then training.

    Held-out problems are asked one way round, training problems both ways.
    """
    ordered = sorted(_problems(kind), key=lambda pair: rank(f"{kind} {pair}"))
    size = {
        part: min(HELD_OUT[part], int(len(ordered) * LARGEST_SHARE[part])) for part in HELD_OUT
    }
    end = size["test"] + size["validation"]
    commutes = kind != "differences"
    once = [
        _ask(kind, a, b)
        if not commutes or rank(f"turn {kind} {a} {b}") < 0.5
        else _ask(kind, b, a)
        for a, b in ordered[:end]
    ]
    train = [_ask(kind, a, b) for a, b in ordered[end:]]
    if commutes:
        train += [_ask(kind, b, a) for a, b in ordered[end:] if a != b]
    return Parts(train, validation=once[size["test"] :], test=once[: size["test"]])


def _problems(kind: str) -> list[tuple[int, int]]:
    """List the operands of every problem of a kind, a + b and b + a once."""
    two_digits = range(10, 100)
    if kind == "sums":
        return [(a, b) for a in two_digits for b in range(a, 100)]
    if kind == "differences":
        return [(a, b) for a in two_digits for b in range(10, a)]
    end = {"small sums": 51, "small products": 31}.get(kind, 100)
    return [(a, b) for a in range(2, 10) for b in range(a, end)]


def _ask(kind: str, a: int, b: int) -> Exercise:
    known = {"sums": ("+", a + b), "differences": ("-", a - b), "products": ("*", a * b)}
    sign, value = known[kind.removeprefix("small ")]
    return Exercise(f"What is {a} {sign} {b}?", str(value))
