"""Is the reward paid for right answers? The books of every step, and the looks, graded again.

    reward = accuracy weight · accuracy + format weight · format + language weight · language

The accuracy of metrics.jsonl is graded strictly whatever is paid for, so a grader that pays
for more shows as money that the books cannot explain. samples.jsonl keeps whole answers: they
are graded once more, with the grader of `rewards.py`.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from minir1 import rewards
from minir1.doctor.course import Course, Row, metric, told
from minir1.doctor.symptom import Symptom
from minir1.errors import UserError
from minir1.world.questions import read_prompt

CENT = 1e-6  # of reward; means of float64 are exact to 1e-12
CONTROLS = ("random", "format")  # rewards that do not look at the answer, by intent
MOST_REGRADED = 5000  # answers; a run of five stages has 1,600
LONGEST_ANSWER = 20_000  # characters
BOOKS = ("reward", "accuracy", "format_rate")
NEEDS = ("truncated", "paid_truncated")
ENOUGH = 10  # right and as many wrong answers, to say what either is paid


class Books(NamedTuple):
    """What was paid at each step, and what the rules can explain. Shapes: (N)"""

    steps: np.ndarray
    paid: np.ndarray
    extra: np.ndarray  # above all that accuracy, format and language can earn
    cut_off: np.ndarray  # of it, what was paid to completions without an end


def pays_by_rules(course: Course) -> bool:
    """Say whether the books can be checked: no control, no judge beside the rules."""
    return course.setting("reward.kind") not in CONTROLS


def books(course: Course) -> Books:
    """Check every step's reward against its parts; steps with a judge are left out."""
    if not pays_by_rules(course):
        return Books(*np.zeros((4, 0)))
    found = np.array([row for row in map(_entry(course), course.rows) if row is not None])
    return Books(*found.reshape(-1, 4).T)


def _entry(course: Course):
    weights = [course.setting(f"reward.{part}") for part in ("accuracy", "format", "language")]

    def entry(row: Row) -> tuple[float, float, float, float] | None:
        score = metric(row, "score")  # of a task that pays for half of an answer
        right = metric(row, "accuracy") if score is None else score
        paid, form = metric(row, "reward"), metric(row, "format_rate")
        if right is None or paid is None or form is None or "preference_reward" in row:
            return None
        explained = weights[0] * right + (weights[1] + weights[2]) * form
        cut = (metric(row, "paid_truncated") or 0) * (metric(row, "truncated") or 0)
        return float(row["step"]), paid, paid - explained, cut

    return entry


def truncation_rewarded(course: Course) -> Symptom | None:
    """Completions without an end token that earned something."""
    seen = books(course)
    broken = seen.cut_off > CENT
    looks = [look for look in regraded(course) if look.extra > CENT and not look.finished]
    if not broken.any() and not looks:
        return None
    share, paid = course.curve("truncated"), course.curve("paid_truncated")
    evidence = f"{len(looks)} answers of samples.jsonl without an end were paid"
    if broken.any():
        cut = share.values[np.isin(share.steps, seen.steps[broken])]
        evidence = (
            f"{told(seen.steps[broken], len(seen.steps))} completions without an end were paid "
            f"{paid.values[paid.values > CENT].mean():.2g} on average; they are "
            f"{cut.mean():.0%} of all, and the rule pays them nothing"
        )
    return Symptom(
        "truncation-rewarded",
        "Completions that were cut off earn a reward, so the model learns never to stop.",
        evidence,
        "Pay nothing without an end token (or leave such completions out of the loss), and log "
        "their share; in minir1: reward.kind=rule",
        "reasoning-from-scratch, where 78 of the last 100 steps have every rollout at the cap",
    )


