"""What does the thinking say? Read a completion's tags, its attempts and its verdicts.

Reading never fails and takes linear time: what does not look like an attempt is no attempt.
    try 3 * 1 = 3 , 3 * 7 = 21 no      an attempt: steps joined by commas, then a verdict
Left out: whether the answer is right (`rewards.py`), and sums over many completions
(`behaviour.py`).
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from minir1.world.languages import CONNECTIVES

EOS = "<eos>"
THINK, END_THINK = "<think>", "</think>"
ANSWER, END_ANSWER = "<answer>", "</answer>"

_STEP = r"[0-9]{1,6} [-+*] [0-9]{1,6} = [0-9]{1,6}"
_CHAIN = re.compile(rf"(?<![^ ]){_STEP}(?: , {_STEP})*(?![^ ])")


def _both(meaning: str) -> frozenset[str]:
    return frozenset(words[meaning] for words in CONNECTIVES.values())


YES, NO, CHECK = _both("yes"), _both("no"), _both("check")


class Step(NamedTuple):
    """One line of arithmetic as written, right or wrong: left operator right = result."""

    left: int
    operator: str
    right: int
    result: int

    @property
    def correct(self) -> bool:
        """Whether the arithmetic holds."""
        left, operator, right, result = self
        if operator == "+":
            return left + right == result
        return (left - right if operator == "-" else left * right) == result


class WrittenAttempt(NamedTuple):
    """Steps in a row, the verdict that follows, and whether 'check' came before."""

    steps: tuple[Step, ...]
    verdict: bool | None  # yes, no, or nothing said
    is_check: bool
    end: int  # words of the thinking up to the end of its steps

    @property
    def result(self) -> int:
        """The last result as written."""
        return self.steps[-1].result


def without_eos(completion: str) -> str:
    """Return the completion without the one <eos> that may end it, and without outer blanks."""
    return completion.strip().removesuffix(EOS).strip()


def thinking(completion: str) -> str:
    """Return what stands between <think> and the first </think>.

    An unclosed <think> thinks to the end. Without <think>, a </think> ends what began with
    the completion (some prompts open the tag themselves). Without either: "".
    """
    before, closed, _ = without_eos(completion).partition(END_THINK)
    _, opened, inside = before.partition(THINK)
    if opened:
        return inside
    return before if closed else ""


def read_attempts(thought: str) -> list[WrittenAttempt]:
    """Find every attempt in a thought, checks included, in order."""
    words = thought.split()
    text = " ".join(words)
    attempts = []
    position = word = 0  # the same place, in characters and in words
    for match in _CHAIN.finditer(text):
        start, end = match.span()
        word += text.count(" ", position, start)
        steps = tuple(_step(line) for line in match.group().split(" , "))
        is_check = word > 0 and words[word - 1] in CHECK
        word += text.count(" ", start, end) + 1
        position = end + 1
        verdict = words[word] if word < len(words) else ""
        said = True if verdict in YES else False if verdict in NO else None
        attempts.append(WrittenAttempt(steps, said, is_check, word))
    return attempts


def _step(line: str) -> Step:
    left, operator, right, _, result = line.split(" ")
    return Step(int(left), operator, int(right), int(result))


def uses_given_numbers(attempt: WrittenAttempt, numbers: Sequence[int]) -> bool:
    """Say whether every operand was there to be used: given, or a result, and not spent.

    The results are taken as written: a slip of arithmetic is no illegal operand.
    """
    pool = Counter(numbers)
    for left, _, right, result in attempt.steps:
        for operand in (left, right):
            if pool[operand] <= 0:
                return False
            pool[operand] -= 1
        pool[result] += 1
    return True


def same_work(attempt: WrittenAttempt) -> tuple[tuple[str, int, int], ...]:
    """Name an attempt by its operations, so that a + b and b + a get one name."""
    return tuple(
        (operator, left, right)
        if operator == "-"
        else (operator, min(left, right), max(left, right))
        for left, operator, right, _ in attempt.steps
    )


def as_expression(attempt: WrittenAttempt) -> str:
    """Write an attempt as one expression: '7 + 1 = 8 , 8 + 3 = 11' is '( 7 + 1 ) + 3'."""
    written: dict[int, str] = {}  # results not yet used -> how they came about
    expression = ""
    for left, operator, right, result in attempt.steps:
        first = written.pop(left, str(left))
        second = written.pop(right, str(right))
        expression = f"{first} {operator} {second}"
        written[result] = f"( {expression} )"
    return expression
