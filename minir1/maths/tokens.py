"""Which symbols does a text consist of? Numbers, letters, words, commands and signs.

Decides what only the text can tell: 1,234 is one number and 1, 234 are two; `sinx` is the
sine of x; `apples` is a word and `xy` a product; within `\\text{…}` everything is words.
"""

import re
from fractions import Fraction
from typing import NamedTuple

from minir1.maths.bounds import MOST_DIGITS, MOST_TOKENS, Unreadable
from minir1.maths.units import is_unit

_FUNCTION_NAMES = """
sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh
log ln lg exp sqrt cbrt abs floor ceil
"""
_SPELLED_LETTERS = "alpha beta gamma delta theta lambda sigma phi omega"
_WORD_COMMANDS = "text textbf textit textrm textnormal mbox mathrm rm textsf texttt"
FUNCTIONS = frozenset(_FUNCTION_NAMES.split())
ALIASES = {
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "ceiling": "ceil", "binom": "binom",
    "choose": "choose", "pi": "pi", "oo": "infty", "inf": "infty", "infinity": "infty",
    "infty": "infty", "union": "cup", "cup": "cup", "reals": "R",
    **{name: name for name in FUNCTIONS},
    **{name: name for name in _SPELLED_LETTERS.split()},
}  # fmt: skip
_SYNONYMS = {
    "cdot": "*", "times": "*", "ast": "*", "div": "/", "le": "<=", "leq": "<=", "ge": ">=",
    "leqslant": "<=", "geq": ">=", "geqslant": ">=", "lt": "<", "gt": ">", "ne": "!=",
    "neq": "!=", "in": "in", "approx": "~", "simeq": "~", "sim": "~", "cup": "cup",
    "cap": "cap", "setminus": "setminus", "backslash": "setminus", "pm": "+-", "mp": "-+",
    "lvert": "|",
    "rvert": "|", "vert": "|", "mid": "|", "{": "\\{", "}": "\\}", "lbrace": "\\{",
    "rbrace": "\\}", "langle": "\\langle", "rangle": "\\rangle", "lbrack": "[", "rbrack": "]",
    "lfloor": "\\lfloor", "rfloor": "\\rfloor", "lceil": "\\lceil", "rceil": "\\rceil",
    "ldots": "...", "dots": "...", "cdots": "...", "degree": "°", "colon": ":", "lor": "or",
    "land": "and", "vee": "or", "wedge": "and", "cr": "\\cr", "prime": "'", "|": "|",
    "nonumber": "",
}  # fmt: skip
_TEXT = frozenset(_WORD_COMMANDS.split())
_IGNORED = frozenset(["angle", "triangle", "overrightarrow", "underline", "mathstrut"])
_SPELLED = re.compile(
    f"(.?)({'|'.join(sorted(FUNCTIONS, key=len, reverse=True))}|pi)([xyzABC]?)$"
)

_JOINED = re.compile(r"[0-9]{1,3}(?:(?:,[0-9]{3})+|(?: [0-9]{3})+)(?![0-9])(?:\.[0-9]+)?")
_NUMBER = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4}(?![0-9]))?")
_SYMBOL = re.compile(
    r"\\(?:[A-Za-z]+|.)|[A-Za-z]+|\*\*|<=|>=|=>|!=|\.\.\.|\+/?-|[-+*/^_=<>!|(){}\[\],;:&%'~°$€£¥₹]"
)


class Token(NamedTuple):
    """A symbol: its kind (number, letter, word, command, sign), itself, blank before it?"""

    kind: str
    text: str
    spaced: bool = False
    value: Fraction | None = None


END = Token("end", "the end")


def tokenize(text: str) -> list[Token]:
    """Cut a plain text into symbols.

    Raises: Unreadable for a sign of no meaning, or too many symbols.
    """
    tokens: list[Token] = []
    place, level = 0, 0  # level: how many brackets are open in which a comma separates
    while place < len(text):
        if len(tokens) > MOST_TOKENS:
            raise Unreadable(f"more than {MOST_TOKENS} symbols")
        sign = text[place]
        spaced = place > 0 and text[place - 1] == " "
        if sign == " ":
            place += 1
        elif sign in "0123456789." and (found := _number(text, place, level)):
            place = found.end()
            tokens.append(_number_token(found[0], spaced))
        elif found := _SYMBOL.match(text, place):
            place = found.end()
            before = tokens[-1] if tokens else END
            name = found[0][1:] if found[0][0] == "\\" else ""
            if name in _TEXT:
                inside, place = _braced(text, place)
                tokens.extend(_prose(inside, name, level, before))
            else:
                tokens.extend(_tokens(found[0], spaced, before))
                level += _opens(found[0], tokens)
        else:
            raise Unreadable(f"character {place + 1} means nothing: {sign!a}")
    return tokens


def _number(text: str, place: int, level: int) -> re.Match[str] | None:
    """Match a number; where a comma would separate items, none is joined by commas."""
    joined = _JOINED.match(text, place) if level == 0 and text[place] != "0" else None
    return joined or _NUMBER.match(text, place)


