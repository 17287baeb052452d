"""What is the answer, without its wrapping? Text in, plainer text out.

Unicode becomes LaTeX or ASCII, `$…$`, `\\left`, thin spaces and emphasis go, and so does the
talk around an answer: "The answer is", "Therefore,", "Area =", the last full stop. What cannot
be taken off by these rules stays, and then the grammar will not read it: nothing is fished out
of a sentence.
"""

import re
import unicodedata

from minir1.maths.bounds import LONGEST_TEXT, Unreadable

_GREEK = {
    chr(code): "\\" + unicodedata.name(chr(code)).split()[-1].lower().replace("lamda", "lambda")
    for code in (
        *range(0x3B1, 0x3CA),
        0x393,
        0x394,
        0x398,
        0x39B,
        0x3A0,
        0x3A3,
        0x3A6,
        0x3A8,
        0x3A9,
    )
    if code != 0x3C2
}
_GREEK |= {"ϕ": "\\phi", "ϵ": "\\epsilon", "µ": "\\mu", "Π": "\\Pi", "Ω": "\\Omega"}
_CHARACTERS = {
    **{sign: f" {latex} " for sign, latex in _GREEK.items()},
    **dict.fromkeys("−–—‒﹣－", "-"),
    **dict.fromkeys("×·∙⋅✕⨯", "*"),
    **dict.fromkeys("÷⁄∕", "/"),
    **dict.fromkeys("′’‘`", "'"),
    **dict.fromkeys("“”„", '"'),
    "√": " \\sqrt ", "∛": " \\sqrt[3]", "∜": " \\sqrt[4]", "∞": " \\infty ", "∪": " \\cup ",
    "∩": " \\cap ", "∖": " \\setminus ", "∈": " \\in ", "∅": " \\emptyset ", "ℝ": " \\R ",
    "ℤ": " \\Z ", "≤": "<=", "⩽": "<=", "≥": ">=", "⩾": ">=", "≠": "!=", "≈": " \\approx ",
    "±": " \\pm ", "∓": " \\mp ", "°": "^\\circ ", "º": "^\\circ ", "⟨": " \\langle ",
    "⟩": " \\rangle ", "⌊": " \\lfloor ", "⌋": " \\rfloor ", "⌈": " \\lceil ",
    "⌉": " \\rceil ", "∠": " \\angle ", "…": "...", "∧": " and ", "∨": " or ",
}  # fmt: skip
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿⁱ⁽⁾", "0123456789+-ni()", strict=True))
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋ₐₙₓ", "0123456789+-anx", strict=True))
_RAISED_RUN = re.compile(f"[{''.join(_RAISED)}]+")
_LOWERED_RUN = re.compile(f"[{''.join(_LOWERED)}]+")
_INVISIBLE = ("Cf", "Cc", "Co", "Cs", "Cn")

_WRAPPERS = "mathbf|mathit|mathcal|mathsf|boldsymbol|bm|vec|hat|bar|ensuremath|fbox|boxed"
_WORDS = r"\{\s*\\(?:text|mathrm)\s*\{([^{}]*)\}\s*\}"
_LATEX = (
    (re.compile(r"\\\\(?:\s*\[[^\[\]]{0,10}\])?"), r" \\cr "),
    (re.compile(r"\\(?:left|right|[bB]igg?[lrm]?)(?![A-Za-z])\s*\.?"), " "),
    (re.compile(r"\\!"), ""),
    (re.compile(r"\\(?:displaystyle|textstyle|scriptstyle|limits|nolimits|,|;|:|>|\s)"), " "),
    (re.compile(r"\\(?:q?quad|enspace|hspace\{[^{}]*\}|phantom\{[^{}]*\})(?![A-Za-z])"), " "),
    (re.compile(r"\\[dtc]frac(?![A-Za-z])"), r"\\frac"),
    (re.compile(r"\\[dt]binom(?![A-Za-z])"), r"\\binom"),
    (re.compile(r"\\operatorname\*?\s*\{\s*([A-Za-z]{1,12})\s*\}"), r"\\\1 "),
    (re.compile(r"\\mathbb\s*\{?\s*([RZNQC])\s*\}?"), r"\\\1 "),
    (re.compile(rf"\\(?:{_WRAPPERS})(?![A-Za-z])"), ""),
    (re.compile(r"\\frac\s*" + _WORDS + r"\s*" + _WORDS), r"\\text{\1/\2}"),
    (re.compile(r"\{,\}"), ","),
    (re.compile(r"\\%"), "%"),
    (re.compile(r"\\[()\[\]]"), " "),
    (re.compile(r"~|</?answer>"), " "),
)
_TIMES_TEN = re.compile(r"(?<=[0-9])\s*[xX]\s*(?=10\s*(?:\^|\*\*))")
_EMPHASIS = re.compile(r"^(\*\*|\*|__|_|`+|\")(.+)\1$", re.DOTALL)
_BEGINNING = re.compile(r"^\*\*([^*]+)\*\*")
_CONCLUSION = re.compile(
    r"(?:so|thus|hence|therefore|(?:final )?answer|result|solution|option|choice)\b"
    r"\s*[,:=]?\s*",
    re.I,
)
_SENTENCE = re.compile(
    r"(?:[A-Za-z'][A-Za-z']*,?\s+){0,9}(?:is|are|equals|be)(?:\s*:\s*|\s+)(?=\S)", re.I
)
_LABEL = re.compile(
    r"(?!(?:arc)?(?:sin|cos|tan|log)\b)(?=[A-Za-z' ]*[A-Za-z]{3})[A-Za-z' ]{3,40}[:=]\s*(?=\S)"
)
_ALL_WORDS = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mbox)\s*\{([^{}]*)\}")
_FIRST, _LAST = " :,", " .,;:"
_EQUALS = re.compile(r"(?:=|\\approx)\s*(?=\S)")


