"""Texts that a verifier may meet and must survive: honest ones mutilated, towers, injections.

Every text is a function of a seed and its number.
"""

from collections.abc import Callable, Iterator

import numpy as np
from pairs import pairs

from minir1.rng import generator

MEGABYTE = 1_000_000
ALPHABET = (
    "0123456789.,;:!?'\"%$^_=<>|/\\+-*(){}[]&~#@` \n\t\0\x1b"
    "abcdefghixyzABCNXπ√∞±×÷²³₁½°∪∈ℝ−–１٣éß北🙂\u200b\u202e\ufdfa\ud800"
)
_PIECES = r"""
\frac \dfrac{ \sqrt \sqrt[ \sqrt[3]{ \binom{ \left( \right) \left[ \begin{pmatrix} \\ & \cr
\end{pmatrix} \text{ \mathrm{ \boxed{ \pi e i \infty \cup \cap \setminus \pm \mp \cdot
\times \le \ge \ne \in \sin \cos \tan \log_ \ln \arcsin \exp \lfloor \rfloor |x| ! !! ^ ^{ _
_{ { } ( ) [ ] \{ \} , ; = < > + - * / 0 1 2 9 10 99 -1 0.5 1e9 1e400 10^ 2^ 9^9^9 x y n
\theta \overline{ ... % \% or ^\circ cm km/h \$ and x= f(x)= 1/0 0^0 (-1)^ #### \over in
base ** 1,000 1,2 1/3 0.\overline{3}
"""
PIECES = _PIECES.split()
_INJECTIONS = r"""
__import__('os').system('touch injected')
eval('1')
exec('open("injected", "w")')
(lambda: open('injected', 'w'))()
().__class__.__bases__[0].__subclasses__()
x.__class__.__mro__
Integral(exp(x**x),(x,0,oo))
factorial(factorial(99999))
Symbol('x')
S('1/0')
sympify('__import__("os")')
parse_expr('1')
Function('f')(x)
print(open('/etc/passwd').read())
os.system('ls')
{{7*7}}
${7*7}
%s%s%s%n
; ls -la
$(touch injected)
`touch injected`
<script>alert(1)</script>
\input{/etc/passwd}
\write18{touch injected}
\def\a{\a\a}\a
\catcode`\%=12
'; DROP TABLE answers; --
../../etc/passwd
f'{open("injected", "w")}'
[x for x in 1]
globals()
quit()
breakpoint()
(yield)
x:=1
1if 1else 1
"""
INJECTIONS = [*_INJECTIONS.strip().splitlines(), "\x1b]0;title\x07"]


def _any(rng: np.random.Generator, options: object) -> str:
    return options[int(rng.integers(len(options)))]  # type: ignore[index,arg-type,no-any-return]


def _pieces(rng: np.random.Generator) -> str:
    joint = _any(rng, ("", " ", ""))
    return joint.join(_any(rng, PIECES) for _ in range(int(rng.integers(1, 60))))


def _characters(rng: np.random.Generator) -> str:
    return "".join(_any(rng, ALPHABET) for _ in range(int(rng.integers(1, 80))))


def _mutant(rng: np.random.Generator) -> str:
    """An honest answer with some of it cut, doubled, or replaced."""
    text = list(_any(rng, HONEST))
    for _ in range(int(rng.integers(1, 5))):
        place = int(rng.integers(len(text) + 1))
        span = slice(place, place + int(rng.integers(4)))
        text[span] = list(_any(rng, (*PIECES, *ALPHABET, "", "".join(text[span]) * 2)))
    return "".join(text)


def _nested(rng: np.random.Generator) -> str:
    """Brackets, roots, powers or fractions inside one another, closed or not."""
    opening, closing = _any(rng, NESTS)  # type: ignore[misc]
    depth = int(rng.choice([3, 10, 20, 30, 100, 900, 5000]))
    core = _any(rng, HONEST)
    return opening * depth + core + closing * (depth if rng.random() < 0.7 else depth - 1)


def _tower(rng: np.random.Generator) -> str:
    """Huge powers, factorials and products, whose value nobody should compute."""
    number = _any(rng, NUMBERS)
    shape = _any(rng, TOWERS)
    text = shape.replace("#", number)
    for _ in range(int(rng.integers(3))):
        text = _any(rng, TOWERS).replace("#", f"({text})")
    return text


