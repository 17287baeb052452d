"""What does an equation or an inequality say? A name for a value, or a condition.

`x = 5`, `f(x) = 2x` and `AB = 5` name a value: the left side is a label. `2 + 3 = 5` is a
calculation whose sides agree, and its value is the last. Any other equation is a condition,
the same as another if the differences of their sides are proportional.
"""

from itertools import pairwise

from minir1.maths.numeric import rounded
from minir1.maths.tree import Tree, negative, symbols
from minir1.maths.values import Judge

_TURNED = {">": "<", ">=": "<=", "<": "<", "<=": "<="}
_FUNCTIONS = frozenset("fghFGHPQpqT")  # letters that are applied: f(x) is no product
_NEAR = 0.01  # of the value: how far the two sides of ≈ may differ


def is_label(tree: Tree) -> bool:
    """Say whether a left side names what is computed: x, AB, f(x), f(2), dy/dx, (x, y)."""
    if tree.op == "symbol":
        return True
    if tree.op == "quotient":
        return all(map(is_label, tree.args))
    if tree.op == "call" and tree.leaf == "abs":
        return is_label(tree.args[0])
    if tree.op == "tuple":
        return all(part.op == "symbol" for part in tree.args)
    if tree.op == "product":
        first = tree.args[0]
        named = first.op == "symbol" or (first.op == "power" and first.args[0].op == "symbol")
        return named and all(_is_argument(arg) for arg in tree.args[1:])
    return False


def _is_argument(tree: Tree) -> bool:
    if tree.op == "negative":
        return tree.args[0].op == "number"
    return tree.op in ("symbol", "number", "constant")


def _named(label: Tree) -> frozenset[str]:
    """Name the letters that a label stands for: the f of f(x), both of xy."""
    first = label.args[0] if label.op == "product" else label
    applied = label.op == "product" and (first.op == "power" or len(label.args) == 2)
    return symbols(first if applied and first.leaf in _FUNCTIONS else label)


def split(tree: Tree, judge: Judge) -> tuple[Tree | None, Tree]:
    """Take the label and the value out of `label = … = value`; others stay what they are."""
    if tree.op != "relation":
        return None, tree
    if tree.leaf == ("in",) and is_label(tree.args[0]):
        return tree.args[0], tree.args[1]
    if set(tree.leaf) == {"~"}:
        return _approximate(tree, judge)
    if set(tree.leaf) != {"="}:
        return None, tree
    label, values = None, tree.args
    if not symbols(values[0]) and values[-1].op == "symbol":  # 5 = x
        values = values[::-1]
    if is_label(values[0]) and not _named(values[0]) & symbols(values[-1]):
        label, values = values[0], values[1:]
    for one, other in pairwise(values):
        if not judge.equal(one, other):
            return None, tree
    return label, values[-1]


def _approximate(tree: Tree, judge: Judge) -> tuple[Tree | None, Tree]:
    """Take the value out of x ≈ 3.14; of √2 ≈ 1.41 the exact side, if the other is near."""
    first, last = tree.args[0], tree.args[-1]
    if is_label(first):
        return first, last
    one, other = judge.value(first).balls[0], judge.value(last).balls[0]
    if one is not None and other is not None:
        exact, near = rounded(one).value, rounded(other).value
        if abs(exact - near) <= _NEAR * abs(exact):
            return None, first
    return None, tree


def same_label(one: Tree | None, other: Tree | None, judge: Judge) -> bool:
    """Say whether two labels do not contradict: only two different letters do."""
    if one is None or other is None or one.op != "symbol" or other.op != "symbol":
        return True
    return judge.equal(one, other)


def same_condition(one: Tree, other: Tree, judge: Judge) -> bool:
    """Say whether two equations, or two inequalities, are the same condition."""
    if len(one.args) != 2 or len(other.args) != 2:
        return False
    (sign, first), (mark, second) = _difference(one), _difference(other)
    return sign == mark and judge.proportional(first, second, positive=sign in ("<", "<="))


def _difference(tree: Tree) -> tuple[str, Tree]:
    """Write a relation as a difference of sides and how it compares to zero."""
    (sign,) = tree.leaf
    left, right = tree.args if sign not in (">", ">=") else reversed(tree.args)
    return _TURNED.get(sign, sign), Tree("sum", (left, negative(right)))