def _number_token(written: str, spaced: bool) -> Token:
    digits = written.replace(",", "").replace(" ", "")
    if len(digits) > MOST_DIGITS:
        raise Unreadable(f"a number of more than {MOST_DIGITS} digits")
    mantissa, _, exponent = digits.lower().partition("e")
    whole, _, decimals = mantissa.partition(".")
    value = Fraction(int(whole + decimals), 10 ** len(decimals))
    if exponent:
        if abs(int(exponent)) > MOST_DIGITS:
            raise Unreadable(f"an exponent beyond {MOST_DIGITS}")
        value *= Fraction(10) ** int(exponent)
    return Token("number", digits, spaced, value)


def _opens(written: str, tokens: list[Token]) -> int:
    """Say whether a sign opens (1) or closes (-1) a bracket of items."""
    if written in ("(", "[", "\\{", "\\langle"):
        return 1
    if written in (")", "]", "\\}", "\\rangle"):
        return -1
    return int(written == "{" and len(tokens) == 1) - int(
        written == "}" and tokens[0].text == "{"
    )


def _braced(text: str, place: int) -> tuple[str, int]:
    """Take the text in braces that begins here, and say where it ends."""
    while place < len(text) and text[place] == " ":
        place += 1
    end = text.find("}", place)
    if text[place : place + 1] != "{" or end < 0 or "{" in text[place + 1 : end]:
        raise Unreadable("words without braces, or braces within words")
    return text[place + 1 : end], end + 1


def _prose(inside: str, command: str, level: int, before: Token) -> list[Token]:
    """Read what stands in words, where letters side by side are no product."""
    if command in ("mathrm", "rm") and inside.strip() in ("e", "i", "d", "C", "P"):
        return [Token("letter", inside.strip())]
    tokens = []
    for found in re.finditer(r"[0-9]+(?:[.,][0-9]+)*|[A-Za-z]+|[^\sA-Za-z0-9]", inside):
        word = found[0]
        if word[0].isdigit():
            tokens.extend(tokenize(word) if level == 0 else [_number_token(word, True)])
        elif word.isalpha():
            degrees = "deg" if before.text == "°" and word in ("C", "F") else ""
            kind = "sign" if word in ("and", "or") else "word"
            tokens.append(Token(kind, degrees + word, True))
        else:
            tokens.extend(_tokens(word, True, END))
    return tokens


def _tokens(written: str, spaced: bool, before: Token) -> list[Token]:
    """Turn what was matched into symbols."""
    if written[0].isalpha():
        return _letters(written, spaced, before)
    if written[0] == "\\":
        name = written[1:]
        if name in _IGNORED or _SYNONYMS.get(name) == "":
            return []
        if name == "$":
            return [Token("sign", "\\$", spaced)]
        if name == "circ":
            return [Token("sign", "°", spaced)]
        sign = _SYNONYMS.get(name)
        return [Token("sign", sign, spaced) if sign else Token("command", name, spaced)]
    sign = {"**": "^", "+/-": "+-", "=>": ">=", "{": "{", "$": "\\$"}.get(written, written)
    return [Token("sign", sign, spaced)]


def _letters(run: str, spaced: bool, before: Token) -> list[Token]:
    """Read letters side by side: a function, a unit, a word, or a product of symbols."""
    behind_amount = before.kind == "number" or before.text in (")", "}", "°", "/")
    if run.lower() in ("and", "or"):
        return [Token("sign", run.lower(), spaced)]
    if run == "in" and not behind_amount:
        return [Token("sign", "in", spaced)]
    if before.text == "°" and run in ("C", "F"):
        return [Token("word", "deg" + run, spaced)]
    if run == "U" and before.kind == "end":
        return [Token("letter", run, spaced)]
    name = ALIASES.get(run) or ALIASES.get(run.lower() if len(run) > 2 else run)
    if name:
        sign = _SYNONYMS.get(name)
        return [Token("sign", sign, spaced) if sign else Token("command", name, spaced)]
    if run == "U" and before.text in (")", "]", "\\}", "}"):
        return [Token("sign", "cup", spaced)]
    if len(run) > 1 and is_unit(run) and (behind_amount or spaced or len(run) > 2):
        return [Token("word", run, spaced)]
    if (spelled := _SPELLED.match(run)) and (spelled[1] + spelled[3]):
        front = [Token("letter", spelled[1], spaced)] if spelled[1] else []
        back = [Token("letter", spelled[3])] if spelled[3] else []
        return [*front, Token("command", spelled[2], spaced), *back]
    if len(run) < 3 or is_product(run):
        return [Token("letter", letter, spaced and not i) for i, letter in enumerate(run)]
    return [Token("word", run, spaced)]


def is_product(run: str) -> bool:
    """Say whether letters side by side look like symbols that are multiplied, not a word."""
    return (
        len(run) <= 5
        and not set(run.lower()) & set("eiou")
        and len(set(run)) == len(run)
        and (not set(run.lower()) & set("a") or set(run) <= set("abcdxyzABCDXYZ"))
    )