def plain(text: str) -> str:
    """Unwrap an answer.

    Raises: Unreadable if it is empty or longer than an answer can be.
    """
    if len(text) > 2 * LONGEST_TEXT or len(text := text.strip()) > LONGEST_TEXT:
        raise Unreadable(f"longer than {LONGEST_TEXT} characters")
    text = _dollars(" ".join(_characters(text).split()))
    if "\\begin" not in text:
        text = re.sub(r"\\\\(?=[A-Za-z])", r"\\", text)  # backslashes that were escaped
    for pattern, new in _LATEX:
        text = pattern.sub(new, text)
    text = _TIMES_TEN.sub("*", text)
    text = _without_talk(text.strip())
    if not text:
        raise Unreadable("nothing is written")
    if len(text) > 2 * LONGEST_TEXT:
        raise Unreadable(f"longer than {LONGEST_TEXT} characters")
    return text


def _characters(text: str) -> str:
    """Write signs beyond ASCII in ASCII, as LaTeX where it needs LaTeX."""
    if text.isascii():
        return "".join(sign for sign in text if sign >= " " or sign in "\t\r\n")
    text = _RAISED_RUN.sub(lambda run: "^{" + _spell(run[0], _RAISED) + "}", text)
    text = _LOWERED_RUN.sub(lambda run: "_{" + _spell(run[0], _LOWERED) + "}", text)
    return "".join(map(_character, text))


def _spell(run: str, table: dict[str, str]) -> str:
    return "".join(table[sign] for sign in run)


def _character(sign: str) -> str:
    if sign.isascii():
        return sign if sign >= " " or sign in "\t\r\n" else ""
    if sign in _CHARACTERS:
        return _CHARACTERS[sign]
    if sign.isspace():
        return " "
    if unicodedata.category(sign) in _INVISIBLE:
        return ""
    same = unicodedata.normalize("NFKC", sign)
    if "⁄" in same:  # a vulgar fraction
        top, _, bottom = same.partition("⁄")
        return f"\\frac{{{top}}}{{{bottom}}}"
    return same if len(same) <= 4 else sign


def _dollars(text: str) -> str:
    r"""Take away the $ of formulas; the $ of money becomes \$."""
    signs = {found.start() for found in re.finditer(r"(?<!\\)\$", text)}
    money = bool(signs) and re.match(r"\s*\.?[0-9]", text[max(signs) + 1 :]) is not None
    if money:
        return "".join("\\$" if place in signs else sign for place, sign in enumerate(text))
    return "".join(" " if place in signs else sign for place, sign in enumerate(text))


def _without_talk(text: str) -> str:
    """Take off emphasis, what introduces an answer, and what ends its sentence."""
    for _ in range(3):
        before = text
        goes_on = text.endswith("...") and text[-4:-3].isdigit()
        text = (text if goes_on else text.rstrip(_LAST)).lstrip(_FIRST)
        text = _BEGINNING.sub(r"\1", text)
        if emphasised := _EMPHASIS.match(text):
            text = emphasised[2].strip()
        if words := _ALL_WORDS.fullmatch(text):
            text = words[1].strip()
        for pattern in (_CONCLUSION, _SENTENCE, _LABEL, _EQUALS):
            if (found := pattern.match(text)) and found.end() < len(text):
                text = text[found.end() :].strip()
        if text == before:
            break
    return text
