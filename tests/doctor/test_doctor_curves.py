"""Does the doctor read curves: nothing to learn, nothing learnt, the wrong thing learnt?"""

import pytest
from patients import ASKED, STEPS, always, course, from_step

from minir1.doctor import curves
from minir1.doctor.rules import SHAPES


def shapes(sick):
    return [s.fault for rule in SHAPES if (s := rule.look(sick)) is not None]


def paid(accuracy, **more):
    return always(accuracy=accuracy, reward=accuracy + 0.03, format_rate=0.3, **more)


@pytest.mark.parametrize("seed", range(5))
def test_a_healthy_course_has_no_shape_of_illness(seed):
    assert shapes(course(seed=seed)) == []


def test_less_than_one_right_answer_a_rollout_is_too_hard():
    assert shapes(course(paid(0.9 / ASKED, flat_groups=0.99, kl=0.02))) == ["too-hard"]
    assert shapes(course(paid(1.1 / ASKED, flat_groups=0.99, kl=0.02))) == []


def test_a_form_that_nobody_finds():
    lost = {"accuracy": 0.0, "reward": 0.0, "flat_groups": 1.0, "kl": 0.01}
    assert shapes(course(always(format_rate=0.0, **lost))) == ["format-missing"]
    assert shapes(course(always(format_rate=1.1 / ASKED, **lost))) == ["too-hard"]


def test_all_right_from_the_start_is_too_easy():
    easy = paid(0.99, flat_groups=0.93, kl=0.01)
    assert shapes(course(easy)) == ["too-easy"]
    assert shapes(course(paid(0.99, flat_groups=0.88, kl=0.01))) == []
    later = course(from_step(12, flat_groups=0.95, accuracy=0.99))
    assert shapes(later) == []


def test_most_completions_cut_off_in_the_end():
    assert shapes(course(from_step(15, truncated=0.55))) == ["never-ends"]
    assert shapes(course(from_step(15, truncated=0.45))) == []
    begins_so = course(lambda row: {"truncated": 0.9 if row["step"] < 10 else 0.1})
    assert shapes(begins_so) == []


def falling(row, to):
    return {"entropy": 0.33 * to ** (row["step"] / STEPS)}


def test_silence_without_success_is_a_collapse():
    stuck = {"accuracy": 0.2, "reward": 0.235, "format_rate": 0.35}
    assert shapes(course(lambda row: {**falling(row, 0.02), **stuck})) == ["entropy-collapse"]
    assert shapes(course(lambda row: {**falling(row, 0.2), **stuck})) == []
    assert shapes(course(lambda row: falling(row, 0.02))) == []  # it found the answer


def test_noise_without_success_is_an_explosion():
    def noisy(row, factor):
        worse = 0.4 - 0.012 * row["step"]
        return {"entropy": 0.33 * factor ** (row["step"] / STEPS), "accuracy": worse}

    assert "entropy-explosion" in shapes(course(lambda row: noisy(row, 6.0)))
    assert "entropy-explosion" not in shapes(course(lambda row: noisy(row, 2.5)))


def test_a_policy_that_has_not_moved():
    still = {"accuracy": 0.2, "reward": 0.235, "format_rate": 0.35, "flat_groups": 0.2}
    symptom = curves.learning_rate_low(course(always(kl=0.9e-4, **still)))
    assert symptom.fault == "learning-rate-low" and "0.005" in symptom.mend
    assert curves.learning_rate_low(course(always(kl=1.1e-4, **still))) is None
    astray = course(always(kl=0.9e-4, logprob_gap=2.0, **still))  # its KL is of other numbers
    assert curves.learning_rate_low(astray) is None
    nothing = course(always(kl=1e-6, **{**still, "flat_groups": 0.95}))
    assert curves.learning_rate_low(nothing) is None


def test_reward_that_rises_while_validation_falls():
    def hacked(row, last):
        if "validation_accuracy" not in row:
            return {}
        return {"validation_accuracy": 0.6 if row["step"] <= 15 else last}

    assert shapes(course(lambda row: hacked(row, 0.40))) == ["overfitted"]
    assert shapes(course(lambda row: hacked(row, 0.52))) == []
    unpaid = course(lambda row: {**hacked(row, 0.40), "reward": 0.5})
    assert shapes(unpaid) == []
    few = course(lambda row: hacked(row, 0.40), evaluation__validation_problems=30)
    assert shapes(few) == []


def test_a_few_steps_have_no_shape():
    lost = paid(0.0, flat_groups=1.0, kl=0.0, truncated=1.0)
    assert shapes(course(lost, steps=9)) == []
    assert shapes(course(lost, steps=10)) != []


def test_no_metric_no_shape():
    assert shapes(type(course())("r1-zero", {}, ({"step": 1.0, "reward": 0.0},))) == []
