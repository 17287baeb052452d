"""Which part of the line is meant? Intervals, unions, inequalities, as cuts of the line.

A set of numbers is the sorted list of the places where a walk along the line enters or leaves
it. A cut lies just before a number (-1) or just behind it (+1): [1, 2) is entered before 1 and
left before 2; {3} is entered before 3 and left behind it. Two sets are equal if their cuts are.
"""

from collections.abc import Callable
from typing import Any

from minir1.maths.balls import Ball, context, real, same
from minir1.maths.numeric import rounded
from minir1.maths.tree import Tree, infinite, symbols
from minir1.maths.values import Judge

Cut = tuple[Any, int]  # (number, -1 or 1)
Region = list[Cut]
BEFORE, BEHIND = -1, 1
_SIZES = {"<", ">", "<=", ">="}
_TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


class Line:
    """The numbers at which something changes; numbers that are equal are made one."""

    def __init__(self, judge: Judge):
        self.judge = judge
        self.known: list[Ball] = []
        self._found: dict[int, Any] = {}

    def at(self, tree: Tree) -> Any:
        """Return the number that a tree is, None if it is no real number."""
        if id(tree) not in self._found:
            self._found[id(tree)] = self._find(tree)
        return self._found[id(tree)]

    def _find(self, tree: Tree) -> Any:
        if sign := infinite(tree):
            return context().inf * sign
        if symbols(tree):
            return None
        value = self.judge.value(tree)
        known = value.balls[0]
        if known is None or not real(ball := rounded(known)):
            return None
        ball = Ball(context().re(ball.value), ball.error)
        self.judge.meter.pay(5 * len(self.known))
        for other in self.known:
            if same(ball, other):
                return other.value
        self.known.append(ball)
        return ball.value


def region(tree: Tree, line: Line) -> Region | None:
    """Return the set of real numbers that a tree names, None if it names none."""
    if tree.op == "reals":
        return _everything()
    if tree.op == "tuple" and len(tree.args) == 2:
        low, high = tree.args
        return _between(line.at(low), tree.leaf[0] == "(", line.at(high), tree.leaf[1] == ")")
    if tree.op == "set":
        parts = [_point(line.at(item)) for item in tree.args]
        return _join(parts, _either)
    if tree.op == "relation":
        return _inequality(tree, line)
    if tree.op in _RULES:
        return _join([region(part, line) for part in tree.args], _RULES[tree.op])
    if tree.op == "list" and all(part.op == "relation" for part in tree.args):
        return _listed(tree, line)
    return None


def is_region(tree: Tree) -> bool:
    """Say whether a tree is written as a part of the line, not merely as a pair or a set."""
    if tree.op in ("union", "intersection", "difference", "reals"):
        return True
    if tree.op == "tuple" and len(tree.args) == 2:
        return tree.leaf in ("[)", "(]") or any(map(infinite, tree.args))
    if tree.op == "relation":
        return bool(set(tree.leaf) & (_SIZES | {"!="}))
    return tree.op == "list" and any(is_region(part) for part in tree.args)


def _everything() -> Region:
    infinity = context().inf
    return [(-infinity, BEHIND), (infinity, BEFORE)]


def _point(value: Any) -> Region | None:
    return None if value is None else [(value, BEFORE), (value, BEHIND)]


def _between(low: Any, low_open: bool, high: Any, high_open: bool) -> Region | None:
    if low is None or high is None or low > high:
        return None
    infinity = context().inf
    enter = (low, BEHIND if low_open or low == -infinity else BEFORE)
    leave = (high, BEFORE if high_open or high == infinity else BEHIND)
    return [enter, leave] if enter < leave else []


def _inequality(tree: Tree, line: Line) -> Region | None:
    """Read x < a, a < x, a < x < b, x ≠ a, for a letter x and numbers a and b."""
    letters = [place for place, side in enumerate(tree.args) if side.op == "symbol"]
    if len(letters) != 1 or len(tree.args) > 3:
        return None
    if tree.leaf == ("!=",):
        point = _point(line.at(tree.args[1 - letters[0]]))
        return _join([_everything(), point], _RULES["difference"])
    if tree.leaf == ("in",) and letters == [0]:
        return region(tree.args[1], line)
    if not set(tree.leaf) <= _SIZES:
        return None
    result: Region | None = _everything()
    for place, side in enumerate(tree.args):
        if place != letters[0]:
            between = tree.leaf[min(place, letters[0])]
            sign = between if letters[0] < place else _TURNED[between]
            result = _join([result, _beyond(sign, line.at(side))], _both)
    return result if len(tree.args) == 2 or letters == [1] else None


def _beyond(sign: str, value: Any) -> Region | None:
    """Return the numbers that are < value, or >, <=, >= value."""
    infinity = context().inf
    if "<" in sign:
        return _between(-infinity, True, value, sign == "<")
    return _between(value, sign == ">", infinity, True)


def _listed(tree: Tree, line: Line) -> Region | None:
    """Join conditions: by "or"; by "and"; by commas whichever leaves something."""
    letters = {side.leaf for part in tree.args for side in part.args if side.op == "symbol"}
    if len(letters) != 1:
        return None
    parts = [region(part, line) for part in tree.args]
    if tree.leaf == "or":
        return _join(parts, _either)
    return _join(parts, _both) or (None if tree.leaf == "and" else _join(parts, _either))


def _either(one: bool, other: bool) -> bool:
    return one or other


def _both(one: bool, other: bool) -> bool:
    return one and other


_RULES: dict[str, Callable[[bool, bool], bool]] = {
    "union": _either,
    "intersection": _both,
    "difference": lambda one, other: one and not other,
}


def _join(parts: list[Region | None], rule: Callable[[bool, bool], bool]) -> Region | None:
    """Walk along the line, and keep what the rule keeps; None if a part is None."""
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    result: Region = known[0] if known else []
    for other in known[1:]:
        inside = [False, False, False]
        joined: Region = []
        first, second = set(result), set(other)
        for cut in sorted(first | second):
            inside[0] ^= cut in first
            inside[1] ^= cut in second
            if rule(inside[0], inside[1]) != inside[2]:
                inside[2] = not inside[2]
                joined.append(cut)
        result = joined
    return result
