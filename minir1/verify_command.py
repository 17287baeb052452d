"""What does `minir1 verify GOLD ANSWER` do? It compares, says how both were read, and exits.

Exit codes: 0 equivalent, 1 not, 2 the gold answer cannot be verified.
"""

from minir1.errors import shorten
from minir1.maths.answers import read
from minir1.maths.bounds import Unreadable
from minir1.maths.objects import written
from minir1.screen.terminal import clean
from minir1.verifier import unboxed, verify


def verify_answer(gold: str, answer: str) -> int:
    """Print one line on whether the answer is the gold one; return the exit code."""
    verdict = verify(gold, answer)
    if verdict is None:
        print(f"the gold cannot be verified: {_reading(gold)}")
        return 2
    word = "equivalent" if verdict else "not equivalent"
    print(f"{word}: gold {_reading(gold)}, answer {_reading(answer)}")
    return 0 if verdict else 1


def _reading(text: str) -> str:
    """Say how a text was read, or why it was not."""
    try:
        return shorten(clean(written(read(unboxed(text)))), 200)
    except Unreadable as error:
        return f"unreadable ({clean(error)})"
