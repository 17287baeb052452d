"""Does it think longer as it learns, and longer on harder problems?"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minir1.claims.arms import zero_arm, zeros
from minir1.claims.claim import Chart, Claim, Figure, Finding, Line, Results, Table, Verdict
from minir1.claims.figures import above, difference, over_seeds, text
from minir1.claims.job import Job
from minir1.claims.measures import LENGTH, Arm, chart, finding, table_of

BY_LEVEL = "completion_tokens_by_difficulty"
RIGHT_BY_LEVEL = "accuracy_by_difficulty"
BY_OUTCOME = "completion_tokens_by_outcome"
CORRELATION = "length_difficulty_correlation"
LEVELS = ("1", "2", "3", "4")  # of difficulty, from four solutions or more to exactly one
ARMS = ("plain", "no-reflection", "constant")
SEARCH = "the base has seen traces that try again after a first attempt"


def jobs(seeds: int) -> list[Job]:
    """Return R1-Zero, the same without the loss's length bias, and from another base."""
    return zeros(ARMS, seeds)


def judge(results: Results, seeds: int) -> Finding:
    """Decide by the growth of length, and by its slope over the difficulty."""
    plain, blind, even = (zero_arm(name, results, seeds) for name in ARMS)
    figures = {**lengths(plain), **outcomes(plain), **peaks(plain)}
    checks = {**changes("blind", blind), **changes("even", even)}
    return finding(
        decide(figures, checks),
        summary(figures, checks),
        figures,
        checks,
        seeds,
        (levels(plain), levels(blind)),
        (length_chart((plain, even, blind)), level_chart(plain, blind)),
    )


def slopes(one: Arm, checkpoint: str) -> list[float]:
    """Fit tokens over difficulty by least squares, a level a point: tokens a level."""
    return [slope(run["checkpoints"][checkpoint][BY_LEVEL]) for run in one.runs]


def slope(by_level: Mapping[str, float]) -> float:
    """Fit a straight line through a figure at every level of difficulty.

    slope = sum (d - mean d) (y - mean y) / sum (d - mean d)^2
    """
    d, y = np.array([(float(level), value) for level, value in by_level.items()]).T
    d = d - d.mean()
    return float(d @ (y - y.mean()) / (d @ d))


def lengths(plain: Arm) -> dict[str, Figure]:
    """Say how long the answers are, and how that follows the difficulty."""
    last, first = slopes(plain, "r1-zero"), slopes(plain, "base")
    return {
        "growth": plain.gain("tokens an answer: growth", LENGTH, "r1-zero", "base", "tokens"),
        "before": plain.figure("tokens an answer, base", "base", LENGTH, "tokens"),
        "after": plain.figure("tokens an answer, R1-Zero", "r1-zero", LENGTH, "tokens"),
        "slope": over_seeds("tokens a level of difficulty, R1-Zero", last, "tokens"),
        "steeper": difference("tokens a level of difficulty: growth", last, first, "tokens"),
        "rank": plain.figure(
            "rank correlation with difficulty, R1-Zero", "r1-zero", CORRELATION
        ),
        "ranked": plain.figure("rank correlation with difficulty, base", "base", CORRELATION),
    }


def outcomes(plain: Arm) -> dict[str, Figure]:
    """Say how long right and wrong answers are, and what the levels gained."""
    told = {}
    for outcome in ("right", "wrong"):
        for name, checkpoint in (("base", "base"), ("R1-Zero", "r1-zero")):
            what = f"tokens of {outcome} answers, {name}"
            path = f"{BY_OUTCOME}/{outcome}"
            told[f"{outcome} {name}"] = plain.figure(what, checkpoint, path, "tokens")
    for level, name in (("1", "easiest"), ("4", "hardest")):
        what, path = f"pass@1 of the {name} level: gain", f"{RIGHT_BY_LEVEL}/{level}"
        told[name] = plain.gain(what, path, "r1-zero", "base", "%")
    told["cut"] = plain.figure(
        "answers cut off at the cap, R1-Zero", "r1-zero", "truncated", "%"
    )
    return told


def peaks(plain: Arm) -> dict[str, Figure]:
    """Say how far the length of training rollouts fell from its highest step to its last."""
    curves = [[row[LENGTH] for row in run["curves"]["r1-zero"]] for run in plain.runs]
    last = [one[-1] for one in curves]
    what = "tokens of rollouts: the highest step less the last"
    return {"fall": difference(what, [max(one) for one in curves], last, "tokens")}


