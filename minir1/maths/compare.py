"""Do two answers say the same? The policy, kind by kind.

words       the same words, in small letters; a choice is its letter: A, (A), A., (A) 5
amounts     a unit on one side only is left out; two different units are different, even
            where they could be converted; 50 % is 50, and it is 0.5
labels      x = 5 is 5; x = 5 is not y = 5
equations   equal up to a factor; inequalities in one letter are parts of the line
lists, sets, tuples, matrices: see `gather.py`; intervals: see `realsets.py`
expressions: see `values.py`. Nothing is rounded: 0.333 is not 1/3, 3.14 is not π
"""

from fractions import Fraction

from minir1.maths.bounds import Meter
from minir1.maths.gather import COLLECTIONS, both_signs, same_collection, scaled
from minir1.maths.realsets import Line, is_region, region
from minir1.maths.relations import same_condition, same_label, split
from minir1.maths.tree import Tree, number, symbols
from minir1.maths.units import same_unit
from minir1.maths.values import Judge

_PERCENT = frozenset({("percent", 1)})
_DEGREE = frozenset({("degree", 1)})
_CHOICES = frozenset("ABCDEFGH")


def equivalent(gold: Tree, answer: Tree, meter: Meter) -> bool:
    """Say whether an answer is the gold one.

    Raises: Unreadable if finding out would cost more than the meter holds.
    """
    return _Comparison(gold, answer, meter).same(gold, answer)


class _Comparison:
    """One comparison: who judges expressions, and the numbers met on the line."""

    def __init__(self, gold: Tree, answer: Tree, meter: Meter):
        self.judge = Judge(gold, answer, meter)
        self.line = Line(self.judge)

    def same(self, gold: Tree, answer: Tree) -> bool:
        """Compare what may have labels and relations."""
        self.judge.meter.pay(30)
        if {gold.op, answer.op} & {"text", "choice"} or _is_choice(gold):
            return _same_words(gold, answer)
        label, gold_value = split(gold, self.judge)
        mark, answer_value = split(answer, self.judge)
        if same_label(label, mark, self.judge) and self.same_value(gold_value, answer_value):
            return True
        equations = gold.op == answer.op == "relation"
        named = label is not None and label.op == "symbol"
        solved = named and not symbols(gold_value)  # x = 5 asks for the 5
        return equations and not solved and same_condition(gold, answer, self.judge)

    def same_value(self, gold: Tree, answer: Tree) -> bool:
        """Compare values: parts of the line, collections, amounts, expressions."""
        gold, answer = _unfold(gold), _unfold(answer)
        if is_region(gold) or is_region(answer):
            if (known := self.same_region(gold, answer)) is not None:
                return known
            if gold.op == answer.op == "union":
                return same_collection(_pieces(gold), _pieces(answer), self.same)
        if gold.op in COLLECTIONS or answer.op in COLLECTIONS:
            return self.same_items(gold, answer)
        if {gold.op, answer.op} & {"quantity", "degrees"}:
            return self.same_amount(gold, answer)
        if gold.op == "ratio" and answer.op == "ratio":
            return self.same_ratio(gold, answer)
        if gold.op == "based" or answer.op == "based":
            return self.same_digits(gold, answer)
        if "relation" in (gold.op, answer.op):
            return False
        return self.judge.equal(gold, answer)

    def same_region(self, gold: Tree, answer: Tree) -> bool | None:
        """Compare parts of the line; None if one of them is no such part."""
        first, second = region(gold, self.line), region(answer, self.line)
        return None if first is None or second is None else first == second

    def same_items(self, gold: Tree, answer: Tree) -> bool:
        """Compare collections; a set of one thing is the thing."""
        if gold.op not in COLLECTIONS or answer.op not in COLLECTIONS:
            many, one = (gold, answer) if gold.op in COLLECTIONS else (answer, gold)
            single = many.op == "set" and len(many.args) == 1
            return single and self.same(many.args[0], one)
        return same_collection(gold, answer, self.same)

    def same_amount(self, gold: Tree, answer: Tree) -> bool:
        """Compare amounts with their units."""
        if gold.op != "quantity" and answer.op != "quantity" and self.judge.equal(gold, answer):
            return True  # 90° is π/2
        (first, unit), (second, mark) = _amount(gold), _amount(answer)
        if not unit or not mark:
            letters = {name for name, _ in unit or mark} & symbols(first if unit else second)
            if not letters and self.same(first, second):
                return True
        elif not same_unit(unit, mark):
            return False
        elif self.same(first, second):
            return True
        if _PERCENT in (unit, mark) and unit != mark:
            hundredth = number(Fraction(1, 100))
            if unit == _PERCENT:
                return self.judge.equal(Tree("product", (first, hundredth)), second)
            return self.judge.equal(first, Tree("product", (second, hundredth)))
        return False

    def same_ratio(self, gold: Tree, answer: Tree) -> bool:
        """Compare a : b : c part by part, up to a common factor."""
        if len(gold.args) != len(answer.args):
            return False
        first, second = gold.args[0], answer.args[0]
        return all(
            self.judge.equal(Tree("product", (a, second)), Tree("product", (b, first)))
            for a, b in zip(gold.args, answer.args, strict=True)
        )

    def same_digits(self, gold: Tree, answer: Tree) -> bool:
        """Compare numbers of other bases: the digits, and the base unless it is left out."""
        if gold.op == answer.op:
            return bool(gold.leaf == answer.leaf)
        based, other = (gold, answer) if gold.op == "based" else (answer, gold)
        return bool(based.args) and self.judge.equal(based.args[0], other)


def _is_choice(tree: Tree) -> bool:
    return tree.op == "symbol" and tree.leaf in _CHOICES


def _same_words(gold: Tree, answer: Tree) -> bool:
    """Compare words, and the letters of choices, which may be small ones in the answer."""
    if gold.op == "text" or answer.op == "text":
        return gold == answer
    letters = [tree.leaf for tree in (gold, answer) if tree.op in ("choice", "symbol")]
    return len(letters) == 2 and letters[0].upper() == letters[1].upper()


def _unfold(tree: Tree) -> Tree:
    """Write ± as two values, within lists too, and multiply matrices by their factors."""
    if tree.op in ("list", "set"):
        return Tree(
            tree.op, tuple(one for arg in tree.args for one in both_signs(arg)), tree.leaf
        )
    signs = both_signs(tree) if tree.op != "relation" else (tree,)
    return scaled(tree) if len(signs) == 1 else Tree("list", signs, ",")


def _pieces(tree: Tree) -> Tree:
    """Gather what a union joins."""
    found: tuple[Tree, ...] = ()
    while tree.op == "union":
        tree, last = tree.args
        found = (last, *found)
    return Tree("set", (tree, *found))


def _amount(tree: Tree) -> tuple[Tree, frozenset[tuple[str, int]]]:
    """Take an amount and its unit apart; 30° is 30 with the unit of a degree."""
    if tree.op == "quantity":
        return tree.args[0], tree.leaf
    if tree.op == "degrees":
        return tree.args[0], _DEGREE
    return tree, frozenset()
