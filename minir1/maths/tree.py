"""What is an answer once it has been read? A tree of plain tuples, safe to walk.

number      leaf: Fraction                 constant   leaf: pi, e, i, infinity
symbol      leaf: its name                 call       leaf: sin, log, …; args: its argument
sum, product, quotient, negative, power, root(degree, of what), factorial, binomial
plusminus   args: what stands behind the sign; leaf: + for ±, - for ∓
degrees     30°                            based      leaf: (digits, base)
quantity    args: amount; leaf: its unit   text       leaf: words
list, set, tuple (leaf: its brackets), matrix (leaf: rows, columns), ratio
relation    leaf: one of = < > <= >= != in ~       union, intersection, difference
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any


@dataclass(frozen=True, slots=True)
class Tree:
    """A node: what it is, what it is made of, and what cannot be taken apart."""

    op: str
    args: tuple["Tree", ...] = ()
    leaf: Any = None


def number(value: Fraction | int) -> Tree:
    """Make a number."""
    return Tree("number", leaf=Fraction(value))


def symbol(name: str) -> Tree:
    """Make a letter that stands for something."""
    return Tree("symbol", leaf=name)


def negative(tree: Tree) -> Tree:
    """Change the sign; it goes into numbers and amounts."""
    if tree.op in ("degrees", "quantity"):
        return Tree(tree.op, (negative(tree.args[0]),), tree.leaf)
    return number(-tree.leaf) if tree.op == "number" else Tree("negative", (tree,))


def walk(tree: Tree) -> Iterator[Tree]:
    """Visit every node of a tree, the root first."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node.args)


def symbols(tree: Tree) -> frozenset[str]:
    """Name the letters that occur."""
    return frozenset(node.leaf for node in walk(tree) if node.op == "symbol")


def infinite(tree: Tree) -> int:
    """Return 1 for infinity, -1 for minus infinity, 0 for anything else."""
    if tree.op == "constant" and tree.leaf == "infinity":
        return 1
    return -infinite(tree.args[0]) if tree.op == "negative" else 0
