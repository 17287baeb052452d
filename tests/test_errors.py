"""Does a mistake get one readable line and the right guess?"""

from minir1.errors import LONGEST_SHOWN, UserError, closest, did_you_mean, shorten


def test_a_slip_of_the_finger_is_guessed() -> None:
    assert did_you_mean("rewrad", ["prompts", "reward"]) == "; did you mean reward?"


def test_capitals_do_not_hide_the_guess() -> None:
    assert did_you_mean("base", ["r1", "BASE"]) == "; did you mean BASE?"


def test_the_closest_word_is_given_bare() -> None:
    assert closest("rewrad", ["prompts", "reward"]) == "reward"
    assert closest("xyzzy", ["prompts"]) == ""


def test_nothing_is_guessed_for_a_stranger() -> None:
    assert did_you_mean("xyzzy", ["prompts", "reward"]) == ""
    assert did_you_mean("reward", []) == ""


def test_a_long_word_does_not_cost_time() -> None:
    assert did_you_mean("a" * 10**6, ["reward"] * 50) == ""


def test_shorten_keeps_one_line_of_bounded_length() -> None:
    assert shorten("a\nb\t c") == "a b c"
    assert len(shorten("x" * 1000)) == LONGEST_SHOWN
    assert shorten("x" * 1000).endswith("...")


def test_a_user_error_is_its_message() -> None:
    assert str(UserError("grpo.steps=-1: wanted more")) == "grpo.steps=-1: wanted more"
