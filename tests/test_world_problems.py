"""Are the puzzles the ones that the world's rules allow, and dealt once and for all?"""

import hashlib
from itertools import permutations, product

import pytest

from minir1.countdown import parse
from minir1.world.problems import all_problems, attempts, held_out, prompt, request, split


def test_the_world_has_2486_problems():
    keys = {problem.key for problem in all_problems()}
    assert len(keys) == len(list(all_problems())) == 2486
    assert len({numbers for numbers, _ in keys}) == 220
    assert {target for _, target in keys} <= set(range(1, 100))


def reachable(numbers):
    """Enumerate the targets another way: any order, any of the two bracketings."""
    values = set()
    for (a, b, c), first, second in product(permutations(numbers), "+-*", "+-*"):
        for text in (f"( {a} {first} {b} ) {second} {c}", f"{a} {first} ( {b} {second} {c} )"):
            inner = f"{a} {first} {b}" if text.startswith("(") else f"{b} {second} {c}"
            if 0 <= parse(inner).value <= 99 and 1 <= parse(text).value <= 99:
                values.add(int(parse(text).value))
    return values


@pytest.mark.parametrize("numbers", [(1, 2, 3), (4, 4, 4), (3, 7, 10), (9, 10, 10)])
def test_no_target_is_missing(numbers):
    targets = {problem.target for problem in all_problems() if problem.numbers == numbers}
    assert targets == reachable(numbers)


def test_every_attempt_is_legal_and_means_what_it_says():
    for numbers in {problem.numbers for problem in all_problems()}:
        options = attempts(numbers)
        assert len(options) <= 27
        assert len({attempt.answer for attempt in options}) == len(options)
        for attempt in options:
            answer = parse(attempt.answer)
            assert answer.value == attempt.value
            assert sorted(answer.numbers_used) == sorted(numbers)
            for step in attempt.steps.split(" , "):
                left, right = step.split(" = ")
                assert parse(left).value == int(right)
                assert 0 <= int(right) <= 99


def test_equal_numbers_make_no_copies():
    assert len(attempts((7, 8, 9))) > len(attempts((4, 4, 4))) == 9
    assert len(attempts((4, 6, 4))) == len(attempts((4, 4, 6)))  # whatever the order


def test_the_smallest_example_written_out():
    steps = [attempt.steps for attempt in attempts((3, 7, 1)) if attempt.value == 11]
    assert steps == [
        "3 + 7 = 10 , 10 + 1 = 11",
        "3 + 1 = 4 , 4 + 7 = 11",
        "7 + 1 = 8 , 8 + 3 = 11",
    ]


def test_solutions_are_counted_and_rated():
    for problem in all_problems():
        hits = sum(attempt.value == problem.target for attempt in attempts(problem.numbers))
        assert problem.solutions == hits > 0
        assert problem.difficulty == {1: 4, 2: 3, 3: 2}.get(hits, 1)


def test_the_split_is_a_partition_that_never_changes():
    dealt = split()
    assert {part: len(problems) for part, problems in dealt.items()} == {
        "train": 1736,
        "validation": 250,
        "test": 500,
    }
    keys = [problem.key for problems in dealt.values() for problem in problems]
    assert len(set(keys)) == 2486
    assert held_out() == {p.key for p in dealt["test"] + dealt["validation"]}
    test_keys = repr([problem.key for problem in dealt["test"]]).encode()
    assert hashlib.sha256(test_keys).hexdigest()[:16] == "95adce00dbce71c5"


def test_a_prompt_in_both_languages_and_another_order():
    problem = next(p for p in all_problems() if p.key == ((1, 3, 7), 11))
    assert prompt(problem, "en") == "<bos> User: use 1 3 7 to make 11 . Assistant:"
    assert prompt(problem, "zh", (1, 2, 0)) == "<bos> User: 用 3 7 1 来 凑 11 。 Assistant:"
    assert len(prompt(problem, "en").split()) == len(prompt(problem, "zh").split()) == 11
    assert request((3, 7, 1), 11, "en") == "use 3 7 1 to make 11 ."
