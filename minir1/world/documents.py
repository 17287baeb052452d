"""What does one document of each kind look like?

Except for `think` (see `thoughts`), `chat` (see `chat`) and `program` (see
`program_documents`), a kind teaches one ingredient without showing a search: sums, verdicts,
copying the given numbers, the form of an answer. Every goal comes from a train problem, so
that no held-out problem is ever posed.
"""

from functools import cache
from itertools import permutations

from minir1.world import thoughts
from minir1.world.chat import exchange
from minir1.world.corpus_config import CorpusConfig
from minir1.world.languages import CONNECTIVES, STOP
from minir1.world.problems import (
    LARGEST_NUMBER,
    LARGEST_VALUE,
    OPERATORS,
    Attempt,
    Numbers,
    attempts,
    combine,
    held_out,
    request,
    split,
)
from minir1.world.program_documents import program
from minir1.world.thoughts import Draw, between, pick

NEAR = 3  # a near miss lies at most this far from the goal


def document(draw: Draw, config: CorpusConfig, kind: str, language: str) -> str:
    """Write one document of a kind, from <bos> to <eos>."""
    return f"<bos> {WRITERS[kind](draw, config, language)} <eos>"


def fact(draw: Draw, config: CorpusConfig, language: str) -> str:
    """Write a few true sums: '1 + 10 = 11 , 63 - 8 = 55'."""
    count = between(draw, config.facts_low, config.facts_high)
    return " , ".join(pick(draw, sums()) for _ in range(count))


def chain(draw: Draw, config: CorpusConfig, language: str) -> str:
    """Judge one attempt against a goal: '凑 45 。 7 + 8 = 15 , 15 * 3 = 45 对'."""
    numbers, target = problem(draw)
    attempt = hit_or_miss(draw, config, numbers, target)
    return (
        f"{goal(target, language)} {attempt.steps} {verdict(attempt.value, target, language)}"
    )


def line(draw: Draw, config: CorpusConfig, language: str) -> str:
    """Judge one attempt at a problem, and answer after a yes.

    'use 4 3 3 to make 4 . 4 - 3 = 1 , 1 + 3 = 4 yes so ( 4 - 3 ) + 3'
    """
    numbers, target = problem(draw)
    attempt = hit_or_miss(draw, config, numbers, target)
    judged = f"{attempt.steps} {verdict(attempt.value, target, language)}"
    if attempt.value == target:
        judged += f" {CONNECTIVES[language]['so']} {attempt.answer}"
    return f"{request(numbers, target, language)} {judged}"


def sheet(draw: Draw, config: CorpusConfig, language: str) -> str:
    """Judge unrelated sums against one goal: 'make 27 . 32 - 5 = 27 yes 28 - 7 = 21 no'."""
    _, target = problem(draw)
    words = [goal(target, language)]
    for _ in range(between(draw, config.sheet_low, config.sheet_high)):
        if draw() < config.hit_rate:
            value = target
        elif draw() < config.sheet_near:
            value = near_miss(draw, target)
        else:
            value = None
        item = chain_item if draw() < config.sheet_chains else sum_item
        words.append(item(draw, target, value, language))
    return " ".join(words)


def play(draw: Draw, config: CorpusConfig, language: str) -> str:
    """Combine the same three numbers many times, with no goal: practice in copying them.

    'use 5 7 10 . 7 * 10 = 70 , 70 - 5 = 65 . 5 + 10 = 15 , 15 - 7 = 8 .'
    """
    numbers, _ = problem(draw)
    stop = STOP[language]
    given = " ".join(map(str, numbers))
    remaining = list(attempts(numbers))
    words = [f"{'用' if language == 'zh' else 'use'} {given} {stop}"]
    for _ in range(min(between(draw, config.play_low, config.play_high), len(remaining))):
        words.append(remaining.pop(int(draw() * len(remaining))).steps)
        words.append(stop)
    return " ".join(words)


def direct(draw: Draw, config: CorpusConfig, language: str) -> str:
    """Answer a problem without thinking: mostly with the first attempt that comes to mind."""
    numbers, target = problem(draw)
    options = attempts(numbers)
    if draw() < config.direct_right:
        options = tuple(attempt for attempt in options if attempt.value == target)
    answer = f"<answer> {pick(draw, options).answer} </answer>"
    return f"User: {request(numbers, target, language)} Assistant: {answer}"


