"""Is the KL term of the loss the KL? The term as the loss counts it, beside one apart from it.

    kl_loss = what it costs to switch the term on, a token      kl, kl_k1 = measured apart

k2 and k3 are never negative. Over the updates of a step the term goes from the KL of this step
to that of the next. k3 is that KL; k2 = x²/2 is at most ten times k3 = e^-x - 1 + x as long as
no token became e^20 times likelier than under the reference. A term that is negative, or far
larger than both, is neither.
"""

from typing import NamedTuple

import numpy as np

from minir1.doctor.course import Course, told
from minir1.doctor.symptom import Symptom

NEEDS = ("kl", "kl_k1", "kl_loss")
# Far above the rounding of a distance of zero (1e-9), far below any that a penalty is for.
APART = 1e-4
STEPS = 3  # at such a distance, before anything is said
MOSTLY = 0.9  # of the steps
LARGEST = {"k2": 10.0, "k3": 2.0}  # over the KL: k2 over k3 at x = 20; twice what k3 is
AGAIN = 2  # steps; once may be chance
TELLING = 7  # steps that k1's scatter is told by: all closer to k1 by chance in 1 of 128
FLOAT32 = 1e-6  # of a loss; the term is a difference of two, divided by its weight
MOST_FLAT = 0.1  # of the groups: so that the loss sees the tokens that the KL is measured on


class Distance(NamedTuple):
    """What is known of the KL at the steps where there is one to speak of. Shapes: (N)"""

    steps: np.ndarray
    kl: np.ndarray  # k3, over all sampled tokens
    k1: np.ndarray
    near: np.ndarray  # the largest of k3 and k1, at this step and at the next
    counted: np.ndarray  # as the loss counts it, over the groups that are trained
    trained: np.ndarray  # their share


def has_penalty(course: Course) -> bool:
    """Say whether the loss has a KL term."""
    return bool(course.setting("grpo.kl_weight"))


def measure(course: Course) -> Distance | None:
    """Return what is known of the KL, None where there is no penalty or no distance yet."""
    kl, k1, counted, flat = course.curves(*NEEDS, "flat_groups")
    apart = kl.values > APART
    if not has_penalty(course) or apart.sum() < STEPS:
        return None
    larger = np.maximum(kl.values, k1.values)
    near = np.maximum(larger, np.append(larger[1:], 0))
    trained = np.maximum(1 - flat.values, 1e-3)
    values = kl.values, k1.values, near, counted.values, trained
    return Distance(kl.steps[apart], *(value[apart] for value in values))


def kl_sign(course: Course) -> Symptom | None:
    """The term is negative at a positive distance: moving away is paid."""
    seen = measure(course)
    if seen is None or (seen.counted < 0).mean() < MOSTLY:
        return None
    paid = seen.counted < 0
    return Symptom(
        "kl-sign",
        "The KL term has the wrong sign: distance from the reference is rewarded.",
        f"{told(seen.steps[paid], len(paid))} the KL term of the loss is negative (from "
        f"{seen.counted[0]:.2g} to {seen.counted[-1]:.2g}) while the KL, measured apart, is "
        f"positive and went from {seen.kl[0]:.2g} to {seen.kl[-1]:.2g}",
        "Subtract the KL from the objective, which is to add it to the loss: "
        "loss = policy_loss + kl_weight * kl; or leave it out: --set grpo.kl_weight=0",
        "TinyZero, dp_actor.py: policy_loss - kl_loss * kl_loss_coef; mended in verl, pull "
        "request 179",
    )


def k1_loss(course: Course) -> Symptom | None:
    """The term has the chance of k1 in it: below zero at times, and its very scatter."""
    seen = measure(course)
    if seen is None or (seen.counted < 0).mean() >= MOSTLY:
        return None
    term = course.curve("kl_loss")
    below = term.where(term.values < -FLOAT32 / course.setting("grpo.kl_weight"))
    said = []
    if len(below):
        said.append(
            f"{told(below.steps, len(term))} the KL term of the loss is negative (down to "
            f"{below.values.min():.2g}), which k2 and k3 never are"
        )
    if _follows_k1(seen):
        said.append(
            f"it has the scatter of k1: {_apart(seen.counted, seen.k1):.1%} from k1 in the "
            f"middle, {_apart(seen.counted, seen.kl):.1%} from k3 of the same tokens"
        )
    if not said:
        return None
    return Symptom(
        "k1-loss",
        "The KL term of the loss is k1, whose expected gradient is zero: noise, not a penalty.",
        "; ".join(said),
        "As a loss take k2 = x²/2, or k3 times the ratio: --set grpo.kl_estimator=k2. k1 is a "
        "number to log",
        "reasoning-from-scratch, chapter 7; TRL issue 4967; Schulman 2020 (Approximating KL "
        "divergence)",
        "certain" if len(below) else "likely",
    )


def _follows_k1(seen: Distance) -> bool:
    """Say whether the term has the scatter of k1, which k2 and k3 do not share."""
    whole = seen.trained >= 1 - MOST_FLAT
    if whole.sum() < TELLING:
        return False
    term, k1, k3 = seen.counted[whole], seen.k1[whole], seen.kl[whole]
    closer = np.abs(term - k1) < np.abs(term - k3)
    return closer.mean() >= MOSTLY and _apart(term, k1) < _apart(term, k3) / 2


def _apart(term: np.ndarray, estimate: np.ndarray) -> float:
    """Return the usual distance of two curves, relative. Shapes: (N), (N)"""
    return float(np.median(np.abs(term - estimate) / np.abs(estimate)))


def kl_inverted(course: Course) -> Symptom | None:
    """The term is larger than k2 or k3 can be beside the KL that was measured."""
    seen = measure(course)
    if seen is None:
        return None
    times = LARGEST.get(course.setting("grpo.kl_estimator"), max(LARGEST.values()))
    most = times * seen.near / seen.trained
    broken = seen.counted > most
    if broken.sum() < AGAIN:
        return None
    worst = int(np.argmax(seen.counted / most))
    return Symptom(
        "kl-inverted",
        "The log-ratio inside the KL term is the wrong way round.",
        f"{told(seen.steps[broken], len(broken))} the KL term of the loss is more than "
        f"{times:g} times the KL: {seen.counted[worst]:.2g} against {seen.kl[worst]:.2g} at "
        f"step {seen.steps[worst]:g}. With x = log π - log π_ref, e^-x - 1 + x stays near the "
        "KL; e^x - 1 - x explodes where the reference was unsure",
        "log_ratio = ref_logprobs - logprobs, then expm1(log_ratio) - log_ratio; test the mean "
        "against the exact KL of a small table",
        "rlhf-book, policy_gradients/loss.py; Schulman 2020 (Approximating KL divergence)",
    )