def changes(name: str, one: Arm) -> dict[str, Figure]:
    """Say how length and its slope changed in a control."""
    steeper = difference(
        f"tokens a level of difficulty, {one.label}: growth",
        slopes(one, "r1-zero"),
        slopes(one, "base"),
        "tokens",
    )
    what = f"tokens an answer, {one.label}: growth"
    growth = one.gain(what, LENGTH, "r1-zero", "base", "tokens")
    return {f"{name} growth": growth, f"{name} steeper": steeper}


def decide(figures: Mapping[str, Figure], checks: Mapping[str, Figure]) -> tuple[Verdict, str]:
    """Say what the intervals say."""
    if not (above(figures["growth"]) and above(figures["steeper"])):
        return "does not hold here", ""
    if not (above(checks["even growth"]) and above(checks["even steeper"])):
        return (
            "holds if",
            "the loss has its bias for length: without it answers do not surely grow so",
        )
    if not above(checks["blind steeper"]):
        return "holds if", SEARCH
    return "holds", ""


def summary(figures: Mapping[str, Figure], checks: Mapping[str, Figure]) -> str:
    """Tell the figures in sentences."""
    told = {name: text(figure) for name, figure in {**figures, **checks}.items()}
    fell = (
        f"The longest rollouts are not the last: {told['fall']} more at the highest step."
        if above(figures["fall"], 0.1 * figures["after"].value)
        else f"Length has not clearly turned within these steps (highest less last: "
        f"{told['fall']})."
    )
    return (
        f"Answers grow from {told['before']} to {told['after']}, and every level of difficulty "
        f"costs R1-Zero {told['slope']} more ({told['steeper']} more than the base; rank "
        f"correlation {told['ranked']} before, {told['rank']} after). Its wrong answers "
        f"have {told['wrong R1-Zero']}, right ones {told['right R1-Zero']}, and "
        f"{told['cut']} of the answers are cut off. {fell} "
        f"The hardest problems gain {told['hardest']} in accuracy, the easiest "
        f"{told['easiest']}. With a loss that has no length bias answers grow by "
        f"{told['even growth']}; from a base that never saw a second attempt by "
        f"{told['blind growth']}, with {told['blind steeper']} a level."
    )


def levels(one: Arm) -> Table:
    """Lay out length and accuracy by difficulty."""
    rows = {
        f"{level}{' (four solutions or more)' if level == '1' else ''}": [
            one.figure(level, checkpoint, f"{path}/{level}", unit)
            for path, unit in ((BY_LEVEL, "tokens"), (RIGHT_BY_LEVEL, "%"))
            for checkpoint in ("base", "r1-zero")
        ]
        for level in LEVELS
    }
    heads = ("tokens, base", "tokens, R1-Zero", "pass@1, base", "pass@1, R1-Zero")
    return table_of(f"By difficulty: {one.label}", rows, heads)


def length_chart(arms: Sequence[Arm]) -> Chart:
    """Draw the length of rollouts over the steps."""
    return chart(
        "steps",
        "Tokens of an answer while training",
        "step",
        "tokens",
        [one.curve("r1-zero", LENGTH) for one in arms],
    )


def level_chart(plain: Arm, blind: Arm) -> Chart:
    """Draw tokens over the difficulty."""
    lines = [
        _over_levels("base", plain, "base"),
        _over_levels(plain.label, plain, "r1-zero"),
        _over_levels(blind.label, blind, "r1-zero"),
    ]
    return chart(
        "difficulty",
        "Tokens of an answer by difficulty, test problems",
        "difficulty",
        "tokens",
        lines,
    )


def _over_levels(label: str, one: Arm, checkpoint: str) -> Line:
    figures = [one.figure(d, checkpoint, f"{BY_LEVEL}/{d}") for d in LEVELS]
    points: list[Any] = [(float(d), f.value) for d, f in zip(LEVELS, figures, strict=True)]
    band = [(float(d), f.low, f.high) for d, f in zip(LEVELS, figures, strict=True)]
    return Line(label, points, band if len(one.runs) > 1 else None)


CLAIM = Claim(
    id="length",
    letter="b",
    sentence="It learns by itself to think longer, and longer on harder problems.",
    source="DeepSeek-R1 (arXiv 2501.12948v2), section 2.3, figure 1 (b), and section E",
    experiment="Tokens of an answer before and after 25 steps of R1-Zero, by the difficulty "
    "that the world defines: 1 for four solutions or more, 4 for exactly one. It holds if the "
    "intervals of the growth in length and of the growth of its slope over difficulty both lie "
    "above 0; else it is refuted. Controls: a loss without length bias (no division by the "
    "length or by the spread of the rewards, as Dr. GRPO) must show both too, or the loss did "
    "it; a base whose corpus holds no second attempt must not turn steeper, and then the claim "
    "holds only for a base that has seen them.",
    jobs=jobs,
    judge=judge,
)
