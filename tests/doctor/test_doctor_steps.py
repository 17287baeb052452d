"""Does the doctor see a step that contradicts itself, and leave alone one that hardly does?"""

import numpy as np
import pytest
from patients import STEPS, always, course, from_step, without

from minir1.doctor import algebra, penalty, sampler, updates
from minir1.doctor.sampler import CUT_AT_MOST

# sampler and scorer

RULES = (
    sampler.stale_logprobs,
    sampler.truncated_sampling,
    sampler.prompt_missing,
    sampler.left_padding,
    sampler.unexplained,
)


def gap(greatest, bias, first, rest):
    return always(
        logprob_gap=greatest, logprob_bias=bias, logprob_gap_first=first, logprob_gap_rest=rest
    )


def found(rules, sick):
    return [symptom.fault for rule in rules if (symptom := rule(sick)) is not None]


CASES = {
    "truncated-sampling": gap(0.105, 0.02, 0.02, 0.02),
    "prompt-missing": gap(15.0, 2.2, 12.0, 1.8),
    "left-padding": gap(12.0, 0.1, 0.3, 0.2),
}


@pytest.mark.parametrize("fault", CASES)
def test_a_gap_has_one_explanation(fault):
    assert found(RULES, course(CASES[fault])) == [fault]


def test_a_gap_that_begins_after_the_first_update_is_one_of_age():
    older = from_step(
        2, logprob_gap=3.0, logprob_bias=-0.1, logprob_gap_first=0.1, logprob_gap_rest=0.1
    )
    assert found(RULES, course(older)) == ["stale-logprobs"]


def test_without_the_first_step_age_is_not_told_from_context():
    later = from_step(
        6, logprob_gap=3.0, logprob_bias=-0.1, logprob_gap_first=0.1, logprob_gap_rest=0.1
    )
    sick = course(later)
    late = type(sick)(sick.stage, sick.config, sick.rows[3:])
    assert found(RULES, late) == ["left-padding"]


def test_a_lost_prompt_strikes_first_tokens_far_more_than_others():
    assert found(RULES, course(gap(12.0, 1.0, 4.1, 1.0))) == ["prompt-missing"]
    assert found(RULES, course(gap(12.0, 1.0, 3.9, 1.0))) == ["left-padding"]
    assert found(RULES, course(gap(12.0, 0.1, 0.9, 0.1))) == ["left-padding"]


def test_rounding_is_no_gap():
    assert found(RULES, course(gap(0.99e-3, 0, 0, 0))) == []
    assert found(RULES, course(gap(1.01e-3, 0, 0, 0))) == ["left-padding"]


def test_a_cut_is_one_sided_and_bounded():
    assert found(RULES, course(gap(CUT_AT_MOST * 1.01, 0.02, 0.02, 0.02))) == ["left-padding"]
    assert found(RULES, course(gap(0.1, 0.89 * 0.02, 0.02, 0.02))) == ["left-padding"]


def test_the_share_that_is_kept_is_told():
    symptom = sampler.truncated_sampling(course(gap(-np.log(0.9), 0.02, 0.02, 0.02)))
    assert "p is about 0.90" in symptom.evidence and "steps 1 to 25" in symptom.evidence


def test_low_precision_is_not_judged():
    mend = always(sampled_gap=0.2, logprob_gap=0.05)
    assert found(RULES, course(mend)) == []


def test_an_old_log_tells_that_there_is_a_gap_and_not_why():
    details = ("logprob_bias", "logprob_gap_first", "logprob_gap_rest")
    old = without(course(CASES["prompt-missing"]), *details)
    assert found(RULES, old) == ["logprob-mismatch"]
    assert found(RULES, without(course(), *details)) == []


# sums


def test_the_advantages_of_a_group_sum_to_zero():
    symptom = algebra.batch_baseline(course(from_step(4, advantage_level=0.8)))
    assert symptom.fault == "batch-baseline" and "steps 4 to 25" in symptom.evidence
    assert algebra.batch_baseline(course(always(advantage_level=1e-4))) is None
    for other in ({"grpo__objective": "reinforce"}, {"grpo__truncated": "left-out"}):
        assert algebra.batch_baseline(course(always(advantage_level=0.8), **other)) is None


