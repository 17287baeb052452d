"""What does sympy call what was read? Trees as sympy's objects, and as text that shows them.

Built node by node without evaluation, so that nothing is computed: 2^(10^5) stays a power.
"""

from typing import Any

from minir1.maths.tree import Tree
from minir1.maths.units import Unit

_NAMES = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "abs": "Abs", "ceil": "ceiling"}
_COLLECTIONS = {"list": "  ", "set": "{}", "matrix": "[]"}
_JOINTS = {"union": " ∪ ", "intersection": " ∩ ", "difference": " \\ ", "ratio": " : "}


def to_sympy(tree: Tree) -> Any:
    """Build sympy's object of an expression, unevaluated.

    Raises: TypeError for what is no expression: a list, words, an amount with its unit.
    """
    import sympy

    if tree.op == "number":
        return sympy.Rational(tree.leaf.numerator, tree.leaf.denominator)
    if tree.op == "symbol":
        return sympy.Symbol(tree.leaf)
    if tree.op == "constant":
        known = {"pi": sympy.pi, "e": sympy.E, "i": sympy.I, "infinity": sympy.oo}
        return known[tree.leaf]
    args = [to_sympy(arg) for arg in tree.args]
    if tree.op == "sum":
        return sympy.Add(*args, evaluate=False)
    if tree.op == "product":
        return sympy.Mul(*args, evaluate=False)
    if tree.op == "quotient":
        return sympy.Mul(args[0], sympy.Pow(args[1], -1, evaluate=False), evaluate=False)
    if tree.op == "negative":
        return sympy.Mul(-1, args[0], evaluate=False)
    if tree.op == "power":
        return sympy.Pow(*args, evaluate=False)
    if tree.op == "root":
        degree = sympy.Pow(args[0], -1, evaluate=args[0].is_Rational)
        return sympy.Pow(args[1], degree, evaluate=False)
    if tree.op == "degrees":
        return sympy.Mul(args[0], sympy.pi, sympy.Rational(1, 180), evaluate=False)
    if tree.op in ("factorial", "binomial"):
        return getattr(sympy, tree.op)(*args, evaluate=False)
    if tree.op == "call":
        return getattr(sympy, _NAMES.get(tree.leaf, tree.leaf))(*args, evaluate=False)
    raise TypeError(f"a {tree.op} is no expression")


def written(tree: Tree) -> str:
    """Write what was read on one line."""
    parts = [written(arg) for arg in tree.args] if tree.op in _STRUCTURES else []
    if tree.op in _COLLECTIONS or tree.op == "tuple":
        brackets = tree.leaf if tree.op == "tuple" else _COLLECTIONS[tree.op]
        inside = ", ".join(parts)
        if tree.op == "matrix":
            width = tree.leaf[1]
            rows = [parts[place : place + width] for place in range(0, len(parts), width)]
            inside = ", ".join(f"[{', '.join(row)}]" for row in rows)
        return f"{brackets[0]}{inside}{brackets[1]}".strip()
    if tree.op in _JOINTS:
        return _JOINTS[tree.op].join(parts)
    if tree.op == "relation":
        return " ".join(
            word for pair in zip(parts, (*tree.leaf, ""), strict=True) for word in pair
        ).strip()
    if tree.op == "quantity":
        return f"{parts[0]} {_unit(tree.leaf)}"
    if tree.op == "based":
        return f"{tree.leaf[0]} in base {tree.leaf[1]}"
    if tree.op == "plusminus":
        return f"{'±' if tree.leaf == '+' else '∓'}{parts[0]}"
    if tree.op in ("text", "choice"):
        return f"“{tree.leaf}”"
    if tree.op == "reals":
        return "ℝ"
    try:
        return str(to_sympy(tree))
    except TypeError:
        return f"a {tree.op} of {', '.join(map(written, tree.args))}"


_STRUCTURES = {*_COLLECTIONS, *_JOINTS, "tuple", "relation", "quantity", "plusminus"}


def _unit(unit: Unit) -> str:
    """Write a unit: metre second^-1."""
    return " ".join(name if power == 1 else f"{name}^{power}" for name, power in sorted(unit))
