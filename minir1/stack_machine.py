"""Does this program do what the examples say? Decided by running it, within bounds.

A program is words between blanks, run from left to right on a stack that begins empty:

    0 .. 99    pushes itself
    ?          pushes the input
    + - *      pops two values and pushes one; `5 2 -` is 3

A value outside 0..99 stops it, and so does a stack that is too full or has too little on it. It
ends well with exactly one value left: its output. There are no loops, so a program of so
many words takes so many steps. The text is a model's, so hostile: nothing is evaluated by
Python, and length, steps, stack and values are bounded.
"""

from collections.abc import Callable, Sequence
from operator import add, mul, sub

MAX_CHARACTERS = 256  # an honest answer has about 12
MAX_STEPS = 64
MAX_STACK = 16
LARGEST_VALUE = 99

INPUT = "?"
OPERATORS: dict[str, Callable[[int, int], int]] = {"+": add, "-": sub, "*": mul}

Word = int | str  # a number, "?" or an operator
_BLANKS = " \t\r\n"
_NUMBERS = {str(number): number for number in range(LARGEST_VALUE + 1)}


class MachineError(ValueError):
    """The text is no program, or the program has no output; the message says where."""


def parse(text: str) -> tuple[Word, ...]:
    """Cut a text into the words of a program.

    Raises: MachineError for a word that is none, and for more than the machine takes.
    """
    if len(text) > MAX_CHARACTERS:
        raise MachineError(f"longer than {MAX_CHARACTERS} characters")
    for blank in _BLANKS:
        text = text.replace(blank, " ")
    words = [word for word in text.split(" ") if word]
    if len(words) > MAX_STEPS:
        raise MachineError(f"more than {MAX_STEPS} steps")
    return tuple(_word(place, word) for place, word in enumerate(words, 1))


def _word(place: int, word: str) -> Word:
    if word in OPERATORS or word == INPUT:
        return word
    if word not in _NUMBERS:
        raise MachineError(f"word {place}: wanted 0 to {LARGEST_VALUE}, ? or one of + - *")
    return _NUMBERS[word]


def run(program: Sequence[Word], given: int) -> int:
    """Return what a program makes of an input.

    Raises: MachineError where it has no output.
    """
    stack: list[int] = []
    for place, word in enumerate(program, 1):
        stack.append(_value(place, word, stack, given))
        if len(stack) > MAX_STACK:
            raise MachineError(f"word {place}: more than {MAX_STACK} values on the stack")
    if len(stack) != 1:
        raise MachineError(f"{len(stack)} values left, wanted 1")
    return stack[0]


def _value(place: int, word: Word, stack: list[int], given: int) -> int:
    """Return what a word pushes, having popped what it needs."""
    if isinstance(word, int):
        return word
    if word == INPUT:
        return given
    if len(stack) < 2:
        raise MachineError(f"word {place}: {word} wants two values, the stack has {len(stack)}")
    right, left = stack.pop(), stack.pop()
    value = OPERATORS[word](left, right)
    if not 0 <= value <= LARGEST_VALUE:
        raise MachineError(f"word {place}: {value} is outside 0..{LARGEST_VALUE}")
    return value


def solves(text: str, examples: Sequence[tuple[int, int]]) -> bool:
    """Say whether a text is a program with the right output for every one of the examples.

    What cannot be read or run is no solution, never an error.
    """
    try:
        program = parse(text)
        return all(run(program, given) == output for given, output in examples)
    except MachineError:
        return False


def outputs(text: str, inputs: Sequence[int]) -> tuple[int | None, ...] | None:
    """Name what a text does: its output for each input, None where it has none.

    Programs that do the same vote together. None for what is no program.
    """
    try:
        program = parse(text)
    except MachineError:
        return None
    return tuple(_output(program, given) for given in inputs)


def _output(program: Sequence[Word], given: int) -> int | None:
    try:
        return run(program, given)
    except MachineError:
        return None
