"""How is a number computed with its error? To 256 bits, and a bound that grows with them.

Every value carries the power of two that its error stays below. So √8 and 2√2 are told apart
from √8 and 2√2 + 10^-60, and a difference that rounding has swallowed is known as unknown.
Bounds are to the bit or two, not to the last digit; `same` leaves room for it.
"""

import math
import threading
from fractions import Fraction
from typing import Any, NamedTuple

import mpmath

from minir1.maths.bounds import GREATEST_EXPONENT, GREATEST_MAGNITUDE, Undefined

BITS = 256
SURE = 64  # bits that two values must have in common at least
EXACT = -(1 << 40)  # the error of a value that has none
_GREATEST_ANGLE = 60  # bits before the point, of what sine and its like are taken of
_GREATEST_POWER = 24  # bits of an exponent
_GREATEST_GAMMA = 2_000
_threads = threading.local()

for _constant in (mpmath.libmp.mpf_pi, mpmath.libmp.mpf_ln2, mpmath.libmp.mpf_e):
    _constant(8 * BITS)  # fills mpmath's memory of constants before threads share it


class Ball(NamedTuple):
    """A number, and the power of two that its error stays below."""

    value: Any
    error: int


def context() -> Any:
    """Return this thread's own mpmath: the shared one keeps its precision in a global."""
    if not hasattr(_threads, "context"):
        _threads.context = mpmath.MPContext()
        _threads.context.prec = BITS
    return _threads.context


def magnitude(value: Any) -> int:
    """Return an m with |value| < 2^m; very small for zero."""
    return int(context().mag(value)) + 1 if value else EXACT


def ball(value: Any, *errors: int) -> Ball:
    """Put a rounded value and the errors of what it came from together.

    Raises: Undefined if it is infinite, or beyond what is worth computing.
    """
    ctx = context()
    if isinstance(value, ctx.mpc) and not value.imag:
        value = value.real
    if not ctx.isfinite(value):
        raise Undefined("no finite value")
    size = magnitude(value)
    if size > GREATEST_MAGNITUDE or EXACT < size < -GREATEST_MAGNITUDE:
        raise Undefined("too large or too small a number")
    return Ball(value, max(*errors, size - BITS + 2) + 1)


def exactly(value: Fraction) -> Ball:
    """Make a ball of a fraction."""
    return ball(context().mpf(value.numerator) / value.denominator, EXACT)


def same(one: Ball, other: Ball) -> bool:
    """Say whether two values agree as far as they are known, and are known well enough."""
    error = max(one.error, other.error) + 4
    size = max(magnitude(one.value), magnitude(other.value))
    if magnitude(one.value - other.value) > error:
        return False
    return error < size - SURE or (size <= error < -2 * SURE)


def nothing(one: Ball) -> bool:
    """Say whether a value cannot be told from zero."""
    return magnitude(one.value) - 3 <= one.error


def real(one: Ball) -> bool:
    """Say whether a value has no imaginary part beyond its error."""
    return not isinstance(one.value, context().mpc) or magnitude(one.value.imag) <= one.error


def add(terms: list[Ball]) -> Ball:
    """Add up; the error is that of the largest term and of its rounding.

    Raises: Undefined if a term is known and lost all the same, as the 1 of 10^99·√2 + 1.
    """
    total = terms[0].value
    error = terms[0].error
    for term in terms[1:]:
        total = total + term.value
        error = max(error, term.error, magnitude(term.value) - BITS)
    error += len(terms).bit_length()
    for term in terms:
        if magnitude(term.value) <= error and not nothing(term):
            raise Undefined("a sum in which a term is lost")
    return ball(total, error)


def multiply(one: Ball, other: Ball) -> Ball:
    """Multiply."""
    first, second = magnitude(one.value), magnitude(other.value)
    errors = (first + other.error, second + one.error, one.error + other.error)
    return ball(one.value * other.value, max(errors) + 1)


def divide(one: Ball, other: Ball) -> Ball:
    """Divide; what cannot be told from zero divides nothing."""
    if nothing(other):
        raise Undefined("division by zero")
    below = magnitude(other.value) - 2
    errors = (one.error - below, magnitude(one.value) + other.error - 2 * below)
    return ball(one.value / other.value, max(errors) + 1)


