"""In which script is a text written? For the language reward of real models.

Han and Latin are scripts, English and French share one: a coarser measure than the tiny
world's languages, and one that needs no dictionary.
"""

import unicodedata
from functools import lru_cache


@lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    """Name the script of a letter by the first word of its Unicode name."""
    return unicodedata.name(letter, "").partition(" ")[0] if letter.isalpha() else ""


def script_consistency(question: str, completion: str) -> float:
    """Return the share of a completion's letters that are of the question's main script.

    Text without letters is consistent.
    See: DeepSeek-R1, equation 7
    """
    asked = [script for script in map(_script, question) if script]
    written = [script for script in map(_script, completion) if script]
    if not asked or not written:
        return 1.0
    return written.count(max(dict.fromkeys(asked), key=asked.count)) / len(written)
