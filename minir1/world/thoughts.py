"""What does thinking aloud look like in the corpus?

A trace tries one attempt after another, says yes or no to each, sometimes checks a yes, and
sometimes gives up. The short style gives up soon; the long style, which is rare, goes on. No
attempt is repeated within a trace.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from minir1.world.corpus_config import CorpusConfig
from minir1.world.languages import CONNECTIVES, LANGUAGES
from minir1.world.problems import LARGEST_VALUE, Attempt, Numbers, attempts

Draw = Callable[[], float]  # a uniform number in [0, 1), a new one at each call
Item = TypeVar("Item")

AFTER_NO = ("try", "wait", "maybe", "hmm")
SLIPS = (-10, -2, -1, 1, 2, 10)  # how far a written value lies from the true one


def pick(draw: Draw, items: Sequence[Item]) -> Item:
    """Choose one of the items, each equally likely."""
    return items[int(draw() * len(items))]


def between(draw: Draw, low: int, high: int) -> int:
    """Draw a whole number from low to high, both included."""
    return low + int(draw() * (high - low + 1))


def think(
    draw: Draw, config: CorpusConfig, numbers: Numbers, target: int, language: str
) -> str:
    """Write a completion: '<think> try ... so </think> <answer> ... </answer>'.

    After a yes the trace ends; after a no it may give up, and then it answers with its last,
    wrong attempt. A check computes the attempt again, without slips, so it can turn a false yes
    into a no.
    """
    give_up, say = style(draw, config, language)
    remaining = list(attempts(numbers))
    words = ["<think>"]
    opening = "try"
    for _ in range(most_attempts(draw, config)):
        attempt = remaining.pop(next_attempt(draw, config, remaining, target))
        value = slipped(draw, attempt.value) if draw() < config.slip else attempt.value
        right = value == target
        words += say(opening), written(attempt, value), say("yes" if right else "no")
        if right and draw() < config.check_rate:
            right = attempt.value == target
            words += say("check"), attempt.steps, say("yes" if right else "no")
        if right or not remaining or draw() < give_up:
            break
        opening = pick(draw, AFTER_NO)
    words += say("so"), "</think> <answer>", attempt.answer, "</answer>"
    return " ".join(words)


def style(
    draw: Draw, config: CorpusConfig, language: str
) -> tuple[float, Callable[[str], str]]:
    """Choose how a trace goes: how readily it gives up, and how it says a word."""
    long = draw() < config.long_think
    give_up = config.give_up_long if long else config.give_up_short
    mixed = draw() < (config.mixing_long if long else config.mixing_short)
    return give_up, _mixed_voice(draw) if mixed else CONNECTIVES[language].__getitem__


def most_attempts(draw: Draw, config: CorpusConfig) -> int:
    """Say how far a trace may go: one attempt, where it is not one that reflects."""
    stops = config.reflecting < 1 and draw() >= config.reflecting
    return 1 if stops or not config.reflect else config.max_attempts


def next_attempt(
    draw: Draw, config: CorpusConfig, remaining: Sequence[Attempt], target: int
) -> int:
    """Choose which of the remaining attempts comes next: a solution, a near one, or any."""
    if draw() < config.solution_rate:
        solutions = [i for i, attempt in enumerate(remaining) if attempt.value == target]
        if solutions:
            return pick(draw, solutions)
    chosen = int(draw() * len(remaining))
    if draw() < config.near_rate:
        return nearest(remaining, chosen, target)
    return chosen


def nearest(remaining: Sequence[Attempt], chosen: int, target: int) -> int:
    """Keep the first step of the chosen attempt; take the second that comes nearest."""
    first_step = remaining[chosen].first_step
    siblings = [i for i, attempt in enumerate(remaining) if attempt.first_step == first_step]
    return min(siblings, key=lambda i: abs(remaining[i].value - target))


def slipped(draw: Draw, value: int) -> int:
    """Miscalculate: a value near the true one, within 0..99."""
    return pick(draw, [value + slip for slip in SLIPS if 0 <= value + slip <= LARGEST_VALUE])


def written(attempt: Attempt, value: int) -> str:
    """Write the steps of an attempt with the value that the writer believes."""
    if value == attempt.value:
        return attempt.steps
    return f"{attempt.steps.rpartition(' ')[0]} {value}"


def _mixed_voice(draw: Draw) -> Callable[[str], str]:
    """Say each word in a language of its own, by the toss of a coin."""
    return lambda word: CONNECTIVES[pick(draw, LANGUAGES)][word]
