"""The checker of Countdown agrees with exact arithmetic, and refuses all else at once."""

import operator
import re
import time
from fractions import Fraction

import pytest
from gallery import HOSTILE
from hypothesis import given, settings
from hypothesis import strategies as st

from minir1.countdown import (
    MAX_CHARACTERS,
    MAX_DEPTH,
    VerifierError,
    canonical,
    parse,
    solves,
)

OPERATIONS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}

numbers = st.integers(0, 99)
trees = st.recursive(
    numbers,
    lambda inside: st.tuples(st.sampled_from("+-*/"), inside, inside),
    max_leaves=8,
)


def value_of(tree):
    """Evaluate a tree with Fraction alone; None for a division by zero."""
    if isinstance(tree, int):
        return Fraction(tree)
    left, right = value_of(tree[1]), value_of(tree[2])
    if left is None or right is None or (tree[0] == "/" and right == 0):
        return None
    return Fraction(OPERATIONS[tree[0]](left, right))


def leaves_of(tree):
    return (tree,) if isinstance(tree, int) else leaves_of(tree[1]) + leaves_of(tree[2])


def written(tree, draw):
    """Write a tree with brackets wherever needed, some more, and blanks anywhere."""
    blank = draw(st.sampled_from(["", " ", "  ", "\n\t"]))
    if isinstance(tree, int):
        text = str(tree)
    else:
        symbol, left, right = tree
        text = f"{bracketed(left, symbol, False, draw)}{blank}{symbol}{blank}"
        text += bracketed(right, symbol, True, draw)
    return f"({blank}{text})" if draw(st.booleans()) else text


def bracketed(tree, outer, is_right, draw):
    text = written(tree, draw)
    if isinstance(tree, int):
        return text
    tight = {"+": 1, "-": 1, "*": 2, "/": 2}
    needed = tight[tree[0]] < tight[outer] or (is_right and tight[tree[0]] == tight[outer])
    return f"({text})" if needed else text


@settings(deadline=None, max_examples=300)
@given(trees, st.data())
def test_a_written_tree_has_the_value_that_fractions_give_it(tree, data):
    text = written(tree, data.draw)
    if len(text) > MAX_CHARACTERS:
        return
    expected = value_of(tree)
    if expected is None:
        with pytest.raises(VerifierError, match="zero"):
            parse(text)
        return
    expression = parse(text)
    assert expression.value == expected
    assert expression.numbers_used == leaves_of(tree)
    assert expression.tree == tree
    if expected.denominator == 1:
        assert solves(text, expression.numbers_used[::-1], int(expected))
    assert not solves(text, expression.numbers_used, expected + 1)
    assert not solves(text, (*expression.numbers_used, 1), expected)


PIECES = ["0", "7", "10", "07", "n", "+", "-", "*", "/", "(", ")", " ", "=", ".", "\u0663"]


@settings(deadline=None, max_examples=600)
@given(st.lists(st.sampled_from(PIECES), max_size=7).map("".join))
def test_a_text_is_read_where_it_can_be_reduced_to_one_number_and_nowhere_else(text):
    """Reduce n + n and ( n ) to n as often as possible: an oracle that parses nothing."""
    reduced = re.sub(r"\b(0|[1-9][0-9]*)\b", "n", text.replace("n", "?"), flags=re.A)
    reduced = re.sub(r" *([-+*/()]) *", r"\1", reduced).strip(" ")
    before = ""
    while reduced != before:
        before = reduced
        reduced = re.sub(r"n[-+*/]n", "n", reduced)
        reduced = re.sub(r"\(n\)", "n", reduced)
    try:
        parse(text)
        read = True
    except VerifierError as error:
        if "zero" in str(error):  # found before the rest was read
            return
        read = False
    assert read == (reduced == "n")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("( 7 + 1 ) + 3", 11),
        ("7+1*3", 10),
        ("10 - 4 - 3", 3),
        ("2 * ( 3 + 4 ) - 5", 9),
        ("8 / 4 / 2", 1),
        ("1 / 3 * 3", 1),
        ("((((5))))", 5),
        ("0", 0),
        ("  12\t*\n2 ", 24),
        ("3 - 8", -5),
    ],
)
def test_hand_cases(text, value):
    assert parse(text).value == value


