"""What does an answer say, without its wrapping?

Language models dress numbers and expressions in LaTeX, Markdown and typographic signs.
This takes the dress off and changes nothing else: `\\boxed{3 \\times 4}`, `$3×4$` and
`**3 * 4**` all say `3 * 4`. Nothing is evaluated. What is longer than any honest answer
says nothing.
"""

import re

MAX_CHARACTERS = 500
MAX_NESTING = 8  # fractions inside fractions, wrappings around wrappings

_SIGNS = str.maketrans({"×": "*", "·": "*", "⋅": "*", "∗": "*", "÷": "/", "∕": "/", "⁄": "/",
                        "−": "-", "–": "-", "\u00a0": " ", "\u202f": " "})  # fmt: skip
_COMMANDS = (
    (re.compile(r"\\(?:times|cdot|ast)(?![a-zA-Z])"), "*"),
    (re.compile(r"\\div(?![a-zA-Z])"), "/"),
    (re.compile(r"\\(?:left|right)(?![a-zA-Z])"), ""),
    (re.compile(r"\\[ ,;:!]"), " "),
    (re.compile(r"\{,\}"), ","),
)
_FRACTION = re.compile(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}")
_WRAPPERS = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r"\$\$(.*)\$\$",
        r"\$(.*)\$",
        r"\\\((.*)\\\)",
        r"\\\[(.*)\\\]",
        r"\\boxed\{(.*)\}",
        r"\*\*(.*)\*\*",
        r"`(.*)`",
    )
)
_WHOLE = re.compile(r"[-+]?(?:[0-9]{1,12}|[0-9]{1,3}(?:,[0-9]{3}){1,3})(?:\.0{1,6})?")


def plain(answer: str) -> str:
    """Take LaTeX, Markdown and typographic signs off an answer; "" if it is too long."""
    if len(answer) > MAX_CHARACTERS:
        return ""
    text = answer.translate(_SIGNS)
    for pattern, sign in _COMMANDS:
        text = pattern.sub(sign, text)
    for _ in range(MAX_NESTING):
        text = _FRACTION.sub(r"((\1)/(\2))", text)
        text = _unwrap(text.strip().removesuffix(".").rstrip())
    return text


def _unwrap(text: str) -> str:
    """Take one wrapping off, if the whole text is inside it."""
    for wrapper in _WRAPPERS:
        if match := wrapper.fullmatch(text):
            return match.group(1)
    return text


def whole_number(answer: str) -> int | None:
    """Read an answer that is one whole number, or an equation that ends in one.

    "71", "$71$", "71.", "1,071", "71.0" and "23 + 48 = 71" are read; "71 or 72" is not.
    """
    text = plain(answer).rpartition("=")[2].strip()
    if not _WHOLE.fullmatch(text):
        return None
    return int(text.replace(",", "").partition(".")[0])
