"""What are expressions built of? Numbers, letters, functions, fractions, roots.

    atom = number | mixed number | letter | constant | bracket | "|" sum "|" | function argument
         | \\frac a b | \\binom a b | \\sqrt[n] a | \\begin{pmatrix} … \\end{pmatrix}

i is the imaginary unit, e Euler's number; log is the natural logarithm, lg that to base 10.
"""

from collections.abc import Callable
from fractions import Fraction

from minir1.maths.bounds import MOST_DIGITS, Unreadable
from minir1.maths.grammar import Expressions
from minir1.maths.tokens import FUNCTIONS, Token
from minir1.maths.tree import Tree, number, symbol

E = Tree("constant", leaf="e")
_CONSTANTS = {"pi": "pi", "infty": "infinity", "infin": "infinity"}
_LETTER_NAMES = """
alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho
sigma tau upsilon phi varphi chi psi omega ell imath jmath
Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega
"""
_GREEK = frozenset(_LETTER_NAMES.split())
_FENCES = {"|": ("|", "abs"), "\\lfloor": ("\\rfloor", "floor"), "\\lceil": ("\\rceil", "ceil")}
_LONGEST_PERIOD = 6
_BASES = {"two": 2, "three": 3, "five": 5, "eight": 8, "ten": 10, "sixteen": 16}


class Forms(Expressions):
    """The parser's rules for atoms."""

    def answer(self, *closing: str) -> Tree:
        """Read all that may stand in braces, and the brace; `answers.py` says how."""
        raise NotImplementedError

    def bracket(self, opening: str) -> Tree:
        """Read a bracket of one or more items; `answers.py` says how."""
        raise NotImplementedError

    def matrix(self) -> Tree:
        """Read the rows of a matrix; `answers.py` says how."""
        raise NotImplementedError

    def atom(self) -> Tree:
        """Read a number, a letter, a bracket or a command."""
        token = self.take()
        if token.kind == "number":
            return self.number(token)
        if token.kind == "letter" and token.text in ("e", "i"):
            return Tree("constant", leaf=token.text)
        if token.kind == "letter" or (token.kind == "word" and len(token.text) == 1):
            return symbol(token.text)
        if token.kind == "command":
            return self.nested(lambda: self.command(token.text))
        if token.text in _FENCES:
            return self.fenced(*_FENCES[token.text])
        if token.text == "{":
            return self.answer("}")
        if token.text in ("(", "[", "\\{", "\\langle"):
            return self.bracket(token.text)
        raise Unreadable(f"{token.text} stands where a number or a letter should")

    def nested(self, rule: Callable[[], Tree]) -> Tree:
        """Read by a rule one level deeper."""
        self.deeper()
        tree = rule()
        self.depth -= 1
        return tree

    def fenced(self, closing: str, name: str) -> Tree:
        """Read |a|, ⌊a⌋ or ⌈a⌉."""
        self.bars += closing == "|"
        inside = self.sum()
        self.want(closing)
        self.bars -= closing == "|"
        return Tree("call", (inside,), name)

    def number(self, token: Token) -> Tree:
        """Read a number, and what makes it periodic, mixed or one of another base."""
        value = token.value or Fraction(0)
        if self.skip("..."):
            return number(_recurring(token.text))
        if self.token.kind == "command" and self.token.text == "overline":
            self.take()
            self.want("{")
            block = self.take().text
            self.want("}")
            return number(_periodic(token.text, block))
        if self.skip("_"):
            return based(token.text, self.subscript())
        if token.text.isdigit() and (part := self.proper_fraction()) is not None:
            value += part
        return number(value)

    def proper_fraction(self) -> Fraction | None:
        """Go past a fraction below one behind a whole number, as in 1 1/2, if one is there."""
        ahead = self.tokens[self.place : self.place + 7]
        texts = [token.text for token in ahead]
        if ahead[0].kind == "command" and texts[0] == "frac":
            if texts[1:2] + texts[3:5] + texts[6:] == ["{", "}", "{", "}"]:
                above, below, length = texts[2], texts[5], 7
            elif len(texts[1]) == 2:
                above, below, length = texts[1][0], texts[1][1], 2
            else:
                return None
        elif ahead[0].spaced and texts[1:2] == ["/"] and texts[3:4] != ["^"]:
            above, below, length = texts[0], texts[2], 3
        else:
            return None
        if not (above.isdigit() and below.isdigit() and 0 < int(above) < int(below)):
            return None
        self.place += length
        return Fraction(int(above), int(below))

    def command(self, name: str) -> Tree:
        """Read a constant, a Greek letter, a function or a built-up form."""
        if name in _CONSTANTS:
            return Tree("constant", leaf=_CONSTANTS[name])
        if name in _GREEK:
            return symbol("\\" + name)
        if name in ("sqrt", "cbrt"):
            return self.root(name)
        if name in FUNCTIONS:
            return self.function(name)
        if name in ("frac", "binom"):
            above, below = self.argument(), self.argument()
            return Tree("quotient" if name == "frac" else "binomial", (above, below))
        if name == "begin":
            return self.matrix()
        if name in ("emptyset", "varnothing"):
            return Tree("set")
        if name in ("R", "Z", "N", "Q", "C"):
            return Tree("reals") if name == "R" else symbol(f"\\mathbb{{{name}}}")
        raise Unreadable(f"\\{name} is not known here")

    def argument(self) -> Tree:
        """Read what \\frac takes: braces, or one digit, letter or command."""
        token = self.token
        if token.kind == "number" and token.text.isdigit() and len(token.text) > 1:
            rest = token.text[1:]
            self.tokens[self.place] = Token("number", rest, False, Fraction(int(rest)))
            return number(int(token.text[0]))
        return self.atom()

    def root(self, name: str) -> Tree:
        """Read a root: its degree in brackets, and one atom."""
        degree = number(3 if name == "cbrt" else 2)
        if name == "sqrt" and self.skip("["):
            degree = self.sum()
            self.want("]")
        return Tree("root", (degree, self.atom()))

    def function(self, name: str) -> Tree:
        """Read a function: base, power and argument; sin^{-1} is the inverse."""
        base = exponent = None
        for _ in range(2):
            if base is None and name == "log" and self.skip("_"):
                base = self.argument()
            elif exponent is None and self.skip("^"):
                exponent = self.nested(self.postfix)
        inverse = (
            exponent is not None and name in ("sin", "cos", "tan") and exponent == number(-1)
        )
        if inverse:
            name, exponent = "arc" + name, None
        inside = self.function_argument()
        if name == "exp":
            tree = Tree("power", (E, inside))
        elif name == "lg" or base is not None:
            below = Tree("call", (base or number(10),), "log")
            tree = Tree("quotient", (Tree("call", (inside,), "log"), below))
        else:
            tree = Tree("call", (inside,), "log" if name == "ln" else name)
        return tree if exponent is None else Tree("power", (tree, exponent))

    def function_argument(self) -> Tree:
        """Read a bracket, or the factors up to the next sign, bracket or function."""
        if self.token.text in ("(", "[", "{"):
            return self.atom()
        factors = [self.unary()]
        while self.factor_follows() and self.token.kind != "sign":
            if self.token.kind == "command" and self.token.text in FUNCTIONS:
                break
            factors.append(self.unary())
        return factors[0] if len(factors) == 1 else Tree("product", tuple(factors))


