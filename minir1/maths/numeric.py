"""Which values are equal though no fraction says so? Looked at in six points, to 256 bits.

Equal to the last of about 200 bits is evidence, not proof; two different numbers that can be
written in 500 symbols and agree so far do not turn up by chance.

A function of symbols is computed in six points, the same for every text: positive, negative
and whole ones. There √x and log x of a negative x have no value (odd roots have), and a point
where either side has none does not count; two points have to be left. So |x| is not x, but
log x² is 2 log x, as equal as they are where both have a meaning.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

from minir1.maths.balls import (
    EXACT,
    Ball,
    add,
    ball,
    call,
    context,
    divide,
    exactly,
    gamma,
    multiply,
    power,
    rational_power,
    same,
)
from minir1.maths.bounds import Meter, Undefined
from minir1.maths.exact import Point, rational
from minir1.maths.tree import Tree, symbols, walk
from minir1.rng import generator

POINTS = 6
ENOUGH = 2  # points in which both sides have a value

Balls = Sequence[Ball | Fraction | None]


@lru_cache(maxsize=4096)
def _coordinate(name: str, point: int) -> Fraction:
    """Return what a symbol stands for in a point: its own number, the same in every text."""
    rng = generator(0, "verifier", name, point)
    odd = 2 * int(rng.integers(1 << 20, 1 << 21)) + 1
    small = Fraction(odd, 1 << 22)  # in (1/2, 1); its denominator is even
    whole = 2 * int(rng.integers(1, 20))
    sign = int(rng.choice([-1, 1]))
    return (small, 3 * small, -small, 2 * sign * small, Fraction(whole), Fraction(whole + 1))[
        point
    ]


def balls(tree: Tree, meter: Meter) -> Balls:
    """Compute a tree in every point, or once if it has no symbols; None: it has no value."""
    names = symbols(tree)
    free = not names or any(node.op == "constant" and node.leaf == "i" for node in walk(tree))
    values: list[Ball | Fraction | None] = []
    for point in range(POINTS if names else 1):
        try:
            place = {name: _coordinate(name, point) for name in names}
            fraction = rational(tree, meter, place)
            known = evaluate(tree, place, meter, free) if fraction is None else fraction
            values.append(known)
        except (Undefined, ZeroDivisionError):
            values.append(None)
    return values


def agree(one: Balls, other: Balls) -> bool:
    """Say whether two functions agree wherever both have a value, and that in enough points."""
    if len(one) < len(other):
        one = list(one) * len(other)
    if len(other) < len(one):
        other = list(other) * len(one)
    pairs = [(a, b) for a, b in zip(one, other, strict=True) if a is not None and b is not None]
    return len(pairs) >= min(ENOUGH, len(one)) and all(_same(a, b) for a, b in pairs)


def _same(one: Ball | Fraction, other: Ball | Fraction) -> bool:
    """Compare two values: exactly if both are fractions."""
    if isinstance(one, Fraction) and isinstance(other, Fraction):
        return one == other
    return same(rounded(one), rounded(other))


def rounded(value: Ball | Fraction) -> Ball:
    """Return a value as a ball."""
    return exactly(value) if isinstance(value, Fraction) else value


def evaluate(tree: Tree, point: Point, meter: Meter, free: bool) -> Ball:
    """Compute a tree in a point; `free` lets roots and logarithms be complex.

    Raises: Undefined where there is no value; Unreadable if the meter runs out.
    """
    meter.pay(8)
    if tree.op in ("number", "symbol", "based"):
        value = rational(tree, meter, point)
        if value is None:
            raise Undefined("a symbol without a value")
        return exactly(value)
    if tree.op == "constant":
        return _constant(tree.leaf)
    if tree.op == "power" and (exponent := rational(tree.args[1], meter, point)) is not None:
        meter.pay(20)
        return rational_power(evaluate(tree.args[0], point, meter, free), exponent, free)
    if tree.op == "root":
        degree = rational(tree.args[0], meter, point)
        if not degree:
            raise Undefined("a root of a degree that is no fraction")
        meter.pay(20)
        return rational_power(evaluate(tree.args[1], point, meter, free), 1 / degree, free)
    args = [evaluate(arg, point, meter, free) for arg in tree.args]
    return _combine(tree, args, meter, free)


def _constant(name: str) -> Ball:
    ctx = context()
    known = {"pi": ctx.pi, "e": ctx.e, "i": ctx.j}
    if name not in known:
        raise Undefined(f"{name} is no number")
    return ball(+known[name], EXACT)


def _combine(tree: Tree, args: list[Ball], meter: Meter, free: bool) -> Ball:
    """Compute a node from the values of its parts."""
    if tree.op == "sum":
        return add(args)
    if tree.op == "product":
        result = args[0]
        for arg in args[1:]:
            result = multiply(result, arg)
        return result
    if tree.op == "quotient" or (tree.op == "ratio" and len(args) == 2):
        return divide(args[0], args[1])
    if tree.op == "negative":
        return Ball(-args[0].value, args[0].error)
    if tree.op == "degrees":
        return multiply(args[0], ball(context().pi / 180, EXACT))
    if tree.op == "power":
        meter.pay(30)
        return power(args[0], args[1], free)
    if tree.op == "call":
        meter.pay(20)
        return call(tree.leaf, args[0], free)
    if tree.op == "factorial":
        meter.pay(60)
        return gamma(_more(args[0], 1))
    if tree.op == "binomial":
        meter.pay(180)
        n, k = args
        below = multiply(gamma(_more(k, 1)), gamma(_more(add([n, _minus(k)]), 1)))
        return divide(gamma(_more(n, 1)), below)
    raise Undefined(f"a {tree.op} has no value")


def _more(one: Ball, step: int) -> Ball:
    return add([one, exactly(Fraction(step))])


def _minus(one: Ball) -> Ball:
    value: Any = -one.value
    return Ball(value, one.error)
