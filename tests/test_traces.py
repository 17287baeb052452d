"""What is written in a thought is read, and what is not is not invented."""

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from minir1.countdown import canonical, parse
from minir1.traces import (
    Step,
    as_expression,
    read_attempts,
    same_work,
    thinking,
    uses_given_numbers,
)
from minir1.world.problems import attempts, split

THOUGHT = "try 3 * 1 = 3 , 3 * 7 = 20 no wait 7 + 1 = 8 , 8 + 3 = 11 yes check 7 + 1 = 8 对 so"


def test_attempts_verdicts_and_checks_are_read_in_order():
    first, second, check = read_attempts(THOUGHT)
    assert first.steps == (Step(3, "*", 1, 3), Step(3, "*", 7, 20))
    assert [step.correct for step in first.steps] == [True, False]
    assert (first.result, first.verdict, first.is_check) == (20, False, False)
    assert (second.result, second.verdict, second.is_check) == (11, True, False)
    assert (check.steps, check.verdict, check.is_check) == ((Step(7, "+", 1, 8),), True, True)
    words = THOUGHT.split()
    assert words[first.end] == "no" and words[second.end] == "yes" and words[check.end] == "对"


def test_attempts_may_follow_each_other_without_a_word():
    one, two, three = read_attempts("7 - 1 = 6 不 7 + 1 = 8 hmm 检查 1 * 1 = 1")
    assert [one.verdict, two.verdict, three.verdict] == [False, None, None]
    assert [one.is_check, two.is_check, three.is_check] == [False, False, True]
    assert one.end == 5 and two.end == 11


def test_what_is_no_step_is_no_attempt():
    for text in (
        "",
        "try 7 + 1 no",
        "7 + = 8",
        "7 / 1 = 7",
        "7+1=8",
        "1 + 7 + 1 = a8",
        "x7 + 1 = 8",
        "٧ + 1 = 8",
        "1234567 - 1 = 5",
        "1 - 1234567 = 5",
        "1 - 1 = 1234567",
    ):
        assert read_attempts(text) == []
    assert [attempt.result for attempt in read_attempts("1 + 7 + 1 = 8 , 8 + = 3")] == [8]


def test_reading_takes_linear_time():
    start = time.perf_counter()
    for text in ("1 + 1 = 2 , " * 20_000, "1 + 1 = 23456789 " * 10_000, "7 " * 100_000):
        read_attempts(text)
    assert time.perf_counter() - start < 2


PIECES = ["0", "12", "+", "-", "*", "=", ",", "no", "yes", "check", "3 + 4 = 7", "1 * 2 = 3"]


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=20).map(" ".join))
def test_no_text_breaks_the_reader(text):
    words = text.split()
    for attempt in read_attempts(text):
        assert words[attempt.end - 2 : attempt.end] == ["=", str(attempt.result)]
        as_expression(attempt)


def test_thinking_is_what_the_tags_enclose():
    assert thinking("<think> a </think> <answer> b </answer> <eos>").strip() == "a"
    assert thinking("<think> a <answer> b").strip() == "a <answer> b"
    assert thinking("a </think> <answer> b </answer>").strip() == "a"
    assert thinking("<answer> b </answer> <eos>") == ""
    assert thinking("x <think> a </think> b </think>").strip() == "a"


def test_operands_must_be_given_and_not_used_up():
    def legal(text, numbers):
        return uses_given_numbers(read_attempts(text)[0], numbers)

    assert legal("7 + 1 = 8 , 8 + 3 = 11", (3, 7, 1))
    assert legal("7 + 1 = 9 , 9 + 3 = 12", (3, 7, 1))  # a slip is no illegal operand
    assert not legal("7 + 1 = 9 , 8 + 3 = 11", (3, 7, 1))
    assert not legal("7 + 2 = 9 , 9 + 3 = 12", (3, 7, 1))
    assert not legal("7 + 7 = 14 , 14 + 3 = 17", (3, 7, 1))
    assert not legal("7 + 1 = 8 , 8 + 1 = 9", (3, 7, 1))
    assert legal("4 + 4 = 8 , 8 + 4 = 12", (4, 4, 4))
    assert legal("1 + 2 = 3 , 4 + 5 = 9 , 3 * 9 = 27", (1, 2, 4, 5))
    assert not legal("1 + 2 = 3 , 3 + 3 = 6", (1, 2, 4))


def test_the_same_work_has_the_same_name():
    def name(text):
        return same_work(read_attempts(text)[0])

    assert name("7 + 1 = 8 , 8 * 3 = 24") == name("1 + 7 = 8 , 3 * 8 = 25")
    assert name("7 - 1 = 6") != name("1 - 7 = 6")
    assert name("7 + 1 = 8") != name("7 * 1 = 8")
    assert name("7 + 1 = 8 , 8 + 3 = 11") != name("7 + 1 = 8")


def test_every_attempt_of_the_world_is_read_as_what_it_answers():
    for problem in split()["validation"]:
        seen = set()
        for attempt in attempts(problem.numbers):
            (read,) = read_attempts(f"try {attempt.steps} no")
            answer = parse(attempt.answer)
            assert canonical(parse(as_expression(read))) == canonical(answer)
            assert read.result == attempt.value == answer.value
            assert uses_given_numbers(read, problem.numbers)
            assert all(step.correct for step in read.steps)
            seen.add(same_work(read))
        assert len(seen) == len(attempts(problem.numbers))


def test_results_of_a_longer_attempt_are_put_where_they_are_used():
    (read,) = read_attempts("1 + 2 = 3 , 4 + 5 = 9 , 9 - 3 = 6")
    assert as_expression(read) == "( 4 + 5 ) - ( 1 + 2 )"
