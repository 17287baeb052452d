"""How do symbols become a tree? A recursive-descent parser of expressions, never evaluated.

    sum      = product { ("+" | "-" | "±" | "∓") product }
    product  = unary { ["*" | "/"] unary }             side by side is a product
    unary    = { "+" | "-" | "±" | "∓" } power
    power    = postfix [ "^" unary ]                   to the right, tighter than a sign
    postfix  = atom { "!" | "°" | "_" subscript | "'" }

Atoms are in `forms.py`; brackets of several items, relations and units in `answers.py`.
"""

from minir1.maths.bounds import MOST_DEPTH, Unreadable
from minir1.maths.tokens import END, Token, tokenize
from minir1.maths.tree import Tree, negative, symbol
from minir1.maths.units import SHORT

_SIGNS = ("+", "-", "+-", "-+")
_BEGINS = frozenset({"(", "[", "\\{", "{", "|", "\\langle", "\\lfloor", "\\lceil"})
_NOT_FACTORS = frozenset({"over", "\\cr", "end"})


class Expressions:
    """One pass over the symbols; every method reads one rule of the grammar."""

    def __init__(self, text: str):
        self.tokens = [*tokenize(text), END]
        self.place = 0
        self.depth = 0
        self.bars = 0  # how many |…| are open: the next | closes

    def atom(self) -> Tree:
        """Read what has no parts of this grammar; `forms.py` says how."""
        raise NotImplementedError

    @property
    def token(self) -> Token:
        """The symbol that comes next."""
        return self.tokens[self.place]

    def take(self) -> Token:
        """Go past a symbol."""
        token = self.token
        if token is END:
            raise Unreadable("it ends too early")
        self.place += 1
        return token

    def skip(self, *texts: str) -> str:
        """Go past a sign if it is one of these."""
        if self.token.kind == "sign" and self.token.text in texts:
            return self.take().text
        return ""

    def want(self, text: str) -> None:
        """Go past a sign that has to be there."""
        if not self.skip(text):
            raise Unreadable(f"wanted {text}, found {self.token.text}")

    def deeper(self) -> None:
        """Count a level; whoever calls takes it back."""
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise Unreadable(f"more than {MOST_DEPTH} levels inside one another")

    def sum(self) -> Tree:
        """Read terms and the signs between them."""
        terms = [self.product()]
        while sign := self.skip(*_SIGNS):
            term = self.product()
            terms.append(_signed(sign, term))
        return terms[0] if len(terms) == 1 else Tree("sum", tuple(terms))

    def product(self) -> Tree:
        """Read factors; a division takes what stands before it as a whole."""
        factors = [self.unary()]
        while True:
            if self.token.text == "/" and self.tokens[self.place + 1].kind == "word":
                break  # the unit goes on
            if self.skip("*"):
                factors.append(self.unary())
            elif self.skip("/"):
                below = self.unary()
                factors = [Tree("quotient", (_product(factors), below))]
            elif self.factor_follows():
                factors.append(self.unary())
            else:
                break
        return _product(factors)

    def factor_follows(self) -> bool:
        """Say whether the next symbol begins a factor that no sign announces."""
        token, before = self.token, self.tokens[self.place - 1]
        if token.kind == "number":
            if before.kind == "number":
                raise Unreadable("two numbers side by side")
            return before.text in (")", "}", "]", "!")
        if token.kind == "letter":
            alone = self.tokens[self.place + 1].text in (
                "the end",
                ",",
                ";",
                ")",
                "]",
                "/",
                "^",
                "and",
            )
            unit = token.text in SHORT and token.spaced and before.kind == "number"
            return not (unit and alone)
        if token.kind == "command":
            return token.text not in _NOT_FACTORS
        if token.text == "|":
            return self.bars == 0
        return token.text in _BEGINS

    def unary(self) -> Tree:
        """Read a factor and the signs before it."""
        self.deeper()
        signs = []
        while sign := self.skip(*_SIGNS):
            signs.append(sign)
        tree = self.power()
        self.depth -= 1
        minus = signs.count("-") % 2
        for sign in signs:
            if sign in ("+-", "-+"):
                tree = _signed(sign, tree)
        return negative(tree) if minus else tree

    def power(self) -> Tree:
        """Read a base and its exponent."""
        base = self.postfix()
        while self.token.text == "^" and self.tokens[self.place + 1].text in ("°", "'"):
            self.take()
            base = self.marks(base)
        if self.token.text == "^" and self._raised_degree():
            return self.marks(Tree("degrees", (base,)))
        if not self.skip("^"):
            return base
        return self.marks(Tree("power", (base, self.unary())))

    def _raised_degree(self) -> bool:
        """Go past ^{\\circ}."""
        texts = [token.text for token in self.tokens[self.place : self.place + 4]]
        if texts != ["^", "{", "°", "}"]:
            return False
        self.place += 4
        return True

    def postfix(self) -> Tree:
        """Read an atom and the marks behind it."""
        return self.marks(self.atom())

    def marks(self, tree: Tree) -> Tree:
        """Read the marks behind a factor."""
        while True:
            if self.token.text == "!" and tree.op != "factorial":
                self.take()
                tree = Tree("factorial", (tree,))
            elif self.skip("°"):
                tree = Tree("degrees", (tree,))
            elif self.token.text == "'" and tree.op == "symbol":
                self.take()
                tree = symbol(tree.leaf + "'")
            elif tree.op == "symbol" and self.skip("_"):
                tree = symbol(f"{tree.leaf}_{self.subscript()}")
            else:
                return tree

    def subscript(self) -> str:
        """Read what stands below the line, as a name."""
        if not self.skip("{"):
            return self.take().text
        names = []
        while not self.skip("}"):
            names.append(self.take().text)
        return "".join(names)


def _signed(sign: str, tree: Tree) -> Tree:
    """Put one of the four signs before a tree."""
    if sign in ("+-", "-+"):
        return Tree("plusminus", (tree,), "+" if sign == "+-" else "-")
    return negative(tree) if sign == "-" else tree


def _product(factors: list[Tree]) -> Tree:
    return factors[0] if len(factors) == 1 else Tree("product", tuple(factors))
