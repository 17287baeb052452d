"""What is the answer as a whole? Items, brackets, relations, units, matrices, words.

    answer = clause { ("," | ";" | "and" | "or") clause }
    clause = side { ("=" | "<" | ">" | "<=" | ">=" | "!=" | "in" | "~") side }
    side   = item { (∪ | ∩ | \\setminus) item }
    item   = words | [currency] sum { ":" sum } [unit]

`read` is what the rest of the package calls.
"""

import re

from minir1.maths.bounds import LONGEST_WORDS, MOST_ITEMS, Unreadable
from minir1.maths.forms import Forms, based
from minir1.maths.normal import plain
from minir1.maths.tokens import ALIASES, END, Token, is_product
from minir1.maths.tree import Tree, number, symbol
from minir1.maths.units import MONEY, MULTIPLES, SHORT, unit_of

_RELATIONS = ("=", "<", ">", "<=", ">=", "!=", "in", "~")
_CLOSING = {"(": (")", "]"), "[": ("]", ")"), "\\{": ("\\}",), "\\langle": ("\\rangle",)}
_SETS = {"cup": "union", "cap": "intersection", "setminus": "difference"}
_MATRICES = frozenset({"matrix", "pmatrix", "bmatrix", "Bmatrix", "smallmatrix", "array"})
_NUMERALS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
)
_COUNTED = re.compile(rf"({'|'.join(_NUMERALS)})(?=(?: [A-Za-z]+){{0,3}}$)", re.IGNORECASE)
_CHOICE = re.compile(
    r"(?:\\text(?:bf|rm|it)?\s*\{\s*)?\(?([A-Ha-h])(?:\)|[.:](?![0-9]))\s*(?:\}\s*|\s(?![-+*/^=<>])(?=\S)|$)"
)
_HEXADECIMAL = re.compile(r"([0-9][0-9A-Fa-f]*)_\{?([0-9]{2})\}?")
_LETTERS = re.compile(r"[^\W\d_]+")
_WORDS = re.compile(r"[\w\s'.,:&!?/()-]+")


class Answers(Forms):
    """The parser's rules for whole answers."""

    def answer(self, *closing: str) -> Tree:
        """Read clauses up to one of the closing signs, and go past it."""
        items, separators = self.items(closing)
        if len(items) == 1 and self.token.text == "over":  # {a \\over b}
            self.take()
            items = [Tree("quotient", (items[0], self.sum()))]
        self.want(closing[0])
        return items[0] if len(items) == 1 else Tree("list", tuple(items), separators)

    def items(self, closing: tuple[str, ...]) -> tuple[list[Tree], str]:
        """Read clauses and what separates them: "or" and "and" are kept apart from commas."""
        items, kind = [self.clause()], ","
        while sign := self.skip(",", ";", "and", "or"):
            kind = sign if sign in ("and", "or") else kind
            if sign in (",", ";"):
                kind = self.skip("and", "or") or kind
            if self.token.text in closing:
                break
            items.append(self.clause())
            if len(items) > MOST_ITEMS:
                raise Unreadable(f"more than {MOST_ITEMS} items")
        return items, kind

    def clause(self) -> Tree:
        """Read a side, and the relations to further sides."""
        sides, signs = [self.side()], []
        while sign := self.skip(*_RELATIONS):
            signs.append(sign)
            sides.append(self.side())
        return Tree("relation", tuple(sides), tuple(signs)) if signs else sides[0]

    def side(self) -> Tree:
        """Read sets and what joins them, from left to right."""
        tree = self.item()
        while sign := self.skip(*_SETS):
            tree = Tree(_SETS[sign], (tree, self.item()))
        return tree

    def item(self) -> Tree:
        """Read an amount with its unit, or words."""
        if self.token.kind == "word" and len(self.token.text) > 1:
            return Tree("text", leaf=_name(" ".join(self.unit_words())))
        minus = self.token.text == "-" and self.tokens[self.place + 1].text in MONEY
        if minus:
            self.take()
        money = self.skip(*MONEY)
        tree = self.sum()
        if self.token.text == ":":
            parts = [tree]
            while self.skip(":"):
                parts.append(self.sum())
            tree = Tree("ratio", tuple(parts))
        tree = Tree("negative", (tree,)) if minus else tree
        words = ([MONEY[money]] if money else []) + self.unit_words()
        for word in [word for word in words if word.lower() in MULTIPLES]:
            words.remove(word)
            tree = Tree("product", (tree, number(MULTIPLES[word.lower()])))
        unit = unit_of(words) if words else frozenset()
        return Tree("quantity", (tree,), unit) if unit else tree

    def unit_words(self) -> list[str]:
        """Read the words, signs and powers of a unit."""
        words: list[str] = []
        while True:
            token, following = self.token, self.tokens[self.place + 1 : self.place + 2]
            known = bool(following) and (
                following[0].kind == "word" or following[0].text in SHORT
            )
            letter = token.kind == "letter" and token.text in SHORT
            if (
                token.kind == "word"
                or token.text == "%"
                or letter
                or (token.text == "/" and known)
            ):
                words.append(self.take().text)
            elif token.text == "*" and known and words:
                self.take()
            elif token.text == "^" and words and following[0].text != "°":
                self.take()
                power = self.unary()
                if power.op != "number" or abs(power.leaf) > 9 or power.leaf.denominator > 1:
                    raise Unreadable("a unit has a small whole power")
                words.append(f"^{power.leaf}")
            else:
                return words

    def bracket(self, opening: str) -> Tree:
        """Read a bracket: of one item a group, of several a tuple, an interval or a set."""
        bars, self.bars = self.bars, 0
        closing = _CLOSING[opening]
        if opening == "\\{":
            self.set_builder()
        if opening == "\\{" and self.token.text == "\\}":
            self.take()
            return Tree("set")
        items, _ = self.items(closing)
        end = self.skip(*closing)
        if not end:
            raise Unreadable(f"wanted {closing[0]}, found {self.token.text}")
        self.bars = bars
        if opening == "\\{":
            one = items[0] if len(items) == 1 else None
            return one if one and one.op == "relation" else Tree("set", tuple(items))
        pair = "()" if opening == "\\langle" else opening + end
        if len(items) > 1:
            return Tree("tuple", tuple(items), pair)
        if pair not in ("()", "[]"):
            raise Unreadable("a bracket of one item that opens and closes differently")
        return items[0]

    def set_builder(self) -> None:
        r"""Go past what stands before the bar of \{x \mid x > 2\}."""
        texts = [token.text for token in self.tokens[self.place : self.place + 4]]
        for length in (1, 3):
            between = texts[1:length]
            if texts[length : length + 1] in (["|"], [":"]) and between in ([], ["in", "R"]):
                self.place += length + 1
                return

    def matrix(self) -> Tree:
        """Read rows of cells up to the end of the matrix."""
        name = self.environment()
        if name not in _MATRICES:
            raise Unreadable(f"{name} is no matrix")
        if name == "array" and self.skip("{"):
            while not self.skip("}"):
                self.take()
        rows: list[list[Tree]] = [[]]
        while not (self.token.kind == "command" and self.token.text == "end"):
            rows[-1].append(self.sum())
            if self.skip("\\cr"):
                rows.append([])
            elif not self.skip("&") and self.token.text != "end":
                raise Unreadable("a matrix has & and \\\\ between its cells")
        self.take()
        self.environment()
        rows = [row for row in rows if row]
        cells = [cell for row in rows for cell in row]
        if not rows or len(cells) > MOST_ITEMS or len({len(row) for row in rows}) > 1:
            raise Unreadable("a matrix has rows of one length, and is small")
        return Tree("matrix", tuple(cells), (len(rows), len(rows[0])))

    def environment(self) -> str:
        """Read the name in braces behind \\begin or \\end."""
        self.want("{")
        name = self.take().text
        self.want("}")
        return name


