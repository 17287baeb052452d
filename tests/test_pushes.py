"""Is the table of pushes the real code's, and does it show what the papers say?"""

import pytest

from minir1.methods import METHODS
from minir1.objectives.pushes import CAP, HARD, ON_A_GROUP, of_method


def close(a: float, b: float) -> bool:
    return abs(a - b) < 1e-5 * max(abs(a), abs(b), 1)


def test_every_method_but_the_one_with_a_critic_is_there() -> None:
    assert set(ON_A_GROUP) == set(METHODS) - {"ppo"}


@pytest.mark.parametrize("method", ON_A_GROUP)
def test_right_answers_are_pushed_up_and_wrong_ones_down(method: str) -> None:
    told = of_method(method)
    assert all((told[answer.label] > 0) == (answer.reward > 0) for answer in HARD)


def test_a_mean_over_the_completion_forgives_long_wrong_answers() -> None:
    """Per token a long wrong answer is blamed a third as much as one a third as long."""
    for method in ("grpo", "gspo"):
        told = of_method(method, also=["grpo.average=sequence"])
        assert close(told["short, wrong"], 3 * told["long, wrong"]), method
    for method in ("grpo", "dr-grpo", "cispo", "rloo"):
        told = of_method(method)
        assert close(told["short, wrong"], told["long, wrong"]), method


def test_the_spread_of_the_group_favours_the_easy_prompt() -> None:
    """One wrong of five is blamed 2.45 times as much as one of three, without it twice."""
    for method, ratio in (("grpo", 6**0.5), ("dr-grpo", 2.0), ("lite-ppo", 2.0)):
        told = of_method(method)
        found = told["easy prompt, wrong"] / told["short, wrong"]
        assert abs(found - ratio) < 2e-3, (method, found)


def test_a_baseline_of_the_batch_pays_easy_prompts_for_being_easy() -> None:
    told = of_method("reinforce")
    assert close(told["easy prompt, right"], told["short, right"])
    own = of_method("rloo")
    assert own["easy prompt, right"] < own["short, right"] / 2


def test_dapo_charges_what_reaches_the_cap() -> None:
    told = of_method("dapo")
    assert HARD[-1].tokens == CAP
    assert told["cut off"] < 2 * told["long, wrong"] < 0
    assert of_method("grpo", also=["grpo.truncated=left-out"])["cut off"] == 0


@pytest.mark.parametrize(
    ("method", "ratio", "right", "wrong"),
    [
        ("grpo", 1.25, 0, 1.25), ("dapo", 1.25, 1.25, 1.25), ("dapo", 1.35, 0, 1.35),
        ("grpo", 0.75, 0.75, 0), ("gspo", 1.001, 0, 1.001), ("gspo", 0.999, 0.999, 0),
        ("cispo", 4.0, 4, 4), ("cispo", 9.0, 5, 5), ("cispo", 0.1, 0.1, 0.1),
        ("rloo", 9.0, 1, 1), ("reinforce", 0.1, 1, 1), ("reinforce++", 1.25, 0, 1.25),
    ],
)  # fmt: skip
def test_what_becomes_of_a_push_off_the_sampler(
    method: str, ratio: float, right: float, wrong: float
) -> None:
    before, after = of_method(method), of_method(method, ratio)
    for label, factor in (("short, right", right), ("short, wrong", wrong)):
        assert abs(after[label] / before[label] - factor) < 1e-4, label
