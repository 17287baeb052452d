"""Answers are compared by what they say, not by how they are written, and None is for golds."""

import subprocess
import sys

import pytest
from pairs import pairs

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


@pytest.mark.parametrize(
    ("name", "pairs_at_least"), [("verifier_pairs.txt", 1_500), ("verifier_held_out.txt", 300)]
)
def test_at_least_99_of_100_labelled_pairs_are_judged_as_labelled(
    name: str, pairs_at_least: int
) -> None:
    known = list(pairs(name))
    wrong = [pair for pair in known if verify(pair.gold, pair.answer) is not pair.label]
    assert len(known) >= pairs_at_least
    assert len(wrong) <= 0.01 * len(known), wrong
    assert sum(not pair.label for pair in wrong) <= 1, "a wrong answer is paid for"


def test_the_labelled_sets_are_balanced_and_say_nothing_twice() -> None:
    known = [*pairs(), *pairs("verifier_held_out.txt")]
    assert 0.4 < sum(pair.label for pair in known) / len(known) < 0.6
    assert len({(pair.gold, pair.answer) for pair in known}) == len(known)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("5", "5 million"), ("5", "5 thirds"), ("5", "5 squared"), ("5", "5 is wrong"),
        ("5", "5 or 6"), ("5", "not 5"), ("5", r"\boxed{5} or \boxed{6}"), ("5", r"\boxed{}"),
        ("5", "5 = 6"), ("5", "x = 5, x = 6"), ("5", r"5 \approx 6"), ("5", "{5, 6}"),
        ("5", "5 5"), ("5", "5; 6"), ("5", "[5, 6]"), ("5", "5 to 6"), ("5", "between 4 and 6"),
        ("yes", "yes or no"), ("A", "A, B, C, D"), ("x", "{x, y}"), ("(1,2)", "(1,2), (2,1)"),
        (r"\{1,2\}", "1, 2, 3"), ("0", "x - x + y"), ("0", "10^{-60}"), ("1", "1 + 10^{-99}"),
        (r"\sqrt2", r"\sqrt2 + 10^{-50}"), ("7^{9999}", "7^{9999}+1"), ("0", "e^{-200}"),
        ("x", "x + 10^{-80}"), ("2^{99999}", "2^{99999}+1"), ("-3, 5", "[-3, 5)"),
    ],
)  # fmt: skip
def test_an_answer_that_leaves_several_open_or_is_only_near_is_wrong(
    gold: str, answer: str
) -> None:
    assert verify(gold, gold) is not False
    assert verify(gold, answer) is not True


@pytest.mark.parametrize(
    "gold",
    ["", "  ", "1/0", "0^0", "(-1)!", r"\ln 0", r"\frac{1}{", "2 3", r"\int x dx", "x" * 5000,
     "1 +", r"\begin{pmatrix}1&2\\3\end{pmatrix}", "(((1", r"\boxed{}", "9^{9^{9^9}}"],
)  # fmt: skip
def test_a_gold_without_meaning_is_none_whatever_the_answer(gold: str) -> None:
    assert verify(gold, gold) is verify(gold, "1") is verify(gold, "") is None


def test_importing_the_verifier_leaves_sympy_alone() -> None:
    """Plain numbers never need it."""
    watch = (
        "import sys; from minir1.verifier import verify;"
        "assert verify('1/2', '0.5'); assert 'sympy' not in sys.modules;"
        "assert verify('x+1', '1+x'); assert 'sympy' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", watch], check=True)