def test_weights_sum_to_one():
    symptom = algebra.mask_in_place(course(always(weight_sum=0.4)))
    assert symptom.fault == "mask-in-place" and "0.4" in symptom.evidence
    assert algebra.mask_in_place(course(always(weight_sum=0.9995))) is None
    constant = course(always(weight_sum=0.3), grpo__average="constant")
    assert algebra.mask_in_place(constant) is None
    assert algebra.mask_in_place(course(always(weight_sum=0.98, trust=0.98))) is None


def test_the_end_token_has_a_weight():
    symptom = algebra.eos_untrained(course(always(eos_trained=0.0)))
    assert symptom.fault == "eos-untrained" and "100%" in symptom.evidence
    assert algebra.eos_untrained(course()) is None


# the KL term

KL = {"grpo__kl_weight": 0.05}


def scaled(factor):
    return lambda row: {"kl_loss": factor * row["kl"]}


def test_a_negative_penalty_is_a_reward():
    assert penalty.kl_sign(course(scaled(-1.3), **KL)).fault == "kl-sign"
    assert penalty.kl_sign(course(scaled(1.3), **KL)) is None
    assert penalty.kl_sign(course(scaled(-1.3))) is None  # no penalty, no term


def test_a_few_negative_steps_are_not_the_wrong_sign():
    early = course(lambda row: {"kl_loss": row["kl"] * (-1 if row["step"] < 5 else 1)}, **KL)
    assert penalty.kl_sign(early) is None


def exploding(factor, steps=(8, 16)):
    """A term that is near the KL, but far larger at some steps; the KL stands still."""

    def change(row):
        larger = factor if row["step"] in steps else 1.2
        return {"kl": 0.04, "kl_k1": 0.04, "kl_loss": 0.04 * larger, "flat_groups": 0.0}

    return change


def test_k2_is_not_ten_times_the_distance():
    symptom = penalty.kl_inverted(course(exploding(10.1), **KL))
    assert symptom.fault == "kl-inverted" and "at 2 of 25 steps" in symptom.evidence
    assert penalty.kl_inverted(course(exploding(9.9), **KL)) is None
    assert penalty.kl_inverted(course(exploding(200.0, steps=(8,)), **KL)) is None


def test_k3_is_not_twice_the_distance():
    k3 = {**KL, "grpo__kl_estimator": "k3"}
    assert penalty.kl_inverted(course(exploding(2.1), **k3)).fault == "kl-inverted"
    assert penalty.kl_inverted(course(exploding(1.9), **k3)) is None


def test_a_term_grows_with_the_distance_over_the_updates_of_a_step():
    def growing(times):
        def change(row):
            kl = 0.001 * 3.0 ** min(row["step"], 5)
            later = 0.001 * 3.0 ** min(row["step"] + 1, 5)
            return {"kl": kl, "kl_k1": kl, "kl_loss": times * later, "flat_groups": 0.0}

        return change

    k3 = {**KL, "grpo__kl_estimator": "k3"}
    assert penalty.kl_inverted(course(growing(1.5), **k3)) is None
    assert penalty.kl_inverted(course(growing(2.5), **k3)) is not None


def test_only_a_part_of_the_groups_may_be_in_the_loss():
    rare = {"flat_groups": 0.9}
    sick = course(lambda row: {"kl_loss": 50 * row["kl"], **rare}, **KL)
    assert penalty.kl_inverted(sick) is None


def test_a_distance_of_nothing_says_nothing():
    tiny = course(lambda _: {"kl": 1e-5, "kl_k1": 1e-5, "kl_loss": -1e-5}, **KL)
    assert penalty.kl_sign(tiny) is None and penalty.kl_inverted(tiny) is None


def test_the_scatter_of_k1_is_recognised():
    def scattered(row, of):
        return {"kl_loss": of * row["kl_k1"] + (1 - of) * row["kl"], "flat_groups": 0.0}

    symptom = penalty.k1_loss(course(lambda row: scattered(row, 0.9), **KL))
    assert symptom.fault == "k1-loss" and symptom.sure == "likely"
    assert penalty.k1_loss(course(lambda row: scattered(row, 0.6), **KL)) is None
    assert penalty.k1_loss(course(lambda row: scattered(row, 0.0), **KL)) is None
    larger = course(lambda row: {"kl_loss": 1.25 * row["kl"], "flat_groups": 0.0}, **KL)
    assert penalty.k1_loss(larger) is None


