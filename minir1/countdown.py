"""Is this expression a solution? Decided without ever executing what the model wrote.

A model's text is hostile text: `2**10`, `9**9**9**9`, `__import__("os")`, ten thousand
parentheses. So nothing is evaluated by Python; a recursive-descent parser over exact
rationals reads this grammar, and nothing else:

    expression = term   { ("+" | "-") term }
    term       = factor { ("*" | "/") factor }
    factor     = number | "(" expression ")"
    number     = "0" | nonzero digit { digit }        ASCII digits, no leading zero

Left out on purpose: signs ("-3" could buy the opponent's number), decimals, powers, "//",
"=", names, digits of other scripts, numbers side by side. Blanks may stand anywhere
between two symbols, or not at all. Division is exact: 7/2 is 7/2.
Who is paid for a solution is decided in `rewards.py`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

MAX_CHARACTERS = 256  # an honest answer to six numbers has about 40
MAX_DEPTH = 32  # brackets inside brackets

Tree = int | tuple[str, "Tree", "Tree"]  # (operator, left, right)

_BLANKS = " \t\r\n"
_SYMBOL = re.compile(r"[ \t\r\n]*(?:(0|[1-9][0-9]*)(?![0-9])|([-+*/()]))")


class VerifierError(ValueError):
    """The text is not an expression of the grammar; the message says where it stops."""


@dataclass(frozen=True)
class Expression:
    """What was written: its exact value, the numbers it uses in order, and its tree."""

    value: Fraction
    numbers_used: tuple[int, ...]
    tree: Tree


def _symbols(text: str) -> list[int | str]:
    """Cut a text into numbers and the symbols + - * / ( )."""
    symbols: list[int | str] = []
    position, end = 0, len(text.rstrip(_BLANKS))
    while position < end:
        match = _SYMBOL.match(text, position)
        if match is None:
            here = end - len(text[position:end].lstrip(_BLANKS)) + 1
            raise VerifierError(f"character {here}: wanted a number or one of + - * / ( )")
        number, symbol = match.groups()
        symbols.append(symbol if number is None else int(number))
        position = match.end()
    return symbols


class _Parser:
    """One pass over the symbols; every method reads one rule of the grammar."""

    def __init__(self, symbols: list[int | str]):
        self.symbols = [*symbols, "end"]
        self.position = 0
        self.numbers: list[int] = []

    def next(self) -> int | str:
        self.position += 1
        return self.symbols[self.position - 1]

    def expression(self, depth: int) -> tuple[Fraction, Tree]:
        if depth > MAX_DEPTH:
            raise VerifierError(f"more than {MAX_DEPTH} brackets inside one another")
        value, tree = self.term(depth)
        while (operator := self.symbols[self.position]) in ("+", "-"):
            self.position += 1
            right, branch = self.term(depth)
            value = value + right if operator == "+" else value - right
            tree = (str(operator), tree, branch)
        return value, tree

    def term(self, depth: int) -> tuple[Fraction, Tree]:
        value, tree = self.factor(depth)
        while (operator := self.symbols[self.position]) in ("*", "/"):
            self.position += 1
            right, branch = self.factor(depth)
            if operator == "/" and right == 0:
                raise VerifierError("division by zero")
            value = value * right if operator == "*" else value / right
            tree = (str(operator), tree, branch)
        return value, tree

    def factor(self, depth: int) -> tuple[Fraction, Tree]:
        symbol = self.next()
        if isinstance(symbol, int):
            self.numbers.append(symbol)
            return Fraction(symbol), symbol
        if symbol != "(":
            raise VerifierError(f"symbol {self.position}: wanted a number or (, found {symbol}")
        inside = self.expression(depth + 1)
        if (closing := self.next()) != ")":
            raise VerifierError(f"symbol {self.position}: wanted ), found {closing}")
        return inside


def parse(text: str) -> Expression:
    """Read an expression into its exact value and the numbers that it uses.

    No text takes longer than about a millisecond: length and depth are bounded first.

    Raises: VerifierError for anything outside the grammar, and for division by zero.
    """
    if len(text) > MAX_CHARACTERS:
        raise VerifierError(f"longer than {MAX_CHARACTERS} characters")
    parser = _Parser(_symbols(text))
    value, tree = parser.expression(0)
    if (rest := parser.next()) != "end":
        raise VerifierError(f"symbol {parser.position}: wanted the end, found {rest}")
    return Expression(value, tuple(parser.numbers), tree)


def solves(text: str, numbers: Sequence[int], target: int) -> bool:
    """Say whether a text reaches the target with every number used exactly once.

    Nothing is rounded. What cannot be read is no solution, never an error. Values on the
    way may be negative or fractions: only the result counts.
    """
    try:
        expression = parse(text)
    except VerifierError:
        return False
    return expression.value == target and sorted(expression.numbers_used) == sorted(numbers)


def canonical(expression: Expression) -> str:
    """Name an expression so that a + b and b + a, a * b and b * a get one name.

    Brackets that change nothing vanish. Order of evaluation stays: (1 + 2) + 3 and
    1 + (2 + 3) are two names, as they are two attempts of the tiny world.
    """
    return _name(expression.tree)


def _name(tree: Tree) -> str:
    if isinstance(tree, int):
        return str(tree)
    operator, left, right = tree[0], _name(tree[1]), _name(tree[2])
    if operator in "+*":
        left, right = sorted((left, right))
    return f"({left}{operator}{right})"
