"""Do two expressions have the same value? Exactly if they are rational, to 256 bits if not.

In this order: both are fractions; both are quotients of polynomials; both have the same value
to the last known bit wherever both have one. The first two are proofs.
"""

from functools import cached_property
from typing import Any

from minir1.maths.bounds import MOST_SYMBOLS, Meter, Undefined
from minir1.maths.exact import quotient, rational
from minir1.maths.numeric import Balls, agree, balls, rounded
from minir1.maths.tree import Tree, infinite, symbols


class Value:
    """An expression, and what is known of its value; computed once, when it is asked for."""

    def __init__(self, tree: Tree, names: list[str], meter: Meter):
        self.tree, self.names, self.meter = tree, names, meter

    @cached_property
    def exact(self) -> Any:
        """The fraction that it is, or None."""
        try:
            return rational(self.tree, self.meter)
        except Undefined:
            return None

    @cached_property
    def polynomials(self) -> tuple[Any, Any] | None:
        """The numerator and the denominator that it multiplies out to, or None."""
        try:
            return quotient(self.tree, self.names, self.meter)
        except Undefined:
            return None

    @cached_property
    def balls(self) -> Balls:
        """Its values at the points where functions are compared."""
        return balls(self.tree, self.meter)


class Judge:
    """Compares expressions of two answers; what it has computed it keeps."""

    def __init__(self, gold: Tree, answer: Tree, meter: Meter):
        names = sorted(symbols(gold) | symbols(answer))
        self.names = names if len(names) <= MOST_SYMBOLS else []
        self.meter = meter
        self._values: dict[int, Value] = {}

    def value(self, tree: Tree) -> Value:
        """Return what is known of a tree's value."""
        known = self._values.get(id(tree))
        if known is None or known.tree is not tree:
            known = self._values[id(tree)] = Value(tree, self.names, self.meter)
        return known

    def equal(self, one: Tree, other: Tree) -> bool:
        """Say whether two expressions have the same value."""
        self.meter.pay(4)
        if infinite(one) or infinite(other):
            return infinite(one) == infinite(other)
        first, second = self.value(one), self.value(other)
        if first.exact is not None and second.exact is not None:
            return bool(first.exact == second.exact)
        if first.polynomials and second.polynomials:
            (above, below), (top, bottom) = first.polynomials, second.polynomials
            self.meter.pay(20 + 3 * (len(above) * len(bottom) + len(top) * len(below)))
            return bool(above * bottom == top * below)
        return agree(first.balls, second.balls)

    def proportional(self, one: Tree, other: Tree, positive: bool = False) -> bool:
        """Say whether one = 0 is other = 0: they differ by a factor, or in their denominators.

        positive: the factor has to be above zero, as for one > 0.
        """
        first, second = self.value(one), self.value(other)
        if first.polynomials and second.polynomials:
            (above, below), (top, bottom) = first.polynomials, second.polynomials
            if not above or not top:
                return not above and not top
            if positive and not (below.is_ground and bottom.is_ground):
                return False
            if positive and above.LC * below.LC * top.LC * bottom.LC < 0:
                return False
            return bool(above.monic() == top.monic())
        factors = []
        for a, b in zip(first.balls, second.balls, strict=False):
            if a is not None and b is not None and rounded(a).value and rounded(b).value:
                factors.append(rounded(a).value / rounded(b).value)
        if len(factors) < 2 or (positive and not all(factor.real > 0 for factor in factors)):
            return False
        return all(abs(factor / factors[0] - 1) < 2.0**-150 for factor in factors)