def rational_power(base: Ball, exponent: Fraction, free: bool) -> Ball:
    """Raise to a fraction; odd roots of negative numbers are negative, as in school."""
    ctx = context()
    if abs(exponent) > GREATEST_EXPONENT:
        raise Undefined("too large an exponent")
    if nothing(base):
        if exponent <= 0:
            raise Undefined("zero to a power that is not positive")
        return Ball(ctx.zero, max(EXACT, math.ceil(base.error * float(exponent))))
    if exponent.denominator == 1:
        value = base.value ** int(exponent)
    elif real(base) and ctx.re(base.value) < 0 and exponent.denominator % 2:
        value = (-ctx.re(base.value)) ** (ctx.mpf(exponent.numerator) / exponent.denominator)
        value = -value if exponent.numerator % 2 else value
    elif real(base) and ctx.re(base.value) < 0 and not free:
        raise Undefined("an even root of a negative number")
    else:
        value = base.value ** (ctx.mpf(exponent.numerator) / exponent.denominator)
    relative = base.error - magnitude(base.value) + 2
    turns = max(0, math.frexp(float(abs(exponent)))[1]) + 2
    return ball(value, magnitude(value) + max(relative, -BITS) + turns)


def power(base: Ball, exponent: Ball, free: bool) -> Ball:
    """Raise a positive number (or, if free, any but zero) to any power, as e^(b log a)."""
    ctx = context()
    if nothing(base) or magnitude(exponent.value) > _GREATEST_POWER:
        raise Undefined("a power that cannot be told")
    if not free and not (real(base) and ctx.re(base.value) > 0 and real(exponent)):
        raise Undefined("a power of a negative number")
    return call("exp", multiply(exponent, call("log", base, free)), free)


def call(name: str, inside: Ball, free: bool) -> Ball:
    """Compute a function of one argument."""
    ctx, value, error = context(), inside.value, inside.error
    size = magnitude(value)
    if name == "abs":
        return ball(abs(value), error)
    if name in ("floor", "ceil"):
        return _whole(name, inside)
    if name == "log":
        if nothing(inside) or (real(inside) and ctx.re(value) < 0 and not free):
            raise Undefined("a logarithm of no positive number")
        return ball(ctx.log(value), error - size + 3)
    if name == "exp":
        if size > _GREATEST_POWER:
            raise Undefined("too large an exponent")
        result = ctx.exp(value)
        return ball(result, magnitude(result) + max(error, size - BITS) + 2)
    if size > _GREATEST_ANGLE or not real(inside):
        raise Undefined("too large an angle, or a complex one")
    return _trigonometric(name, Ball(ctx.re(value), max(error, size - BITS)))


def _whole(name: str, inside: Ball) -> Ball:
    """Round down or up; what may be a whole number is taken for one."""
    ctx = context()
    if not real(inside) or magnitude(inside.value) > BITS // 2:
        raise Undefined("no whole part")
    value = ctx.re(inside.value)
    nearest = ctx.nint(value)
    if magnitude(value - nearest) <= inside.error + 2:
        return Ball(nearest, EXACT)
    return Ball(ctx.floor(value) if name == "floor" else ctx.ceil(value), EXACT)


def _trigonometric(name: str, inside: Ball) -> Ball:
    """Compute a trigonometric or hyperbolic function, or an inverse one, of a real number."""
    ctx, value, error = context(), inside.value, inside.error
    if name in ("sin", "cos"):
        return ball(ctx.sin(value) if name == "sin" else ctx.cos(value), error)
    if name in ("tan", "cot", "sec", "csc"):
        sine, cosine = ball(ctx.sin(value), error), ball(ctx.cos(value), error)
        one = Ball(ctx.one, EXACT)
        above = {"tan": sine, "cot": cosine}.get(name, one)
        return divide(above, cosine if name in ("tan", "sec") else sine)
    if name == "arctan":
        return ball(ctx.atan(value), error)
    if name in ("arcsin", "arccos"):
        room = 1 - value * value
        if room < 0 and magnitude(room) > error + 2:
            raise Undefined("no angle has such a sine")
        value = min(max(value, -ctx.one), ctx.one)
        result = ctx.asin(value) if name == "arcsin" else ctx.acos(value)
        steep = magnitude(room) // 2 - 2 if magnitude(room) > error + 2 else error // 2
        return ball(result, error - steep)
    if magnitude(value) > _GREATEST_POWER:
        raise Undefined("too large an argument")
    if name in ("sinh", "cosh"):
        result = ctx.sinh(value) if name == "sinh" else ctx.cosh(value)
        return ball(result, magnitude(ctx.cosh(value)) + error)
    if name == "tanh":
        return ball(ctx.tanh(value), error)
    raise Undefined(f"{name} has no value here")


def gamma(inside: Ball) -> Ball:
    """Compute Γ of a real number that is not very large."""
    ctx = context()
    if not real(inside) or abs(value := ctx.re(inside.value)) > _GREATEST_GAMMA:
        raise Undefined("the factorial of a complex or very large number")
    if value <= 0 and magnitude(value - ctx.nint(value)) <= inside.error + 8:
        raise Undefined("the factorial of a negative number")
    result = ctx.gamma(value)
    return ball(result, magnitude(result) + max(inside.error, -BITS) + 16)