def test_a_few_steps_that_happen_to_lie_near_k1_are_not_its_scatter():
    """The first steps of a healthy run with k3: k1 is nearer in the middle, by chance."""
    healthy = [  # kl, kl_k1, kl_loss
        (0.00072, 0.00042, 0.00143),
        (0.00442, 0.00334, 0.00716),
        (0.01420, 0.01671, 0.01697),
        (0.03123, 0.03090, 0.03369),
        (0.03257, 0.03154, 0.03284),
    ]

    def measured(row):
        values = healthy[row["step"] - 1]
        return dict(zip(("kl", "kl_k1", "kl_loss"), values, strict=True)) | {"flat_groups": 0.0}

    assert penalty.k1_loss(course(measured, steps=len(healthy), **KL)) is None


def test_where_groups_are_left_out_k1_is_not_compared():
    sick = course(lambda row: {"kl_loss": row["kl_k1"], "flat_groups": 0.2}, **KL)
    assert penalty.k1_loss(sick) is None


def test_one_negative_step_is_k1():
    def once(least):
        return lambda row: {"kl_loss": least if row["step"] == 1 else 1.25 * row["kl"]}

    symptom = penalty.k1_loss(course(once(-3e-5), **KL))
    assert symptom.fault == "k1-loss" and symptom.sure == "certain"
    assert "at step 1 " in symptom.evidence
    assert penalty.k1_loss(course(once(-1e-5), **KL)) is None
    assert penalty.k1_loss(course(scaled(-1.0), **KL)) is None  # that is its sign


# updates


def test_a_clip_that_leaks():
    symptom = updates.clip_side(course(from_step(3, clip_leak=0.4)))
    assert symptom.fault == "clip-side" and symptom.sure == "certain"
    assert "steps 3 to 25: 40%" in symptom.evidence
    assert updates.clip_side(course(always(clip_leak=0.009))) is None
    one = {"grpo__minibatches": 1}
    assert updates.clip_side(course(always(clip_leak=0.4), **one)) is None
    assert updates.clip_side(course(always(clip_leak=0.4), grpo__objective="cispo")) is None


def torn(low, after, settings=None, **more):
    """Accuracy 0.2, a single update that takes much from some tokens, then another accuracy."""

    def change(row):
        if row["step"] <= 2:
            return {"accuracy": 0.2, "ratio_low": low if row["step"] == 2 else 0.9, **more}
        return {"accuracy": after, "ratio_low": 1.0}

    return course(change, **(settings or {}))


def test_updates_that_tear_the_policy_away():
    symptom = updates.learning_rate_high(torn(0.3, 0.1))
    assert symptom.fault == "learning-rate-high" and "=5e-05" in symptom.mend
    assert (
        symptom.evidence.startswith("at step 2 one") and "0.20 at its best" in symptom.evidence
    )
    assert updates.learning_rate_high(torn(0.51, 0.1)) is None
    assert updates.learning_rate_high(torn(0.3, 0.15)) is None  # 2.7 standard errors
    assert updates.learning_rate_high(torn(0.3, 0.14)) is not None  # 3.3
    assert updates.learning_rate_high(torn(0.3, 0.1, logprob_gap=3.0)) is None
    assert updates.learning_rate_high(course(always(ratio_low=0.05))) is None  # it learns


def test_many_updates_of_a_rollout_may_take_more():
    often = {"grpo__inner_steps": 4}
    assert updates.learning_rate_high(torn(0.11, 0.1, often)) is None
    assert updates.learning_rate_high(torn(0.09, 0.1, often)) is not None


def test_a_later_best_counts():
    def risen(row):
        middle = 8 <= row["step"] < 12
        return {"accuracy": 0.6 if middle else 0.2, "ratio_low": 0.4}

    assert "0.60 at its best" in updates.learning_rate_high(course(risen)).evidence


def test_a_number_that_is_none_is_found():
    symptom = updates.not_finite(course(from_step(7, grad_norm=float("nan"))))
    assert symptom.fault == "not-finite" and "step 7" in symptom.evidence
    assert updates.not_finite(course()) is None


def test_the_steps_are_told():
    symptom = algebra.batch_baseline(course(lambda row: {"advantage_level": row["step"] % 2}))
    assert f"13 of {STEPS} steps (first 1, last 25)" in symptom.evidence
