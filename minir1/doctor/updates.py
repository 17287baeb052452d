"""Are the updates too large, or pushed past the clip? How far tokens move within a rollout.

    ratio = π_θ(o_t) / π_old(o_t)      at the last update of a rollout: 1 % and 99 % quantile

The clip stops the push on a token at 1 - ε and 1 + ε. What is past it moves on only by what
moves others, and by momentum.
"""

import math

import numpy as np

from minir1.doctor import curves, sampler
from minir1.doctor.course import Course, told
from minir1.doctor.symptom import Symptom
from minir1.errors import shorten
from minir1.screen.terminal import clean

# What one token in a hundred may keep of its probability: half of it over one update, a tenth
# over all updates of a rollout. The clip stops a push after a fifth (ε = 0.2).
LOST_AT_ONCE, LOST = 0.5, 0.1
LEAK = 0.01  # of the push on tokens past the clip; 0 where it stops, by the bit
# Methods that clip the ratio of each token as PPO does; others clip a sequence, or nothing.
CLIPPED = ("grpo", "dr-grpo", "dapo", "lite-ppo", "reinforce++", "ppo")


def is_clipped(course: Course) -> bool:
    """Say whether a rollout has a second update, with ratios for the clip to stop."""
    return course.updates > 1 and course.setting("grpo.objective") in CLIPPED


def clip_side(course: Course) -> Symptom | None:
    """Tokens past the clip are pushed on."""
    leak = course.curve("clip_leak")
    open_at = leak.where(leak.values > LEAK)
    if not len(open_at) or not is_clipped(course):
        return None
    return Symptom(
        "clip-side",
        "For negative advantages the clip is on the wrong side: pushes down are never stopped.",
        f"{told(open_at.steps, len(leak))}: {open_at.values.mean():.0%} of the push on tokens "
        "past the clip goes through; a clip stops all of it",
        "Take the minimum whatever the sign of the advantage: "
        "min(ratio * A, clip(ratio, 1 - ε, 1 + ε) * A); it is one-sided by itself",
        "reasoning-from-scratch, chapter 7: where(adv >= 0, min(u, c), max(u, c)); mended in "
        "pull request 240. Schulman et al. 2017 (PPO), equation 7",
    )


def learning_rate_high(course: Course) -> Symptom | None:
    """Updates tear the policy out of its trust region, and it is worse than it was."""
    low, high, right = course.curves("ratio_low", "ratio_high", "accuracy")
    limit = LOST_AT_ONCE if course.updates == 2 else LOST
    torn = low.values < limit
    if not torn.any() or sampler.differs(course) or not curves.told_enough(course, "entropy"):
        return None
    best, after = curves.best(right), curves.ends(right).last
    # The accuracy of a step is that of the policy before its updates.
    best = max(best, float(right.values[: int(np.argmax(torn)) + 1].mean()))
    if best - after < curves.SURE * curves.error(course, best, len(right)):
        return None
    entropy = curves.ends(course.curve("entropy"))
    rate = course.setting("grpo.learning_rate")
    return Symptom(
        "learning-rate-high",
        "The learning rate is too high: an update throws the policy further than it can see.",
        f"{told(low.steps[torn], len(low))} one in a hundred tokens fell below {limit:g} of "
        "its probability within a rollout "
        f"(others rose to {high.values.max():.2g} times theirs); "
        f"accuracy was {best:.2f} at its best and is {after:.2f} in the end, entropy went from "
        f"{entropy.first:.2g} to {entropy.last:.2g}",
        f"Lower it tenfold, it was {rate:g}: --set grpo.learning_rate={rate / 10:g}; keep the "
        "warm-up (grpo.warmup) and the limit on gradients (grpo.grad_clip)",
        "Schulman et al. 2017 (PPO), section 3: small steps are what the objective is good for",
        "likely",
    )


def not_finite(course: Course) -> Symptom | None:
    """A number of the log is NaN or infinite."""
    for row in course.rows:
        for name, value in row.items():
            if isinstance(value, float) and not math.isfinite(value):
                return _broken(name, value, float(row["step"]))
    return None


def _broken(name: str, value: float, step: float) -> Symptom:
    return Symptom(
        "not-finite",
        "The run has broken down: a number is no longer finite.",
        f"{clean(shorten(name))} is {value} at step {step:g}",
        "Go back to the last checkpoint before that step and lower the learning rate: "
        "--set grpo.learning_rate=1e-4; check that masked log-probabilities are not -inf * 0",
        "everywhere",
    )
