"""Does the doctor find money that the books cannot explain?"""

import pytest
from patients import CUT, FOREIGN, RIGHT, WRONG, always, course, sample

from minir1.doctor import payment
from minir1.doctor.rules import PAYMENT

HONEST = (sample(RIGHT, 1.1, True), sample(WRONG, 0.1), sample(CUT, 0.0))


def found(sick):
    return [s.fault for rule in PAYMENT if (s := rule.look(sick)) is not None]


def paid_more(extra):
    return lambda row: {"reward": row["reward"] + extra}


def test_honest_books_are_silent():
    assert found(course(samples=HONEST)) == []


def test_pay_beyond_the_rules():
    symptom = payment.lenient_grader(course(paid_more(0.02)))
    assert symptom.fault == "lenient-grader" and "0.02 above" in symptom.evidence
    assert found(course(paid_more(1e-9))) == []
    assert found(course(paid_more(-0.02))) == []  # less may be a charge for length


def test_a_language_reward_is_in_the_books():
    assert found(course(paid_more(0.1), reward__language=0.3)) == []
    assert found(course(paid_more(0.1), reward__language=0.01)) == ["lenient-grader"]


def test_a_judge_is_not_in_the_books():
    assert found(course(lambda row: {"reward": 5.0, "preference_reward": 2.0})) == []


def test_a_weak_grader_that_was_asked_for_is_named():
    symptom = payment.lenient_grader(course(paid_more(0.02), reward__kind="any-numbers"))
    assert "reward.kind=any-numbers" in symptom.says


def test_half_points_are_in_the_books():
    half = course(lambda row: {"score": 0.5, "reward": 0.5 + 0.1 * row["format_rate"]})
    assert found(half) == []


def test_pay_for_what_was_cut_off():
    def cut(row):
        extra = row["truncated"] * 0.4
        return {"paid_truncated": 0.4, "reward": row["reward"] + extra}

    assert found(course(cut)) == ["truncation-rewarded"]
    assert found(course(always(paid_truncated=0.4, truncated=0.0))) == []
    both = course(lambda row: {**cut(row), "reward": cut(row)["reward"] + 0.05})
    assert found(both) == ["truncation-rewarded", "lenient-grader"]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (sample(FOREIGN, 1.1, True), "lenient-grader"),
        (sample(WRONG, 1.1, True), "lenient-grader"),
        (sample(CUT, 1.0, True), "truncation-rewarded"),
    ],
)
def test_looks_are_graded_again(line, fault):
    assert found(course(samples=(*HONEST, line))) == [fault]


@pytest.mark.parametrize(
    "line",
    [
        sample("x" * 10**6, 9.0),
        sample(RIGHT, 9.0, prompt="<bos> User: what colour is the sky ? Assistant:"),
        sample(RIGHT, 9.0, prompt=""),
        sample(RIGHT, 9.0, prompt=7),
        sample(RIGHT, "much"),
        {"step": 5},
    ],
)
def test_looks_that_nobody_can_grade_say_nothing(line):
    assert found(course(samples=(line,))) == []


def test_other_tasks_are_not_graded_as_puzzles():
    sick = course(samples=(sample(WRONG, 1.1),))
    assert found(type(sick)(sick.stage, {"task": "arithmetic"}, sick.rows, sick.samples)) == []


@pytest.mark.parametrize("kind", ["random", "format"])
def test_a_control_is_named_and_nothing_else(kind):
    sick = course(lambda row: {"reward": 0.5, "paid_truncated": 0.5}, reward__kind=kind)
    assert found(sick) == ["reward-without-answer"]
    assert "control" in payment.without_answer(sick).says


def test_a_reward_that_does_not_look_at_the_answer():
    task = {"task": {"own": 1}}
    lines = [sample(RIGHT, 0.4, True)] * 10 + [sample(WRONG, 0.4)] * 10
    sick = course(samples=tuple(lines))
    blind = type(sick)(sick.stage, task, sick.rows, sick.samples)
    assert found(blind) == ["reward-without-answer"]
    few = type(sick)(sick.stage, task, sick.rows, sick.samples[1:])
    assert found(few) == []