def _long(rng: np.random.Generator) -> str:
    """A long honest shape, near and beyond the limits."""
    unit = _any(rng, LONG)
    return unit * (int(rng.choice([50, 200, 900, 2000, 4000])) // len(unit) + 1)


def _injection(rng: np.random.Generator) -> str:
    text = _any(rng, INJECTIONS)
    return _any(rng, ("#", "\\boxed{#}", "x = #", "#+1", "\\text{#}", "$#$", "(#, 2)")).replace(
        "#", text
    )


def _whole(rng: np.random.Generator) -> str:
    """A completion, with boxes that close and boxes that do not."""
    words = ["so", "\\boxed{", "}", "#### ", "\n", "the answer is", "{", "\\}", "\\boxed"]
    words += [_any(rng, HONEST) for _ in range(5)]
    return " ".join(_any(rng, words) for _ in range(int(rng.integers(2, 40))))


HONEST = sorted({text for pair in pairs() for text in (pair.gold, pair.answer)})
NUMBERS = ("9", "99", "10", "2", "999999", "1e99", "0.5", "x", "\\pi", "-3", "9" * 300)
_NESTS = r"""
( )   { }   [ ]   \{ \}   \sqrt{ }   \frac{1}{1+ }   2^{ }   \sin( )   | |   \left( \right)
\lfloor \rfloor   \text{ }   \boxed{ }   (( ))   x_{ }   1+( )*2   \binom{9}{ }   e^{ }
(1, )   \begin{pmatrix} \end{pmatrix}
"""
_UNCLOSED = ("-", "--", "2^", "sqrt", "1/", "\\pm ", "\\frac", "\\log_", "\\ln ", "\\sqrt[")
_PAIRS = _NESTS.split()
NESTS = (*zip(_PAIRS[::2], _PAIRS[1::2], strict=True), *((sign, "") for sign in _UNCLOSED))
_TOWERS = r"""
#^#^#   #^{#^{#^#}}   #!   (#!)!   #^{#!}   (#+x)^{99}   (x+y+z+w)^{40}   #**#**#**#
\prod#   \sqrt[#]{#}   \binom{#}{#}   \sin(#^#)   #^{-#^#}   e^{e^{e^#}}   \log(#^{#})
1/(#-#)   |#|^{|#|}   (#/7)^{999}   #^{1/#}   \lfloor{#^{#}}\rfloor   (1+1/#)^{#}   \tan(#!)
(x+1)^{#}(x-1)^{#}   ((x+1)^{9}+1)^{9}   #^{0.1234567}   \arcsin(#)   (x+y)^{#!}   #\%
#^\circ   \sqrt{#^{#}+1}
"""
TOWERS = _TOWERS.split()
_LONG = r"""
1+|x+|1,|(|9|\sqrt{2}+|x^2+|\frac{1}{3}+|\pi*|1/3*|\cup(1,2)|a b |{1,2},|x_1+|-|\$|$1$
\text{a} ,|²|½+|= x |1 1/2,|5! + |\sin x + |x^y + |\pm 1, |1&2\\|e^x*|\boxed{|#### |9^9+
50! *|it is |=|\{|}
"""
_UNITS = [unit for line in _LONG.strip().splitlines() for unit in line.split("|")]
LONG = (*_UNITS, " ", "!", "\ufdfa")
KINDS: tuple[Callable[[np.random.Generator], str], ...] = (
    _pieces, _characters, _mutant, _nested, _tower, _long, _injection, _whole,
)  # fmt: skip


def texts(seed: int, count: int) -> Iterator[tuple[str, str]]:
    """Write pairs of hostile texts; every third gold is an honest one."""
    for i in range(count):
        rng = generator(seed, "hostile", i)
        gold, answer = (KINDS[int(rng.integers(len(KINDS)))](rng) for _ in range(2))
        kind = int(rng.integers(3))
        if kind == 0:
            gold = _any(rng, HONEST)
        yield gold, gold + _any(rng, ("", " ", "!", "+0", "*1")) if kind == 2 else answer


def megabytes() -> Iterator[str]:
    """Write texts of a million characters."""
    openings = [opening for opening, _ in NESTS]
    for unit in (*LONG, *openings, *INJECTIONS, "\\boxed{1} ", "\\boxed{{", "5"):
        text = (unit * (MEGABYTE // len(unit) + 1))[:MEGABYTE]
        yield text
        yield text + " \\boxed{5}"
        yield text + "\n#### 5"
