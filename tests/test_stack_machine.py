"""Does the machine run what is a program, refuse everything else, and never break?"""

import string
import time

import pytest

from minir1.rng import generator
from minir1.stack_machine import (
    LARGEST_VALUE,
    MAX_CHARACTERS,
    MAX_STACK,
    MAX_STEPS,
    MachineError,
    outputs,
    parse,
    run,
    solves,
)
from minir1.tokenizer import WordTokenizer


@pytest.mark.parametrize(
    ("text", "given", "output"),
    [
        ("? 2 * 1 +", 7, 15),
        ("? ? * 2 -", 3, 7),
        ("5 2 -", 0, 3),  # in the order of the stack
        ("?", 42, 42),
        ("7", 1, 7),
        ("1 2 3 + *", 0, 5),
        ("  ?\t1\n+  ", 1, 2),
        ("? " * MAX_STACK + "+ " * (MAX_STACK - 1), 1, MAX_STACK),
        ("99 0 *", 5, 0),
    ],
)
def test_programs_run(text: str, given: int, output: int) -> None:
    assert run(parse(text), given) == output
    assert solves(text, [(given, output)])
    assert not solves(text, [(given, output), (given, output + 1)])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "0 values left"),
        ("? 1", "2 values left"),
        ("+", "word 1: \\+ wants two values, the stack has 0"),
        ("? +", "word 2: \\+ wants two values, the stack has 1"),
        ("? 9 -", "word 3: -5 is outside 0..99"),
        ("50 50 +", "word 3: 100 is outside"),
        ("9 9 * 2 * 0 *", "word 5: 162 is outside"),  # also on the way
        ("100", "word 1: wanted 0 to 99"),
        ("07", "word 1: wanted"),
        ("-3", "word 1: wanted"),
        ("?2*", "word 1: wanted"),
        ("? 2 / 1 +", "word 3: wanted"),
        ("٣ ? +", "word 1: wanted"),  # a digit of another script
        ("?\u00a01 +", "word 1: wanted"),  # a blank that is none of ours
        ("__import__('os')", "word 1: wanted"),
        ("? " * (MAX_STACK + 1), f"word {MAX_STACK + 1}: more than {MAX_STACK} values"),
        ("? 1 * " * 33, f"more than {MAX_STEPS} steps"),
        (" " * (MAX_CHARACTERS + 1), f"longer than {MAX_CHARACTERS} characters"),
    ],
)
def test_what_has_no_output_says_why(text: str, message: str) -> None:
    with pytest.raises(MachineError, match=message):
        run(parse(text), 4)
    assert not solves(text, [(4, 4)])


def test_it_agrees_with_a_machine_written_another_way() -> None:
    """Random programs, against Python's own expressions built from the same words."""
    rng = generator(0, "stack machine")
    ran = 0
    for _ in range(3000):
        words = rng.choice(
            ["?", "1", "2", "3", "9", "+", "-", "*"], rng.integers(1, 8)
        ).tolist()
        given = int(rng.integers(1, 16))
        wanted = by_hand(words, given)
        assert outputs(" ".join(words), [given]) == (wanted,)
        ran += wanted is not None
    assert ran > 200


def by_hand(words: list[str], given: int) -> int | None:
    """Reduce the first operator that has two numbers before it, until one number is left."""
    left = [str(given) if word == "?" else word for word in words]
    while len(left) > 1:
        place = next((i for i, word in enumerate(left) if word in "+-*"), None)
        if place is None or place < 2:
            return None
        a, b, operator = int(left[place - 2]), int(left[place - 1]), left[place]
        value = a + b if operator == "+" else a - b if operator == "-" else a * b
        if not 0 <= value <= LARGEST_VALUE:
            return None
        left[place - 2 : place + 1] = [str(value)]
    return int(left[0]) if left[0].isdigit() else None


def test_no_text_breaks_it_or_holds_it_up() -> None:
    rng = generator(0, "hostile")
    vocabulary = list(WordTokenizer().vocab)
    characters = list(string.printable + "？＋٣²½\u2028\u0000 \U0001f600")
    started = time.perf_counter()
    for _ in range(2000):
        pool = vocabulary if rng.random() < 0.5 else characters
        glue = " " if rng.random() < 0.7 else ""
        text = glue.join(rng.choice(pool, rng.integers(0, 80)).tolist())
        solves(text, [(1, 1), (2, 2)])
        outputs(text, [1, 2])
    for text in ("9" * 10**6, "? " * 10**6, "( " * 10**5, "99 99 * " * 10**5):
        assert not solves(text, [(1, 1)])
    assert time.perf_counter() - started < 5


def test_no_program_within_the_bounds_takes_long() -> None:
    longest = "1 1 + " + "1 - 1 + " * 15
    assert MAX_STEPS - 4 < len(parse(longest)) <= MAX_STEPS
    started = time.perf_counter()
    for _ in range(100):
        assert solves(longest, [(given, 2) for given in range(1, 16)])
    assert time.perf_counter() - started < 1


def test_programs_that_do_the_same_vote_together() -> None:
    inputs = range(1, 16)
    assert outputs("? 2 *", inputs) == outputs("? ? +", inputs)
    assert outputs("? 2 -", [1, 2, 3]) == (None, 0, 1)
    assert outputs("two", inputs) is None
