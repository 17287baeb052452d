"""What do the documents about programs look like?

The same forms as for number puzzles, at the same rates: a line (one attempt, judged), a sheet
(many attempts, judged), a direct answer (mostly wrong), and a trace that thinks aloud. An
attempt runs a program on the examples, one after the other, until one is missed. Every
problem is a train problem.
"""

from bisect import bisect
from collections.abc import Callable, Sequence
from itertools import accumulate

from minir1.world.corpus_config import CorpusConfig
from minir1.world.languages import CONNECTIVES
from minir1.world.programs import (
    Examples,
    Program,
    ProgramProblem,
    Run,
    attempts,
    fitting,
    request,
    run,
    split,
)
from minir1.world.thoughts import (
    AFTER_NO,
    Draw,
    between,
    most_attempts,
    pick,
    slipped,
    style,
)

Say = Callable[[str], str]


def program(draw: Draw, config: CorpusConfig, language: str) -> str:
    """Write a document about a train problem, in one of the forms."""
    shares = config.program_shares()
    form = list(shares)[bisect(list(accumulate(shares.values()))[:-1], draw())]
    return FORMS[form](draw, config, pick(draw, split()["train"]), language)


def line(draw: Draw, config: CorpusConfig, problem: ProgramProblem, language: str) -> str:
    """Judge one attempt at a problem, and answer after the last yes.

    'make 2 = 5 , 7 = 15 . 2 * 2 = 4 , 4 + 1 = 5 yes 7 * 2 = 14 , 14 + 1 = 15 yes so ? 2 * 1 +'
    """
    say = CONNECTIVES[language].__getitem__
    tried = hit_or_miss(draw, config, problem.examples)
    judged, right = judge(tried, problem.examples, say, _as_it_is)
    end = [say("so"), tried.text] if right else []
    return " ".join([request(problem.examples, language), *judged, *end])


def sheet(draw: Draw, config: CorpusConfig, problem: ProgramProblem, language: str) -> str:
    """Judge many attempts at a problem, none twice; some have the first output right.

    'make 2 = 5 , 7 = 15 . 2 + 2 = 4 , 4 + 2 = 6 no 2 * 2 = 4 , 4 + 1 = 5 yes 7 * 2 = 14 , ..'
    """
    say = CONNECTIVES[language].__getitem__
    remaining, first = list(attempts(problem.examples)), fitting(problem.examples[:1])
    words = [request(problem.examples, language)]
    for _ in range(between(draw, config.sheet_low, config.sheet_high)):
        hits = [tried for tried in remaining if tried in first]
        tried = pick(draw, hits if hits and draw() < config.hit_rate else remaining)
        remaining.remove(tried)
        words += judge(tried, problem.examples, say, _as_it_is)[0]
    return " ".join(words)


def direct(draw: Draw, config: CorpusConfig, problem: ProgramProblem, language: str) -> str:
    """Answer a problem without thinking: mostly with the first program that comes to mind."""
    options = attempts(problem.examples)
    if draw() < config.direct_right:
        options = fitting(problem.examples)
    answer = f"<answer> {pick(draw, options).text} </answer>"
    return f"User: {request(problem.examples, language)} Assistant: {answer}"


def think(draw: Draw, config: CorpusConfig, problem: ProgramProblem, language: str) -> str:
    """Answer a problem after thinking aloud, as in `thoughts.think`.

    '<think> try 2 + 2 = 4 , 4 + 1 = 5 yes 7 + 2 = 9 , ..' A check runs the program again,
    without slips, so it can turn a false yes into a no.
    """
    give_up, say = style(draw, config, language)
    remaining = list(attempts(problem.examples))
    words = ["<think>"]
    opening = "try"
    for _ in range(most_attempts(draw, config)):
        tried = remaining.pop(next_attempt(draw, config, remaining, problem.examples))
        judged, right = judge(tried, problem.examples, say, _slipping(draw, config))
        words += [say(opening), *judged]
        if right and draw() < config.check_rate:
            judged, right = judge(tried, problem.examples, say, _as_it_is)
            words += [say("check"), *judged]
        if right or not remaining or draw() < give_up:
            break
        opening = pick(draw, AFTER_NO)
    words += say("so"), "</think> <answer>", tried.text, "</answer>"
    return f"User: {request(problem.examples, language)} Assistant: {' '.join(words)}"


FORMS = {"line": line, "sheet": sheet, "direct": direct, "think": think}


def judge(
    tried: Program, examples: Examples, say: Say, believed: Callable[[int], int]
) -> tuple[list[str], bool]:
    """Run a program on the examples until one is missed; return the words and the verdict.

    `believed` turns the value of a run into the one that the writer puts down.
    """
    words = []
    for given, output in examples:
        done = _run(tried, given)
        value = believed(done.value)
        words += [
            f"{done.steps.rpartition(' ')[0]} {value}",
            say("yes" if value == output else "no"),
        ]
        if value != output:
            return words, False
    return words, True


def next_attempt(
    draw: Draw, config: CorpusConfig, remaining: Sequence[Program], examples: Examples
) -> int:
    """Choose which of the remaining programs comes next: a solution, a near one, or any."""
    if draw() < config.solution_rate:
        right = set(fitting(examples))
        solutions = [i for i, tried in enumerate(remaining) if tried in right]
        if solutions:
            return pick(draw, solutions)
    chosen = int(draw() * len(remaining))
    if draw() < config.program_near_rate:
        return nearest(remaining, chosen, examples)
    return chosen


def nearest(remaining: Sequence[Program], chosen: int, examples: Examples) -> int:
    """Keep a program's first step; take the second that comes nearest to the first output."""
    (given, output), *_ = examples
    first = remaining[chosen].first
    siblings = [i for i, tried in enumerate(remaining) if tried.first == first]
    return min(siblings, key=lambda i: abs(_run(remaining[i], given).value - output))


def hit_or_miss(draw: Draw, config: CorpusConfig, examples: Examples) -> Program:
    """Draw a program that fits the examples or one that does not; misses are often near."""
    right = fitting(examples)
    if draw() < config.hit_rate:
        return pick(draw, right)
    misses = [tried for tried in attempts(examples) if tried not in right]
    chosen = int(draw() * len(misses))
    if draw() < config.program_near_rate:
        chosen = nearest(misses, chosen, examples)
    return misses[chosen]


def _run(tried: Program, given: int) -> Run:
    done = run(tried, given)
    assert done is not None, "attempts have an output for every example"
    return done


def _as_it_is(value: int) -> int:
    return value


def _slipping(draw: Draw, config: CorpusConfig) -> Callable[[int], int]:
    """Sometimes miscalculate."""
    return lambda value: slipped(draw, value) if draw() < config.slip else value