def _name(words: str) -> str:
    """Write words in one way: small letters, no punctuation, no article."""
    written = " ".join(re.findall(r"[\w'/]+", words.casefold()))
    return re.sub(r"^(?:the|an|a) (?=\S)", "", written)


def _in_words(text: str) -> Tree | None:
    """Read a text of letters alone as words, unless they are symbols or functions."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z' -]*[!?]?", text) or len(text) > LONGEST_WORDS:
        return None
    runs = _LETTERS.findall(text)
    words = [run for run in runs if len(run) > 2 and run not in ALIASES and not is_product(run)]
    if (words and words != ["and"] and set(words) - {"and"}) or text.lower() == "no":
        return Tree("text", leaf=_name(text))
    return None


def _braces_of_a_set(tokens: list[Token]) -> None:
    r"""Let { and } around everything mean a set, as \{ and \} do; elsewhere they group."""
    level = 0
    for place, token in enumerate(tokens[:-1]):
        level += (token.text == "{") - (token.text == "}")
        if level <= 0 and place < len(tokens) - 2:
            return
    if level == 0 and tokens[0].text == "{" and "over" not in {token.text for token in tokens}:
        tokens[0] = tokens[0]._replace(text="\\{")
        tokens[-2] = tokens[-2]._replace(text="\\}")


def read(text: str) -> Tree:
    """Read an answer as it was written.

    Raises: Unreadable for everything that is no answer of the grammar.
    """
    text = plain(text)
    if counted := _COUNTED.match(text):
        text = f"{_NUMERALS.index(counted[1].lower())}{text[counted.end() :]}"
    if choice := _CHOICE.match(text):
        return (
            symbol(choice[1]) if choice.end() == len(text) else Tree("choice", leaf=choice[1])
        )
    if (digits := _HEXADECIMAL.fullmatch(text)) and not digits[1].isdigit():
        return based(digits[1], digits[2])
    if words := _in_words(text):
        return words
    try:
        parser = Answers(text)
        _braces_of_a_set(parser.tokens)
        items, kind = parser.items(())
        if parser.token is not END:
            raise Unreadable(f"wanted the end, found {parser.token.text}")
        return items[0] if len(items) == 1 else Tree("list", tuple(items), kind)
    except Unreadable:
        words_only = len(text) <= LONGEST_WORDS and _WORDS.fullmatch(text)
        if words_only and any(
            len(run) > 2 or not run.isascii() for run in _LETTERS.findall(text)
        ):
            return Tree("text", leaf=_name(text))
        raise
