"""How did a thought search? Its attempts, held against what was asked.

For each kind of problem one function says what an attempt is, when it repeats another, when
it does what was not allowed, and whether its verdicts are just.
Left out: the words between the attempts (`behaviour.py`).
"""

from collections.abc import Iterable, Sequence
from functools import singledispatch
from itertools import pairwise
from typing import NamedTuple

from minir1.puzzles import Puzzle, solved
from minir1.traces import Step, WrittenAttempt, as_expression, same_work, uses_given_numbers
from minir1.world.programs import Examples, ProgramProblem


class Search(NamedTuple):
    """What was counted in the attempts of one thought; checks are no attempts."""

    attempts: int
    repeated: int
    illegal: int  # number puzzles: operands that were not given; programs: see `faithful`
    hits: int  # judged results that are, as written, what was wanted
    misses: int
    yes_to_hits: int
    yes_to_misses: int
    first_failed: int | None  # words up to the end of a first attempt that is no solution


@singledispatch
def search(problem: Puzzle, written: Sequence[WrittenAttempt]) -> Search:
    """Count what happens in the attempts of a thought.

    A number puzzle: every row of steps is an attempt.
    """
    assert not isinstance(problem, ProgramProblem)
    tried = [attempt for attempt in written if not attempt.is_check]
    judged = [(attempt, attempt.result == problem.target) for attempt in tried]
    failed = tried and not solved(problem, as_expression(tried[0]))
    return Search(
        len(tried),
        len(tried) - len({same_work(attempt) for attempt in tried}),
        sum(not uses_given_numbers(attempt, problem.numbers) for attempt in tried),
        *_verdicts(judged),
        tried[0].end if failed else None,
    )


@search.register
def _(problem: ProgramProblem, written: Sequence[WrittenAttempt]) -> Search:
    """A program: an attempt runs on one example after another, each after the other's yes."""
    tried = [runs for runs in trials(written) if not runs[0].is_check]
    judged = [
        (run, run.result == output)
        for runs in tried
        for run, (_, output) in zip(runs, problem.examples, strict=False)
    ]
    failed = tried and not _fits(tried[0], problem.examples)
    return Search(
        len(tried),
        len(tried) - len({tuple(map(_operation, runs[0].steps)) for runs in tried}),
        sum(not faithful(runs, problem.examples) for runs in tried),
        *_verdicts(judged),
        tried[0][-1].end if failed else None,
    )


def trials(written: Sequence[WrittenAttempt]) -> list[list[WrittenAttempt]]:
    """Put runs together that are one attempt: each begins right after a yes to the last."""
    found: list[list[WrittenAttempt]] = []
    for before, run in pairwise([None, *written]):
        assert run is not None
        words = 6 * len(run.steps) - 1  # five a step, and a comma between two
        goes_on = before is not None and before.verdict and run.end - words == before.end + 1
        if goes_on:
            found[-1].append(run)
        else:
            found.append([run])
    return found


def faithful(runs: Sequence[WrittenAttempt], examples: Examples) -> bool:
    """Say whether an attempt runs one program: on the inputs shown, with the same steps.

    Every step goes on from the value before it, and has the operator and the operand that it
    had on the first input; an operand may also be the input each time.
    """
    if len(runs) > len(examples):
        return False
    first = runs[0].steps
    for run, (given, _) in zip(runs, examples, strict=False):
        values = [given, *(step.result for step in run.steps)]
        if [step.left for step in run.steps] != values[:-1] or len(run.steps) != len(first):
            return False
        for step, same in zip(run.steps, first, strict=True):
            as_input = (step.right, same.right) == (given, examples[0][0])
            if _operation(step) != _operation(same) and not (
                step.operator == same.operator and as_input
            ):
                return False
    return True


def _fits(runs: Sequence[WrittenAttempt], examples: Examples) -> bool:
    """Say whether an attempt ran on all examples and had every output right."""
    wanted = [output for _, output in examples]
    return faithful(runs, examples) and [run.result for run in runs] == wanted


def _operation(step: Step) -> tuple[str, int]:
    return step.operator, step.right


def _verdicts(judged: Iterable[tuple[WrittenAttempt, bool]]) -> tuple[int, int, int, int]:
    """Count the judged hits and misses, and the yes among each."""
    said = [(run.verdict, hit) for run, hit in judged if run.verdict is not None]
    hits = [verdict for verdict, hit in said if hit]
    misses = [verdict for verdict, hit in said if not hit]
    return len(hits), len(misses), sum(hits), sum(misses)