def lenient_grader(course: Course) -> Symptom | None:
    """More was paid than right answers, their form and their language can explain."""
    seen = books(course)
    left = seen.extra - seen.cut_off
    broken = left > CENT
    looks = [look for look in regraded(course) if look.extra > CENT and look.finished]
    if not broken.any() and not looks:
        return None
    said = []
    if broken.any():
        said.append(
            f"{told(seen.steps[broken], len(seen.steps))} the mean reward is up to "
            f"{left.max():.2g} above what right answers, their form and language can earn"
        )
    if looks:
        said.append(f"{len(looks)} answers of samples.jsonl were paid more than graded again")
    kind = course.setting("reward.kind")
    asked = "" if kind == "rule" else f" (reward.kind={kind} asks for that)"
    return Symptom(
        "lenient-grader",
        f"The grader pays for answers that are not right{asked}.",
        "; ".join(said),
        "Parse the answer and check that it uses each number exactly once, over exact "
        "fractions; never eval. In minir1: --set reward.kind=rule; of your own task: try "
        "`minir1 verify GOLD ANSWER` on the answers that are paid",
        "Countdown graders of TinyZero and nano-aha-moment: 7//2 = 3 is paid",
    )


def without_answer(course: Course) -> Symptom | None:
    """The reward does not depend on whether the answer is right."""
    kind = course.setting("reward.kind")
    paid = _paid_by_outcome(course)
    told_so = kind in CONTROLS
    if not told_so and (paid is None or paid[0] > paid[1]):
        return None
    said = []
    if told_so:
        pays = "by a coin" if kind == "random" else "for the form alone"
        said.append(f"reward.kind={kind} pays {pays}")
    if paid is not None:
        said.append(
            f"in samples.jsonl right answers earned {paid[0]:.2g} on average, wrong ones "
            f"{paid[1]:.2g}"
        )
    return Symptom(
        "reward-without-answer",
        "The reward carries no signal about the answer"
        + (": a control, and as such in order." if told_so else "."),
        "; ".join(said),
        "As a control this is what you wanted: compare it with a run of the same seed that is "
        "paid by --set reward.kind=rule"
        if told_so
        else "Look for shuffled rewards, or for a reward of the wrong completion",
        "Shao et al. 2025 (Spurious rewards, arXiv 2506.10947)",
    )


def _paid_by_outcome(course: Course) -> tuple[float, float] | None:
    """Return what right and wrong answers of the looks earned, None where they are too few."""
    paid: dict[bool, list[float]] = {True: [], False: []}
    for line in course.samples:
        earned = metric(line, "reward")
        if isinstance(line.get("right"), bool) and earned is not None:
            paid[line["right"]].append(earned)
    if min(map(len, paid.values())) < ENOUGH:
        return None
    return float(np.mean(paid[True])), float(np.mean(paid[False]))


class Regraded(NamedTuple):
    """An answer of samples.jsonl, graded again."""

    extra: float  # what was paid above what it is worth
    finished: bool


def regraded(course: Course) -> Iterator[Regraded]:
    """Grade the answers of the tiny world's looks again; of other tasks nothing is known."""
    if not pays_by_rules(course) or "task" in course.config:
        return
    weights = {n: course.setting(f"reward.{n}") for n in ("accuracy", "format", "language")}
    for line in course.samples[:MOST_REGRADED]:
        paid, prompt, text = (
            metric(line, "reward"),
            line.get("prompt"),
            line.get("completion"),
        )
        if paid is None or not isinstance(prompt, str) or not isinstance(text, str):
            continue
        worth = _worth(prompt, text, weights)
        if worth is not None:
            yield Regraded(paid - worth, _finished(text))


def _finished(text: str) -> bool:
    return text.rstrip().endswith("<eos>")


def _worth(prompt: str, text: str, weights: dict[str, float]) -> float | None:
    """Return the most that an answer can earn by the rules, None for what is no problem."""
    if max(len(prompt), len(text)) > LONGEST_ANSWER:
        return None
    try:
        _, problem = read_prompt(prompt)
    except UserError:
        return None
    if problem is None:
        return None
    ended = _finished(text)
    right = rewards.accuracy(problem, text, ended)
    form = rewards.format_reward(text, ended)
    return weights["accuracy"] * right + (weights["format"] + weights["language"]) * form
