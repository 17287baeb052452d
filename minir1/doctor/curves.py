"""What do the curves say? Nothing to learn from, nothing learnt, or learnt the wrong thing.

No contradiction is needed here: every step may be computed rightly and the run still fail.
A change counts where it is beyond the scatter of the steps, three standard errors.
"""

from typing import NamedTuple

import numpy as np

from minir1.doctor import sampler
from minir1.doctor.course import Course, Curve
from minir1.doctor.symptom import Symptom

ENOUGH_STEPS = 10  # fewer say nothing about a tendency
SURE = 3.0  # standard errors of a difference
COLLAPSED = 0.1  # of the entropy at the start: one likely word is left at nearly every place
EXPLODED = 3.0  # times the entropy at the start
# KL ≈ E[(Δ log π)²] / 2, so 1e-4 nats a token are probabilities changed by 1.4 %.
UNMOVED = 1e-4
ALL_FLAT = 0.9  # of the groups without spread: a tenth of the rollout is left to learn from
MOSTLY = 0.5
IN_A_ROW = 3  # steps, whose mean can be a best
LOOKS = 4  # at validation problems, before their best can be told from their last


class Ends(NamedTuple):
    """The mean of a curve's first and last fifth, and how sure their difference is."""

    first: float
    last: float
    error: float  # standard error of the difference

    @property
    def rose(self) -> bool:
        """Say whether it went up beyond its scatter."""
        return self.last - self.first > SURE * self.error

    @property
    def fell(self) -> bool:
        """Say whether it went down beyond its scatter."""
        return self.first - self.last > SURE * self.error