def based(digits: str, base: str) -> Tree:
    """Make a number of another base; its part is the number that its digits are in base ten."""
    base = str(_BASES.get(base, base))
    if not base.isdigit() or len(base) > 2 or not 2 <= int(base) <= 36:
        raise Unreadable("a base is a whole number from 2 to 36")
    try:
        int(digits, int(base))
    except ValueError:
        raise Unreadable(f"{digits} has digits that base {base} lacks") from None
    plainly = (number(int(digits)),) if digits.isdigit() else ()
    return Tree("based", plainly, (digits.upper(), int(base)))


def _periodic(written: str, block: str) -> Fraction:
    """Return the value of 0.1666… from "0.1" and "6"."""
    whole, _, decimals = written.partition(".")
    if not block.isdigit() or not (whole + decimals).isdigit() or len(block) > MOST_DIGITS:
        raise Unreadable("the period of a decimal is made of digits")
    begin = Fraction(int(whole + decimals), 10 ** len(decimals))
    return begin + Fraction(int(block), (10 ** len(block) - 1) * 10 ** len(decimals))


def _recurring(written: str) -> Fraction:
    """Return the value of a decimal that goes on for ever, as 0.333... or 0.1666..."""
    for length in range(1, _LONGEST_PERIOD + 1):
        block = written[-length:]
        times = 3 if length == 1 else 2
        if "." in written and block.isdigit() and written.endswith(block * times):
            return _periodic(written[: -length * times], block)
    raise Unreadable("what the dots stand for cannot be told")