def test_division_is_exact():
    assert parse("7 / 2").value == Fraction(7, 2)
    assert not solves("7 / 2", (7, 2), 3)
    assert solves("( 1 / 3 ) * 9", (1, 3, 9), 3)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_are_refused_within_a_millisecond(text):
    fastest = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        with pytest.raises(VerifierError):
            parse(text)
        fastest = min(fastest, time.perf_counter() - start)
    assert fastest < 1e-3


@pytest.mark.parametrize(
    "text",
    [
        "9*" * 127 + "9",
        ("9" * 60 + "*") * 4 + "9",
        "1/9999991+1/9999973+" * 12 + "1",
        "1/(1+" * 31 + "1" + ")" * 31,
        "1-" * 127 + "1",
        "(" * MAX_DEPTH + "1" + ")" * MAX_DEPTH,
    ],
    ids=range(6),
)
def test_the_most_costly_legal_texts_take_about_a_millisecond(text):
    assert len(text) <= MAX_CHARACTERS
    fastest = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        parse(text)
        fastest = min(fastest, time.perf_counter() - start)
    assert fastest < 2e-3


def test_the_bounds_are_where_they_say():
    assert parse("(" * MAX_DEPTH + "1" + ")" * MAX_DEPTH).value == 1
    with pytest.raises(VerifierError, match="brackets"):
        parse("(" * (MAX_DEPTH + 1) + "1" + ")" * (MAX_DEPTH + 1))
    assert parse("1" + " " * (MAX_CHARACTERS - 1)).value == 1
    with pytest.raises(VerifierError, match="longer"):
        parse("1" + " " * MAX_CHARACTERS)


def test_every_number_is_used_exactly_once():
    assert solves("( 7 + 1 ) + 3", (3, 7, 1), 11)
    assert not solves("( 7 + 1 ) + 3", (3, 7, 1), 12)
    assert not solves("7 + 1 + 3 + 0", (3, 7, 1), 11)
    assert not solves("7 + 4", (3, 7, 1), 11)
    assert not solves("11", (3, 7, 1), 11)
    assert not solves("( 7 + 1 ) + 3 )", (3, 7, 1), 11)
    assert not solves("4 * 4 - 4 - 4", (4, 4, 4), 8)
    assert solves("4 * 4 - 4", (4, 4, 4), 12)
    assert not solves("4 * 3", (4, 4, 3), 12)


def test_canonical_joins_what_commutes_and_nothing_else():
    def name(text):
        return canonical(parse(text))

    assert name("( 7 + 1 ) * 3") == name("3 * ( 1 + 7 )")
    assert name("7 + 1 + 3") == name("( 7 + 1 ) + 3") == name("3 + ( 1 + 7 )")
    assert name("( 1 + 2 ) + 3") != name("1 + ( 2 + 3 )")
    assert name("7 - 1") != name("1 - 7")
    assert name("8 / 2") != name("2 / 8")
    assert name("1 + 23") != name("12 + 3")
    assert name("1 - ( 2 - 3 )") != name("( 1 - 2 ) - 3")


@settings(deadline=None)
@given(trees, st.randoms(use_true_random=False))
def test_swapping_the_sides_of_a_sum_or_product_keeps_the_name(tree, random):
    def swapped(tree):
        if isinstance(tree, int):
            return tree
        sides = [swapped(tree[1]), swapped(tree[2])]
        if tree[0] in "+*" and random.random() < 0.5:
            sides.reverse()
        return (tree[0], *sides)

    def plain(tree):
        if isinstance(tree, int):
            return str(tree)
        return f"({plain(tree[1])}{tree[0]}{plain(tree[2])})"

    if value_of(tree) is not None:
        name = canonical(parse(plain(tree)))
        assert canonical(parse(plain(swapped(tree)))) == name
        assert parse(name).value == value_of(tree)


def test_an_error_says_where_it_stopped():
    with pytest.raises(VerifierError, match="character 5"):
        parse("1 + x")
    with pytest.raises(VerifierError, match="symbol 2: wanted the end, found 2"):
        parse("1 2")
    with pytest.raises(VerifierError, match="symbol 3: wanted a number or"):
        parse("1 +")