def ends(curve: Curve, floor: float = 0.0) -> Ends:
    """Compare the ends of a curve; floor: the least scatter of a single value."""
    values = curve.values
    count = max(len(values) // 5, 2)
    first, last = values[:count], values[-count:]
    scatter = max(float(np.sqrt((first.var(ddof=1) + last.var(ddof=1)) / 2)), floor)
    return Ends(float(first.mean()), float(last.mean()), scatter * float(np.sqrt(2 / count)))


def long_enough(course: Course) -> bool:
    """Say whether there are steps enough for a tendency."""
    return len(course.rows) >= ENOUGH_STEPS


def told_enough(course: Course, *names: str) -> bool:
    """Say whether metrics were recorded at steps enough for a tendency."""
    return all(len(course.curve(name)) >= ENOUGH_STEPS for name in names)


def accuracy(course: Course) -> Ends:
    """Compare the training accuracy of the first and the last steps, chance included."""
    curve = course.curve("accuracy")
    share = float(np.clip(curve.values.mean(), 1 / course.asked, 1 - 1 / course.asked))
    return ends(curve, float(np.sqrt(share * (1 - share) / course.asked)))


def best(curve: Curve) -> float:
    """Return the highest mean of some steps in a row."""
    window = np.ones(IN_A_ROW) / IN_A_ROW
    return float(np.convolve(curve.values, window, mode="valid").max())


def error(course: Course, share: float, steps: int) -> float:
    """Return the standard error of a share's best steps less its last fifth."""
    counted = 1 / IN_A_ROW + 1 / max(steps // 5, 2)
    return float(np.sqrt(share * (1 - share) / course.asked * counted))


def too_hard(course: Course) -> Symptom | None:
    """Fewer than one right answer a rollout: no group has anything to compare."""
    right, form = course.curves("accuracy", "format_rate")
    if not told_enough(course, "accuracy", "format_rate"):
        return None
    if right.values.mean() >= 1 / course.asked:
        return None
    if form.values.mean() < 1 / course.asked and course.setting("reward.format"):
        return None  # without its form no answer is found: see format_missing
    return Symptom(
        "too-hard",
        "The questions are too hard: all answers of a group are wrong, so nothing is compared.",
        f"over {len(right)} steps {right.values.mean():.2%} of {course.asked:g} answers a "
        "rollout were right: less than one",
        "Ask easier questions, sample larger groups (--set grpo.group=16), or begin with a "
        "cold start; check first that the base solves some: minir1 eval BASE --samples 64",
        "DAPO, section 3.2 (groups without spread); DELTA, arXiv 2509.21016",
    )


def too_easy(course: Course) -> Symptom | None:
    """Nearly every group all right from the first steps on."""
    flat, right = course.curves("flat_groups", "accuracy")
    count = max(len(flat) // 5, 2)
    if len(flat) < ENOUGH_STEPS:
        return None
    if flat.values[:count].mean() < ALL_FLAT or right.values[:count].mean() < MOSTLY:
        return None
    return Symptom(
        "too-easy",
        "The questions are too easy: all answers of a group are right, so nothing is compared.",
        f"in the first {count} steps {right.values[:count].mean():.0%} of the answers were "
        f"right and {flat.values[:count].mean():.0%} of the groups had no spread",
        "Ask harder questions, or leave out those that the model always solves",
        "DAPO, section 3.2 (dynamic sampling)",
    )


def format_missing(course: Course) -> Symptom | None:
    """The form that is paid for is never found in an answer."""
    form, cut = course.curves("format_rate", "truncated")
    if len(form) < ENOUGH_STEPS or form.values.mean() >= 1 / course.asked:
        return None
    if cut.values.mean() >= MOSTLY:
        return None  # what does not end has no form: see never_ends
    return Symptom(
        "format-missing",
        "No answer has the form that the grader looks for.",
        f"over {len(form)} steps {form.values.mean():.2%} of the answers were well formed, and "
        f"{1 - cut.values.mean():.0%} of them ended by themselves: they say something else",
        "Compare the prompt's template with what the model was taught, and the grader's form "
        "with the prompt: read what it writes with minir1 sample RUN",
        "MLX-GRPO, whose prompt ends with the tag that its format reward wants",
    )


def never_ends(course: Course) -> Symptom | None:
    """Most completions are cut off, at the end of the run too."""
    cut, tokens = course.curves("truncated", "completion_tokens")
    if len(cut) < ENOUGH_STEPS or ends(cut).last < MOSTLY:
        return None
    last = ends(tokens).last
    return Symptom(
        "never-ends",
        "Most completions reach the cap without an end token.",
        f"{ends(cut).first:.0%} of the completions were cut off in the first steps, "
        f"{ends(cut).last:.0%} in the last; their mean length is {last:.0f} tokens of "
        f"{course.setting('sample.max_tokens')}",
        "Raise the cap (--set sample.max_tokens=…), or check that the end token of the "
        "tokenizer is the one that the model was taught to end with",
        "theLMbook's GRPO, whose model never stops; DAPO, section 3.4",
    )


def entropy_collapse(course: Course) -> Symptom | None:
    """The policy says one thing only, and that is not a better one."""
    entropy = course.curve("entropy")
    if not told_enough(course, "entropy", "accuracy") or accuracy(course).rose:
        return None
    seen = ends(entropy)
    if seen.last > COLLAPSED * seen.first:
        return None
    return Symptom(
        "entropy-collapse",
        "The policy has stopped exploring: it writes the same whatever is asked.",
        f"entropy fell from {seen.first:.2g} to {seen.last:.2g} nats a token, and accuracy "
        f"went from {accuracy(course).first:.2f} to {accuracy(course).last:.2f}",
        "Lower the learning rate (--set grpo.learning_rate=…), raise grpo.clip_high (DAPO: "
        "0.28), or keep it near its start with --set grpo.kl_weight=0.01",
        "Cui et al. 2025 (arXiv 2505.22617); DAPO, section 3.1",
    )


def entropy_explosion(course: Course) -> Symptom | None:
    """The policy becomes noise."""
    entropy = course.curve("entropy")
    if not told_enough(course, "entropy", "accuracy") or not accuracy(course).fell:
        return None
    seen = ends(entropy)
    if seen.last < EXPLODED * seen.first:
        return None
    return Symptom(
        "entropy-explosion",
        "The policy dissolves into noise.",
        f"entropy rose from {seen.first:.2g} to {seen.last:.2g} nats a token, and accuracy "
        f"fell from {accuracy(course).first:.2f} to {accuracy(course).last:.2f}",
        "Look for a term that pays for distance or for noise (the sign of the KL, k1 as a "
        "loss, an entropy bonus), then lower the learning rate",
        "reasoning-from-scratch, chapter 7: entropy 0.23 to 11.9, which is uniform",
    )


def learning_rate_low(course: Course) -> Symptom | None:
    """There was something to learn from, and the policy has not moved."""
    kl, flat = course.curves("kl", "flat_groups")
    if len(kl) < ENOUGH_STEPS or not told_enough(course, "accuracy"):
        return None
    if flat.values.mean() > ALL_FLAT or accuracy(course).rose or sampler.differs(course):
        return None
    moved, rate = float(kl.values.max()), course.setting("grpo.learning_rate")
    if not 0 <= moved < UNMOVED:
        return None
    return Symptom(
        "learning-rate-low",
        "The policy has hardly moved: the learning rate is too low.",
        f"after {kl.steps[-1]:g} steps the KL to the start is {moved:.1g} nats a token: "
        f"probabilities changed by {np.sqrt(2 * moved):.1%}, though "
        f"{1 - flat.values.mean():.0%} of the groups had something to teach",
        f"Raise it tenfold: --set grpo.learning_rate={10 * rate:g}",
        "a small model needs a far larger rate than R1's 3e-6",
    )


def overfitted(course: Course) -> Symptom | None:
    """The reward rises while held-out accuracy falls."""
    held, paid = course.curve("validation_accuracy"), course.curve("reward")
    if len(held) < LOOKS or not told_enough(course, "reward") or not ends(paid).rose:
        return None
    asked = course.setting("evaluation.validation_problems") * course.setting(
        "evaluation.validation_samples"
    )
    best, last = float(np.median(np.sort(held.values)[-3:])), float(held.values[-2:].mean())
    error = float(np.sqrt(0.25 / max(asked, 1)))
    if best - last < SURE * error * np.sqrt(1.5):
        return None
    return Symptom(
        "overfitted",
        "The reward rises while held-out accuracy falls: it is learning something else.",
        f"reward went from {ends(paid).first:.2f} to {ends(paid).last:.2f}, validation "
        f"accuracy from {best:.2f} at its best to {last:.2f} in the end ({asked:g} answers a "
        "look)",
        "Read what is paid with minir1 report RUN: a shortcut of the grader, or training "
        "problems learnt by heart. Stop at the best look (--set keep_every=5)",
        "Gao et al. 2023 (over-optimisation of a reward); R1, section B.5",
        "likely",
    )
