"""Is this answer the right one? Mathematical answers compared, whatever their notation.

    verify("1/2", r"\\frac{1}{2}")  True      verify("1/2", "0.51")  False
    verify("(-1)!", "anything")  None        the gold answer itself has no meaning here

Model output is hostile text: nothing in it is executed, and no text takes longer than some
milliseconds, by limits that are checked before work begins (`maths/bounds.py`), without
signals, so that threads may call. What counts as the same is written in `maths/compare.py`.
"""

import re
from functools import lru_cache

from minir1.maths.answers import read
from minir1.maths.bounds import LONGEST_TEXT, WORK_ALONE, Meter, Unreadable
from minir1.maths.compare import equivalent
from minir1.maths.tree import Tree

_BOXES = 16  # how many \boxed, from the last, are tried for one whose braces close
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)


def verify(gold: str, answer: str) -> bool | None:
    """Say whether an answer is equivalent to the gold one; None if the gold is unusable.

    None depends on the gold answer alone. An empty answer, or one that cannot be read, is
    False. Of whole completions (on either side) the final answer counts.
    """
    right = understand(gold)
    if right is None:
        return None
    try:
        return equivalent(right, read(unboxed(answer)), Meter())
    except Unreadable:
        return False


def understand(gold: str) -> Tree | None:
    """Read a gold answer; None if it cannot be read, or does not even equal itself."""
    text = unboxed(gold)
    return _understand(text) if len(text) <= 2 * LONGEST_TEXT else None


@lru_cache(maxsize=4096)
def _understand(gold: str) -> Tree | None:
    try:
        tree = read(gold)
        return tree if equivalent(tree, tree, Meter(WORK_ALONE)) else None
    except Unreadable:
        return None


def unboxed(text: str) -> str:
    """Return the final answer of a completion; a text that marks none is its own."""
    found = final_answer(text)
    return text if found is None else found


def final_answer(text: str) -> str | None:
    r"""Return what is in the last \boxed{…} that closes, else behind the last ####."""
    end = len(text)
    for _ in range(_BOXES):
        start = text.rfind("\\boxed", 0, end)
        if start < 0:
            break
        inside = _in_braces(text[start + len("\\boxed") :][: 2 * LONGEST_TEXT])
        if inside is not None:
            return inside.strip()
        end = start
    start = text.rfind("####")
    if start < 0:
        return None
    line = text[start + len("####") :][: 2 * LONGEST_TEXT].strip().split("\n", 1)[0]
    return line.strip()


def _in_braces(text: str) -> str | None:
    """Return what stands in the braces that a text begins with, None if they do not close."""
    text, level = text.lstrip(), 0
    if not text.startswith("{"):
        return None
    for found in _BRACE.finditer(text):
        level += (found[0] == "{") - (found[0] == "}")
        if level == 0:
            return text[1 : found.start()]
    return None
