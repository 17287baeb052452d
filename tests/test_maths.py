"""Trees, exact and rounded values, and parts of the line agree with sympy and with counting."""

import itertools
from fractions import Fraction

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from minir1.maths.answers import read
from minir1.maths.balls import (
    BITS,
    Ball,
    add,
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
from minir1.maths.bounds import MOST_DEPTH, Meter, Undefined, Unreadable
from minir1.maths.compare import equivalent
from minir1.maths.exact import rational
from minir1.maths.numeric import evaluate
from minir1.maths.objects import to_sympy, written
from minir1.maths.realsets import Line, region
from minir1.maths.tree import Tree, number
from minir1.maths.units import same_unit, unit_of
from minir1.maths.values import Judge

WHOLE = st.integers(-30, 30)
LEAVES = WHOLE.map(number)


def _joined(parts: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    pairs = st.tuples(parts, parts)
    return (
        pairs.map(lambda args: Tree("sum", args))
        | pairs.map(lambda args: Tree("product", args))
        | pairs.map(lambda args: Tree("quotient", args))
        | parts.map(lambda arg: Tree("negative", (arg,)))
        | st.tuples(parts, st.integers(-3, 3)).map(
            lambda args: Tree("power", (args[0], number(args[1])))
        )
    )


@settings(max_examples=50, deadline=None)
@given(st.recursive(LEAVES, _joined, max_leaves=8))
def test_exact_values_are_those_of_sympy(tree: Tree) -> None:
    try:
        value = rational(tree, Meter())
    except ArithmeticError:
        return  # sympy says zoo or nan, or 1 where zero to the zeroth is asked
    theirs = to_sympy(tree).doit()
    assert value is not None and sympy.Rational(value.numerator, value.denominator) == theirs


@pytest.mark.parametrize(
    "text",
    [
        r"\sqrt{2}+\sqrt[3]{5}", r"\frac{1+\sqrt5}{2}", r"e^{\pi}-\pi^e",
        r"\sin 1+\cos\frac{1}{3}",
        r"\ln 7\cdot\arctan 2", r"\binom{7}{3}!^{1/9}", r"\tan 2-\cot 3", r"\arcsin\frac13",
        r"2^{0.3}\sinh 1", r"\sqrt{3+4i}", r"|3-5|\lfloor\pi\rfloor", r"\log_3 5+\lg 7",
    ],
)  # fmt: skip
def test_rounded_values_are_those_of_sympy(text: str) -> None:
    ball = evaluate(read(text), {}, Meter(), free=True)
    theirs = to_sympy(read(text)).evalf(90)
    distance = abs(sympy.sympify(ball.value) - theirs)
    assert distance < sympy.Integer(2) ** (ball.error + 4)
    assert ball.error < -BITS + 96  # and the bound is not far from the truth


FUNCTION_NAMES = """
exp log sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh abs root power gamma divide
multiply
"""


@pytest.mark.parametrize("name", FUNCTION_NAMES.split())
def test_an_error_grows_as_the_function_is_steep(name: str) -> None:
    """Moving the argument by its error moves the value by less than the bound that is given."""
    ctx = context()
    for value, error in itertools.product(
        ("0.001", "0.3", "0.93", "0.9999", "2.6", "17"), (-90, -40)
    ):
        if name in ("arcsin", "arccos") and float(value) > 1:
            continue
        moved = ctx.mpf(value) + ctx.mpf(2) ** (error - 1)
        first, second = (_apply(name, Ball(at, error)) for at in (ctx.mpf(value), moved))
        assert abs(first.value - second.value) < ctx.mpf(2) ** first.error


def _apply(name: str, inside: Ball) -> Ball:
    if name == "root":
        return rational_power(inside, Fraction(1, 3), False)
    if name == "power":
        return power(inside, inside, False)
    if name == "gamma":
        return gamma(inside)
    if name == "divide":
        return divide(exactly(Fraction(7)), inside)
    return multiply(inside, inside) if name == "multiply" else call(name, inside, False)


def test_what_rounding_has_swallowed_is_unknown() -> None:
    """A sum is refused in which a term is too small for 256 bits to hold it."""
    large = multiply(call("exp", exactly(Fraction(1, 2)), False), exactly(Fraction(10**100)))
    with pytest.raises(Undefined, match="lost"):
        add([large, exactly(Fraction(1))])
    minus = Ball(-large.value, large.error)
    assert not same(add([large, minus]), exactly(Fraction(0)))  # 0 to some 10^23
    assert same(large, Ball(large.value * (1 + context().mpf(2) ** -250), large.error))
    assert not same(large, Ball(large.value * (1 + context().mpf(2) ** -200), large.error))


INTERVALS = st.tuples(
    st.integers(0, 4), st.integers(1, 3), st.sampled_from("(["), st.sampled_from(")]")
)


@settings(max_examples=50, deadline=None)
@given(st.lists(INTERVALS, min_size=1, max_size=3), st.lists(INTERVALS, min_size=1, max_size=3))
def test_parts_of_the_line_are_equal_if_they_hold_the_same_numbers(
    one: list[tuple[int, int, str, str]], other: list[tuple[int, int, str, str]]
) -> None:
    texts, members = [], []
    for parts in (one, other):
        texts.append(
            r" \cup ".join(f"{a}{low}, {low + width}{b}" for low, width, a, b in parts)
        )
        members.append(
            {
                place / 2
                for place in range(20)
                for low, width, a, b in parts
                if (low < place / 2 or (a == "[" and low == place / 2))
                and (place / 2 < low + width or (b == "]" and place / 2 == low + width))
            }
        )
    trees = [Tree("union", (read(text), read("[0,0]"))) for text in texts]
    equal = {0, *members[0]} == {0, *members[1]}
    assert equivalent(trees[0], trees[1], Meter(10**6)) == equal


def test_cuts_of_the_line() -> None:
    tree = read(r"[1,2) \cup (2, 3] \cup \{2\}")
    cuts = region(tree, Line(Judge(tree, tree, Meter())))
    assert cuts == [(1, -1), (3, 1)]


@pytest.mark.parametrize(
    ("one", "other", "same_one"),
    [
        ("km / h", "kilometres per hour", True), ("m ^2", "square metres", True),
        ("m ^2", "metres", False), ("cubic feet", "ft ^3", True), ("red apples", "apple", True),
        ("apples", "pears", False), ("mph", "miles per hour", True),
        ("m / s ^2", "m / s", False),
    ],
)  # fmt: skip
def test_units_have_one_name(one: str, other: str, same_one: bool) -> None:
    assert same_unit(unit_of(one.split()), unit_of(other.split())) is same_one


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (r"2\sqrt{8}", "2*sqrt(8)"), ("x > 2", "x > 2"), (r"(1, \frac12]", "(1, 1/2]"),
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", "[[1, 2], [3, 4]]"), ("Yes!", "“yes”"),
        ("5 km/h", "5 hour^-1 kilometre"), ("1011_2", "1011 in base 2"), (r"\pm 3", "±3"),
        (r"[0,1] \cup \{3\}", "[0, 1] ∪ {3}"), ("3:4", "3 : 4"), ("2^{10^{5}}", "2**(10**5)"),
        (r"\frac{x+1}{2}", "(x + 1)/2"), ("(A) 5", "“A”"), (r"\mathbb{R}", "ℝ"),
        ("1, 2", "1, 2"), ("{2, 1}", "{2, 1}"),
    ],
)  # fmt: skip
def test_what_was_read_can_be_shown(text: str, shown: str) -> None:
    assert written(read(text)) == shown


@pytest.mark.parametrize(
    "text",
    [
        "2 3", "1..2", "(1, 2", "x^", r"\frac{1}", "|x", r"\unknown{1}", "1 = ", "{x", "4_1",
        "(" * (MOST_DEPTH + 1) + "1" + ")" * (MOST_DEPTH + 1), "1" * 401, "1e500",
        "1+" * 400 + "1",
    ],
)  # fmt: skip
def test_what_is_no_answer_cannot_be_read(text: str) -> None:
    with pytest.raises(Unreadable):
        read(text)


def test_a_meter_runs_out() -> None:
    tree = read("+".join(rf"\sin^2 {i}" for i in itertools.islice(itertools.count(1), 40)))
    assert equivalent(tree, tree, Meter(10**6))
    with pytest.raises(Unreadable, match="work"):
        equivalent(tree, tree, Meter(100))
