"""How does a completion stand on a page: thinking apart, summary and answer in sight?

All of it is a model's text: cut to a length that can be read, cleaned and escaped.
"""

from minir1.reporting.formats import THIN, count
from minir1.reporting.html import Markup, spoken, tag
from minir1.screen.terminal import asked, segments

LONGEST = 3000  # characters of a completion that are shown
SAID = {True: ("✓", "right"), False: ("✗", "wrong"), None: ("–", "not checked")}
SAID_GENERAL = {True: ("✓", "good answer"), False: ("✗", "not a good answer"), None: SAID[None]}


def cut(text: object, longest: int = LONGEST) -> str:
    """Cut a text, and say how much is left out."""
    written = text if isinstance(text, str) else ""
    if len(written) <= longest:
        return written
    left = f"{len(written) - longest:,}".replace(",", THIN)
    return f"{written[:longest]} … ({left} characters left out)"


def question(prompt: object) -> str:
    """Return what the user says in a prompt, without the frame around it."""
    return " ".join(asked(cut(prompt, 400)).split())


def completion(text: object) -> list[Markup]:
    """Write a completion: thinking folded, the rest open."""
    written = text if isinstance(text, str) else ""
    parts = [_part(role, words) for role, words in segments(cut(written))]
    if not parts:
        parts = [tag("p", "(nothing)", class_="nothing")]
    if "<eos>" not in written[-40:]:
        parts.append(tag("p", "cut off before its end", class_="nothing"))
    return parts


def _part(role: str, words: str) -> Markup:
    if role == "thinking":
        title = tag("summary", "thinking, ", count(len(words.split()), "word"))
        return tag("details", title, tag("p", spoken(words)), class_="thinking")
    return tag("p", spoken(words), class_="answer" if role == "answer" else "said")


def verdict(right: object, problem: bool = True) -> Markup:
    """Write what the verifier said: a sign and a word."""
    known = right if isinstance(right, bool) else None
    sign, word = (SAID if problem else SAID_GENERAL)[known]
    state = {True: "yes", False: "no", None: "open"}[known]
    mark = tag("span", sign, class_="sign", aria_hidden="true")
    return tag("span", mark, word, class_=f"mark-{state} verdict-mark")
