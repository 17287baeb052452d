"""How does minir1 tell a user about a mistake? In one line, with the next thing to type.

`cli.py` prints the message of a UserError on stderr and exits with code 2. Faults of the
program itself are not UserErrors: they keep their traceback.
"""

import difflib
from collections.abc import Iterable

LONGEST_SHOWN = 60  # characters of the user's own words that a message repeats


class UserError(Exception):
    """A mistake of the user: what was given, what was wanted, what to type next."""


def closest(word: str, options: Iterable[str]) -> str:
    """Return the option that looks most like the word, or "" if none does."""
    by_lower = {option.lower(): option for option in options}
    close = difflib.get_close_matches(word[:LONGEST_SHOWN].lower(), by_lower, n=1)
    return by_lower[close[0]] if close else ""


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """Return "; did you mean X?" for the option that looks most like the word, or ""."""
    guess = closest(word, options)
    return f"; did you mean {guess}?" if guess else ""


def shorten(value: object, longest: int = LONGEST_SHOWN) -> str:
    """Show a value on one line, cut to a readable length."""
    text = " ".join(str(value).split())
    return text if len(text) <= longest else text[: longest - 3] + "..."
