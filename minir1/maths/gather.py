"""Are two collections the same? In order for tuples and matrices, in any order for sets.

list  1, 2        any order, every item as often as it is there
set   {1, 2}      any order, repetitions do not count
tuple (1, 2)      in order; of two items ( and [ differ, since they may be intervals
matrix            in order and shape; a single row or column is also a tuple
"""

from collections.abc import Callable, Sequence

from minir1.maths.tree import Tree, negative, number

Same = Callable[[Tree, Tree], bool]
COLLECTIONS = frozenset({"list", "set", "tuple", "matrix"})


def both_signs(tree: Tree) -> tuple[Tree, ...]:
    """Write an expression with ± as two, and one without as itself."""
    if not _has_sign(tree):
        return (tree,)
    return tuple(_with_sign(tree, sign) for sign in "+-")


def _has_sign(tree: Tree) -> bool:
    return tree.op == "plusminus" or any(map(_has_sign, tree.args))


def _with_sign(tree: Tree, sign: str) -> Tree:
    args = tuple(_with_sign(arg, sign) for arg in tree.args)
    if tree.op == "plusminus":
        return args[0] if sign == tree.leaf else negative(args[0])
    return Tree(tree.op, args, tree.leaf)


def same_collection(gold: Tree, answer: Tree, same: Same) -> bool:
    """Say whether two collections are equal, given when two items are."""
    gold, answer = _as_matrix(gold), _as_matrix(answer)
    kinds = {gold.op, answer.op}
    if "matrix" in kinds:
        return _same_matrix(gold, answer, same)
    if kinds == {"tuple"}:
        brackets = len(gold.args) > 2 or gold.leaf == answer.leaf
        return brackets and in_order(gold.args, answer.args, same)
    if kinds == {"tuple", "list"}:
        brackets = "()" in (gold.leaf, answer.leaf) or "[]" in (gold.leaf, answer.leaf)
        return brackets and in_order(gold.args, answer.args, same)
    if kinds <= {"set", "list"} and in_order(gold.args, answer.args, same):
        return True
    if "set" in kinds and kinds <= {"set", "list"}:
        return _covers(gold.args, answer.args, same) and _covers(answer.args, gold.args, same)
    return kinds == {"list"} and in_any_order(gold.args, answer.args, same)


def in_order(gold: Sequence[Tree], answer: Sequence[Tree], same: Same) -> bool:
    """Compare item by item."""
    return len(gold) == len(answer) and all(map(same, gold, answer))


def in_any_order(gold: Sequence[Tree], answer: Sequence[Tree], same: Same) -> bool:
    """Find for every item one of its own."""
    left = list(answer)
    for item in gold:
        found = next((place for place, other in enumerate(left) if same(item, other)), None)
        if found is None:
            return False
        del left[found]
    return not left


def _covers(gold: Sequence[Tree], answer: Sequence[Tree], same: Same) -> bool:
    return all(any(same(item, other) for other in answer) for item in gold)


def _as_matrix(tree: Tree) -> Tree:
    """Read [[1, 2], [3, 4]] as a matrix."""
    rows = tree.args
    if tree.op != "tuple" or not rows or any(row.op != "tuple" for row in rows):
        return tree
    width = len(rows[0].args)
    if tree.leaf != "[]" or any(len(row.args) != width or row.leaf != "[]" for row in rows):
        return tree
    return Tree("matrix", tuple(cell for row in rows for cell in row.args), (len(rows), width))


def _same_matrix(gold: Tree, answer: Tree, same: Same) -> bool:
    if gold.op == answer.op:
        return gold.leaf == answer.leaf and in_order(gold.args, answer.args, same)
    matrix, other = (gold, answer) if gold.op == "matrix" else (answer, gold)
    if 1 not in matrix.leaf or other.op == "set":
        return False
    return in_order(gold.args, answer.args, same)


def scaled(tree: Tree) -> Tree:
    """Multiply a matrix by the factor before it."""
    if tree.op == "negative" and (inside := scaled(tree.args[0])).op == "matrix":
        return _times(number(-1), inside)
    matrices = [arg for arg in tree.args if arg.op == "matrix"]
    if tree.op != "product" or len(matrices) != 1:
        return tree
    factors = tuple(arg for arg in tree.args if arg.op != "matrix")
    return _times(factors[0] if len(factors) == 1 else Tree("product", factors), matrices[0])


def _times(factor: Tree, matrix: Tree) -> Tree:
    cells = tuple(Tree("product", (factor, cell)) for cell in matrix.args)
    return Tree("matrix", cells, matrix.leaf)
