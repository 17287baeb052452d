"""Which values can be computed exactly? Fractions, and polynomials over the rationals.

Plain numbers never need sympy. Rational functions of symbols become quotients of two of
sympy's polynomials, built from our tree and never from text; equal is then a proof:
a/b = c/d where ad - bc is the zero polynomial.
"""

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

from minir1.maths.bounds import (
    GREATEST_DEGREE,
    GREATEST_EXPONENT,
    GREATEST_FACTORIAL,
    MOST_BITS,
    MOST_FRACTION_BITS,
    MOST_TERMS,
    Meter,
    Undefined,
)
from minir1.maths.tree import Tree

Point = Mapping[str, Fraction]
_NOWHERE: Point = {}
_COEFFICIENT_BITS = 600  # that a polynomial's coefficients may grow to


def rational(tree: Tree, meter: Meter, point: Point = _NOWHERE) -> Fraction | None:
    """Compute a value exactly; None if it is irrational or too large for that.

    Raises: Undefined where there is no value; Unreadable if the meter runs out.
    """
    meter.pay(2)
    if tree.op == "number":
        return tree.leaf  # type: ignore[no-any-return]
    if tree.op == "symbol":
        return point.get(tree.leaf)
    rule = _RULES.get(tree.op)
    if rule is None:
        return None
    values = []
    for arg in tree.args:
        value = rational(arg, meter, point)
        if value is None:
            return None
        values.append(value)
    result = rule(tree, values)
    if result is None or not _small(result):
        return None
    meter.pay(_bits(result) // 50)
    return result


def _bits(value: Fraction) -> int:
    return value.numerator.bit_length() + value.denominator.bit_length()


def _small(value: Fraction) -> bool:
    return _bits(value) <= (MOST_BITS if value.denominator == 1 else MOST_FRACTION_BITS)


def _sum(_: Tree, values: list[Fraction]) -> Fraction | None:
    total = Fraction(0)
    for value in values:
        total += value
        if not _small(total):
            return None
    return total


def _product(_: Tree, values: list[Fraction]) -> Fraction | None:
    result = Fraction(1)
    for value in values:
        if _bits(result) + _bits(value) > 2 * MOST_BITS:
            return None
        result *= value
        if not _small(result):
            return None
    return result


def _quotient(_: Tree, values: list[Fraction]) -> Fraction:
    if values[1] == 0:
        raise Undefined("division by zero")
    return values[0] / values[1]


def _power(_: Tree, values: list[Fraction]) -> Fraction | None:
    base, exponent = values
    if base == 0 and exponent <= 0:
        raise Undefined("zero to a power that is not positive")
    if exponent.denominator != 1 or abs(exponent) > GREATEST_EXPONENT:
        return None
    if _bits(base) * abs(exponent) > (
        MOST_BITS if base.denominator == 1 else MOST_FRACTION_BITS
    ):
        return (
            base if abs(base) == 1 and exponent % 2 else Fraction(1) if abs(base) == 1 else None
        )
    return base ** int(exponent)


def _root(_: Tree, values: list[Fraction]) -> Fraction | None:
    """Take a square root that is a fraction; others are left to `numeric.py`."""
    degree, inside = values
    if degree != 2 or inside < 0:
        return None
    above, below = math.isqrt(inside.numerator), math.isqrt(inside.denominator)
    exact = above * above == inside.numerator and below * below == inside.denominator
    return Fraction(above, below) if exact else None


def _factorial(_: Tree, values: list[Fraction]) -> Fraction | None:
    (n,) = values
    if n.denominator != 1 or n > GREATEST_FACTORIAL:
        return None
    if n < 0:
        raise Undefined("the factorial of a negative number")
    return Fraction(math.factorial(int(n)))


def _binomial(_: Tree, values: list[Fraction]) -> Fraction | None:
    n, k = values
    if n.denominator != 1 or k.denominator != 1 or not 0 <= n <= GREATEST_FACTORIAL or k < 0:
        return None
    return Fraction(math.comb(int(n), int(k)))


def _call(tree: Tree, values: list[Fraction]) -> Fraction | None:
    (value,) = values
    if tree.leaf == "abs":
        return abs(value)
    if tree.leaf == "floor":
        return Fraction(math.floor(value))
    return Fraction(math.ceil(value)) if tree.leaf == "ceil" else None


def _based(tree: Tree, _: list[Fraction]) -> Fraction | None:
    digits, base = tree.leaf
    return Fraction(int(digits, base))


_RULES = {
    "sum": _sum,
    "product": _product,
    "quotient": _quotient,
    "ratio": lambda tree, values: _quotient(tree, values) if len(values) == 2 else None,
    "negative": lambda _, values: -values[0],
    "power": _power,
    "root": _root,
    "factorial": _factorial,
    "binomial": _binomial,
    "call": _call,
    "based": _based,
}


@lru_cache(maxsize=16)
def _ring(count: int) -> Any:
    """Make sympy's ring of polynomials in so many unknowns over the rationals."""
    from sympy.polys.domains import QQ
    from sympy.polys.rings import ring

    return ring([f"x{i}" for i in range(count)], QQ)[0]


def quotient(tree: Tree, names: Sequence[str], meter: Meter) -> tuple[Any, Any] | None:
    """Multiply a rational function out into two polynomials; None if it is another kind.

    Raises: Undefined for a division by zero; Unreadable if the meter runs out.
    """
    if not names or _growth(tree) is None:
        return None
    polynomials = _ring(len(names))
    try:
        return _multiply_out(tree, polynomials, list(names), meter)
    except _TooManyTerms:
        return None


class _TooManyTerms(Exception):
    """A product of polynomials that would be too long."""


def _growth(tree: Tree) -> tuple[int, int] | None:
    """Bound the degree and the bits of coefficients before anything is multiplied out."""
    if tree.op == "number":
        grown = (0, _bits(tree.leaf))
    elif _is_constant(tree):
        grown = (0, _bits(tree.args[0].leaf) * abs(int(tree.args[1].leaf)))
    elif tree.op == "symbol":
        grown = (1, 1)
    elif tree.op == "power":
        inside, exponent = _growth(tree.args[0]), tree.args[1]
        if inside is None or exponent.op != "number" or exponent.leaf.denominator != 1:
            return None
        times = abs(int(exponent.leaf))
        grown = (inside[0] * times, (inside[1] + 4) * times)
    elif tree.op in ("sum", "product", "quotient", "negative"):
        parts = [_growth(arg) for arg in tree.args]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        grown = (sum(part[0] for part in known), sum(part[1] for part in known) + len(parts))
    else:
        return None
    return grown if grown[0] <= GREATEST_DEGREE and grown[1] <= _COEFFICIENT_BITS else None


def _is_constant(tree: Tree) -> bool:
    """Say whether this is a power of numbers, as in 2.5 · 10^-80."""
    if tree.op != "power" or {arg.op for arg in tree.args} != {"number"}:
        return False
    return bool(tree.args[1].leaf.denominator == 1 and tree.args[0].leaf != 0)


def _times(one: Any, other: Any, meter: Meter) -> Any:
    terms = len(one) * len(other)
    if terms > MOST_TERMS:
        raise _TooManyTerms
    meter.pay(10 + 3 * terms)
    return one * other


def _multiply_out(tree: Tree, ring: Any, names: list[str], meter: Meter) -> tuple[Any, Any]:
    """Return the numerator and the denominator of a tree that `_growth` has passed."""
    if tree.op == "number":
        return ring(ring.domain(tree.leaf.numerator, tree.leaf.denominator)), ring.one
    if tree.op == "symbol":
        return ring.gens[names.index(tree.leaf)], ring.one
    if _is_constant(tree):
        value = tree.args[0].leaf ** int(tree.args[1].leaf)
        return ring(ring.domain(value.numerator, value.denominator)), ring.one
    if tree.op == "power":
        above, below = _multiply_out(tree.args[0], ring, names, meter)
        times = int(tree.args[1].leaf)
        if times <= 0 and not above:
            raise Undefined("zero to a power that is not positive")
        if times < 0:
            above, below = below, above
        return _repeat(above, abs(times), ring, meter), _repeat(below, abs(times), ring, meter)
    parts = [_multiply_out(arg, ring, names, meter) for arg in tree.args]
    above, below = parts[0]
    if tree.op == "negative":
        return -above, below
    for top, bottom in parts[1:]:
        if tree.op == "sum" and bottom == below:
            meter.pay(10 + len(above) + len(top))
            above = above + top
        elif tree.op == "sum":
            above = _times(above, bottom, meter) + _times(top, below, meter)
            below = _times(below, bottom, meter)
        else:
            if tree.op == "quotient":
                top, bottom = bottom, top
            above, below = _times(above, top, meter), _times(below, bottom, meter)
    if not below:
        raise Undefined("division by zero")
    return above, below


def _repeat(polynomial: Any, times: int, ring: Any, meter: Meter) -> Any:
    result = ring.one
    for _ in range(times):
        result = _times(result, polynomial, meter)
    return result
