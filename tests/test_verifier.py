"""Answers are compared by what they say, not by how they are written, and None is for golds."""

import pytest

from minir1.verifier import final_answer, verify


@pytest.mark.parametrize(
    ("gold", "answer", "verdict"),
    [
        ("1/2", r"\frac{1}{2}", True),
        ("1/2", "0.51", False),
        ("1,234", "1234", True),
        ("12", "1,2", False),
        (r"2\sqrt2", r"\sqrt{8}", True),
        ("(x+1)^2", "x^2+2x+2", False),
        ("(2, oo)", "x > 2", True),
        ("5 cm", "5 m", False),
        ("1/0", "1", None),
        ("", "1", None),
        ("1", "", False),
    ],
)
def test_an_answer_is_equivalent_or_not_or_the_gold_is_unusable(
    gold: str, answer: str, verdict: bool | None
) -> None:
    assert verify(gold, answer) is verdict


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
        (r"first \boxed{1}, no, \boxed{ 2 }", "2"),
        (r"\boxed{3} and then \boxed{4", "3"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        ("thinking\n#### 72\n", "72"),
        ("#### 1\n#### 2 apples \nthe end", "2 apples"),
        (r"\boxed{1} #### 2", "1"),
        ("no answer at all", None),
        (r"\boxed 5", None),
    ],
)
def test_the_final_answer_is_the_last_box_that_closes(text: str, answer: str | None) -> None:
    assert final_answer(text) == answer