def think(draw: Draw, config: CorpusConfig, language: str) -> str:
    """Answer a problem after thinking aloud."""
    numbers, target = problem(draw)
    completion = thoughts.think(draw, config, numbers, target, language)
    return f"User: {request(numbers, target, language)} Assistant: {completion}"


def chat(draw: Draw, config: CorpusConfig, language: str) -> str:
    """Answer a general prompt, well or badly."""
    return exchange(draw, config, language)


WRITERS = {
    "fact": fact,
    "chat": chat,
    "chain": chain,
    "line": line,
    "sheet": sheet,
    "play": play,
    "direct": direct,
    "think": think,
    "program": program,
}


def problem(draw: Draw) -> tuple[Numbers, int]:
    """Draw a train problem, with its numbers in any order."""
    return pick(draw, ordered_problems())


def goal(target: int, language: str) -> str:
    """Write a goal without numbers: 'make 27 .'"""
    return f"凑 {target} 。" if language == "zh" else f"make {target} ."


def verdict(value: int, target: int, language: str) -> str:
    """Say yes if the value is the goal, no otherwise."""
    return CONNECTIVES[language]["yes" if value == target else "no"]


def hit_or_miss(draw: Draw, config: CorpusConfig, numbers: Numbers, target: int) -> Attempt:
    """Draw an attempt that reaches the target or one that does not; misses are often near."""
    options = attempts(numbers)
    if draw() < config.hit_rate:
        return pick(draw, [attempt for attempt in options if attempt.value == target])
    misses = [attempt for attempt in options if attempt.value != target]
    if draw() < config.near_rate:
        return misses[thoughts.nearest(misses, int(draw() * len(misses)), target)]
    return pick(draw, misses)


def near_miss(draw: Draw, target: int) -> int:
    """Draw a value close to the target, but not the target."""
    values = range(max(0, target - NEAR), min(LARGEST_VALUE, target + NEAR) + 1)
    return pick(draw, [value for value in values if value != target])


def sum_item(draw: Draw, target: int, value: int | None, language: str) -> str:
    """Write a sum and its verdict; a value of None means any sum."""
    text = pick(draw, sums() if value is None else sums_by_value()[value])
    return f"{text} {verdict(int(text.rpartition(' ')[2]), target, language)}"


def chain_item(draw: Draw, target: int, value: int | None, language: str) -> str:
    """Write a two-step sum and its verdict, never one that poses a held-out problem."""
    options = chains() if value is None else chains_by_value()[value]
    numbers, attempt = pick(draw, options)
    while (numbers, target) in held_out():
        numbers, attempt = pick(draw, options)
    return f"{attempt.steps} {verdict(attempt.value, target, language)}"


@cache
def ordered_problems() -> tuple[tuple[Numbers, int], ...]:
    """List every train problem in all six orders of its numbers."""
    return tuple(
        ((a, b, c), problem.target)
        for problem in split()["train"]
        for a, b, c in permutations(problem.numbers)
    )


@cache
def sums_by_value() -> tuple[tuple[str, ...], ...]:
    """List the sums x + y, x - y, x * y with x in 0..99 and y in 1..10, under their value."""
    found: list[list[str]] = [[] for _ in range(LARGEST_VALUE + 1)]
    for x in range(LARGEST_VALUE + 1):
        for y in range(1, LARGEST_NUMBER + 1):
            for operator in OPERATORS:
                step = combine(x, operator, y)
                if step is not None:
                    text, value = step
                    found[value].append(f"{text} = {value}")
    return tuple(map(tuple, found))


@cache
def sums() -> tuple[str, ...]:
    """List all those sums."""
    return tuple(text for texts in sums_by_value() for text in texts)


@cache
def chains_by_value() -> tuple[tuple[tuple[Numbers, Attempt], ...], ...]:
    """List every attempt on every three numbers (sorted), in every order, under its value."""
    found: list[list[tuple[Numbers, Attempt]]] = [[] for _ in range(LARGEST_VALUE + 1)]
    triples = dict.fromkeys(numbers for numbers, _ in ordered_problems())
    for numbers in triples:
        a, b, c = sorted(numbers)
        for attempt in attempts(numbers):
            found[attempt.value].append(((a, b, c), attempt))
    return tuple(map(tuple, found))


@cache
def chains() -> tuple[tuple[Numbers, Attempt], ...]:
    """List all those attempts."""
    return tuple(chain for chains in chains_by_value() for chain in chains)
