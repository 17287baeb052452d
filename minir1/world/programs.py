"""Which programs are there to be found, and from which examples?

The second kind of problem. A program turns an input into an output on a stack: `? 2 * 1 +`
pushes the input, doubles it and adds 1. A problem shows two inputs with their outputs,
`2 = 5 , 7 = 15`, and hides the others. There are as many programs as attempts at a number
puzzle, and as few that are right: about one in twenty, and one in five of those whose second
step is chosen to come nearest to the first output.
Grading an answer is left to `minir1.stack_machine`, which knows nothing of this file.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import NamedTuple

from minir1.rng import generator
from minir1.world.problems import LARGEST_VALUE

INPUTS = tuple(range(1, 16))
CONSTANTS = ("1", "2")
INPUT = "?"
SHOWN = 2  # examples in a prompt
FEWEST_OUTPUTS = 5  # inputs for which a program must have an output, so that some stay hidden
TEST_PROBLEMS = 300
VALIDATION_PROBLEMS = 150

Example = tuple[int, int]  # an input and its output
Examples = tuple[Example, ...]


class Step(NamedTuple):
    """One step of a program: what is combined with the value so far, and how."""

    operator: str
    operand: str  # a constant, or "?" for the input again


class Program(NamedTuple):
    """Two steps from the input to the output."""

    first: Step
    second: Step

    @property
    def text(self) -> str:
        """The program as it is answered: '? 2 * 1 +'."""
        return " ".join((INPUT, *(f"{step.operand} {step.operator}" for step in self)))


class Run(NamedTuple):
    """A program at work on one input, as it is written in a thought."""

    steps: str  # "2 * 2 = 4 , 4 + 1 = 5"
    value: int


@dataclass(frozen=True)
class ProgramProblem:
    """Examples that are shown, examples that are hidden, and how many programs fit them all."""

    examples: Examples
    hidden: Examples
    solutions: int

    @property
    def key(self) -> Examples:
        """Tell two problems apart: what is shown says what is hidden."""
        return self.examples

    @property
    def difficulty(self) -> int:
        """Rate the problem from 1 (four or more programs) to 4 (exactly one)."""
        return max(1, 5 - self.solutions)


@cache
def programs() -> tuple[Program, ...]:
    """List all programs of two steps, 30: the first step may multiply the input by itself."""
    seconds = tuple(
        Step(operator, constant)
        for operator in ("+", "-", "*")
        for constant in CONSTANTS
        if (operator, constant) != ("*", "1")
    )
    return tuple(
        Program(first, second) for first in (*seconds, Step("*", INPUT)) for second in seconds
    )


@cache
def run(program: Program, given: int) -> Run | None:
    """Run a program on an input; None if a value leaves 0..99."""
    value, written = given, []
    for operator, operand in program:
        right = given if operand == INPUT else int(operand)
        result = {"+": value + right, "-": value - right, "*": value * right}[operator]
        if not 0 <= result <= LARGEST_VALUE:
            return None
        written.append(f"{value} {operator} {right} = {result}")
        value = result
    return Run(" , ".join(written), value)


@cache
def outputs(program: Program) -> Examples:
    """List what a program makes of every input for which it has an output."""
    ran = ((given, run(program, given)) for given in INPUTS)
    return tuple((given, done.value) for given, done in ran if done is not None)


@cache
def fitting(examples: Examples) -> tuple[Program, ...]:
    """List the programs that have the right output for every one of these inputs."""
    wanted = set(examples)
    return tuple(program for program in programs() if wanted <= set(outputs(program)))


@cache
def attempts(examples: Examples) -> tuple[Program, ...]:
    """List the programs that have some output for every one of these inputs."""
    given = {example[0] for example in examples}
    return tuple(
        program for program in programs() if given <= {known for known, _ in outputs(program)}
    )


def pose(examples: Examples) -> ProgramProblem | None:
    """Make a problem of examples; None if they do not say what is meant.

    They say it if some program fits them, and all that do have the same outputs.
    """
    found = fitting(examples)
    behaviours = set(map(outputs, found))
    if len(behaviours) != 1:
        return None
    hidden = tuple(example for example in behaviours.pop() if example not in examples)
    return ProgramProblem(examples, hidden, len(found)) if hidden else None


def all_problems() -> Iterator[ProgramProblem]:
    """Go through every problem: each behaviour, shown by any two examples that say it."""
    behaviours = dict.fromkeys(map(outputs, programs()))
    for behaviour in behaviours:
        if len(behaviour) >= FEWEST_OUTPUTS:
            for examples in combinations(behaviour, SHOWN):
                problem = pose(examples)
                if problem is not None:
                    yield problem


@cache
def split() -> dict[str, tuple[ProgramProblem, ...]]:
    """Deal the problems into test (300), validation (150) and train (1111), always alike."""
    problems = list(all_problems())
    order = generator(0, "programs", "split").permutation(len(problems))
    dealt = tuple(problems[index] for index in order)
    end = TEST_PROBLEMS + VALIDATION_PROBLEMS
    return {
        "train": dealt[end:],
        "validation": dealt[TEST_PROBLEMS:end],
        "test": dealt[:TEST_PROBLEMS],
    }


@cache
def held_out() -> frozenset[Examples]:
    """Give the keys of all validation and test problems: no training text may be about them."""
    dealt = split()
    return frozenset(problem.key for problem in dealt["validation"] + dealt["test"])


def request(examples: Sequence[Example], language: str) -> str:
    """Write the words of a problem: 'make 2 = 5 , 7 = 15 .' or '凑 2 = 5 , 7 = 15 。'"""
    shown = " , ".join(f"{given} = {output}" for given, output in examples)
    return f"凑 {shown} 。" if language == "zh" else f"make {shown} ."


def prompt(problem: ProgramProblem, language: str) -> str:
    """Ask a problem: '<bos> User: make 2 = 5 , 7 = 15 . Assistant:', always 12 tokens."""
    return f"<bos> User: {request(problem.examples, language)} Assistant:"
