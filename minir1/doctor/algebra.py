"""Does a step contradict its own algorithm? Sums that are known before anything is measured.

The advantages of a group sum to zero, the weights of all tokens to one, the end token is a
token like others. No statistics: one step is enough.
"""

import numpy as np

from minir1.doctor.course import Course, told
from minir1.doctor.symptom import Symptom

SUM_ROUNDING = 1e-3  # of thousands of float32 weights; their rounding is near 1e-6
LEVEL_ROUNDING = 1e-3  # of a mean of G advantages of size one; the trainer's own is 1e-4
OTHER_BASELINES = ("reinforce", "reinforce++", "ppo")  # the batch, or a critic


def has_group_baseline(course: Course) -> bool:
    """Say whether a completion is compared with its group, and the whole of it is taught."""
    method, cut_off = course.setting("grpo.objective"), course.setting("grpo.truncated")
    return method not in OTHER_BASELINES and cut_off == "taught"


def has_known_sum(course: Course) -> bool:
    """Say whether the weights of a step are an average: "constant" divides by the cap."""
    return course.setting("grpo.average") in ("token", "sequence")


def batch_baseline(course: Course) -> Symptom | None:
    """A group whose advantages do not sum to zero was compared with others than itself."""
    level = course.curve("advantage_level")
    broken = level.where(level.values > LEVEL_ROUNDING)
    if not len(broken) or not has_group_baseline(course):
        return None
    return Symptom(
        "batch-baseline",
        "Completions are compared with the whole batch instead of their own group.",
        f"{told(broken.steps, len(level))} the advantages of a group have a mean of up to "
        f"{broken.values.max():.2g}; compared with its own mean every group has 0",
        "Subtract the mean of the completions of the same prompt: rewards.mean(axis=1) of "
        "rewards (P, G), not rewards.mean(); check that groups are not shuffled",
        "Search-R1, issue 88; DeepSeekMath, section 4.1.2",
    )


def mask_in_place(course: Course) -> Symptom | None:
    """Weights that do not sum to one were divided by something else than the mask's sum."""
    total = course.curve("weight_sum")
    broken = total.where(np.abs(total.values - 1) > SUM_ROUNDING)
    if not len(broken) or not has_known_sum(course) or course.has("trust"):
        return None
    return Symptom(
        "mask-in-place",
        "The loss is divided by another number of tokens than it sums over.",
        f"{told(broken.steps, len(total))} the weights of all trained tokens sum to "
        f"{broken.values.min():.3g} to {broken.values.max():.3g}; the average over "
        f"{course.setting('grpo.average')}s has 1",
        "Take the normaliser from the mask before anything writes into it, and copy labels "
        "before you change them: labels[..., 1:] is a view",
        "nano-aha-moment, compute_token_log_probs, which sets masked labels to 0 in place",
    )


def eos_untrained(course: Course) -> Symptom | None:
    """Completions that ended, and whose end token has no weight."""
    share = course.curve("eos_trained")
    broken = share.where(share.values < 1)
    if not len(broken):
        return None
    lengths, cut = course.curve("completion_tokens").values, course.curve("truncated").values
    grown = (
        f"; answers went from {lengths[0]:.0f} to {lengths[-1]:.0f} tokens"
        if len(lengths)
        else ""
    )
    never = f", {cut[-1]:.0%} are cut off at the end" if len(cut) else ""
    return Symptom(
        "eos-untrained",
        "The end token is left out of the loss, so stopping is never taught.",
        f"{told(broken.steps, len(share))}: {1 - broken.values.mean():.0%} of the completions "
        f"that ended have an end token without weight{grown}{never}",
        "Make the mask from lengths, end token included, never from token values: with "
        "pad = eos, `mask[tokens == pad] = False` takes the end away",
        "open-thought/tiny-grpo; TRL pull request 4970",
    )
