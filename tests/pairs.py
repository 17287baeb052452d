"""The labelled pairs of answers: golds, and what an honest grader makes of other answers.

A line `# units` begins a category, `= 5 cm` is a gold answer, `+ 5` an answer that is
equivalent to it, `- 5 m` one that is not.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

DATA = Path(__file__).parent / "data"


class Pair(NamedTuple):
    """A gold answer, another answer, and whether they say the same."""

    category: str
    gold: str
    answer: str
    label: bool


def pairs(name: str = "verifier_pairs.txt") -> Iterator[Pair]:
    """Read a file of labelled pairs."""
    category = gold = ""
    for line in (DATA / name).read_text(encoding="utf-8").splitlines():
        mark, text = line[0], line[2:]
        if mark == "#":
            category = text
        elif mark == "=":
            gold = text
        else:
            yield Pair(category, gold, text, mark == "+")
