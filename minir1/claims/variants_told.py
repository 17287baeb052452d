"""How are methods shown beside each other? Tables of runs and tokens, curves over compute."""

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from minir1.claims.claim import Chart, Figure, Line, Table
from minir1.claims.figures import number, over_seeds, text
from minir1.claims.measures import ACCURACY, LENGTH, Arm, apart, chart
from minir1.claims.variants_arms import METHODS, OFF_POLICY, PIECES
from minir1.objectives.pushes import EASY, HARD, ON_A_GROUP, of_method

STAGE = "r1-zero"
HEADER = (
    "pass@1",
    "less the first",
    "tokens",
    "cut off",
    "entropy, last",
    "tokens clipped",
    "TFLOP",
    "million tokens trained",
    "seconds",
)
MOVED = (1.1, 1.25, 1.5, 6.0, 0.9, 0.75, 0.1)  # ratios of the table of clips
KINDS = ("short, right", "short, wrong")
FAMILIES = {
    "clipped": ("grpo", "dr-grpo", "dapo", "gspo", "cispo"),
    "baselines": ("grpo", "rloo", "reinforce", "reinforce++", "ppo"),
}


def tables(arms: Mapping[str, Arm], differences: Mapping[str, Figure]) -> tuple[Table, ...]:
    """Lay out the runs, and what each method does to one token."""
    return (
        of_runs("The methods, two updates a rollout", arms, list(METHODS)),
        of_runs("DAPO's pieces, each on GRPO as printed", arms, [*PIECES, "grpo", "dapo"]),
        of_runs("Eight updates a rollout", arms, list(OFF_POLICY)),
        of_tokens(),
        of_clips(),
    )


def of_runs(title: str, arms: Mapping[str, Arm], names: Sequence[str]) -> Table:
    """Sum up the runs of some arms; differences are from the first, paired by seed."""
    rows = tuple(_row(arms[name], arms[names[0]]) for name in names)
    return Table(title, ("method", *HEADER), rows)


def _row(one: Arm, first: Arm) -> tuple[str, ...]:
    less = apart("", one, first, STAGE, ACCURACY, "%")
    ends = {
        name: [run["curves"][STAGE][-1][name] for run in one.runs]
        for name in ("entropy", "flops", "seconds")
    }
    trained, clipped = (
        [float(reduced([row[name] for row in run["curves"][STAGE]])) for run in one.runs]
        for name, reduced in (("trained_tokens", np.sum), ("clip_fraction", np.mean))
    )
    return (
        one.label,
        text(one.figure("", STAGE, ACCURACY, "%")),
        "" if one is first else text(less),
        text(one.figure("", STAGE, LENGTH)),
        text(one.figure("", STAGE, "truncated", "%")),
        text(over_seeds("", ends["entropy"])),
        number(float(np.mean(clipped)), "%"),
        number(float(np.mean(ends["flops"])) / 1e12),
        number(float(np.mean(trained)) / 1e6),
        number(float(np.mean(ends["seconds"]))),
    )


@cache
def of_tokens() -> Table:
    """Lay out the push on a token of each kind of answer, differentiated from the code."""
    labels = list(dict.fromkeys(answer.label for answer in (*HARD, *EASY)))
    asked: list[tuple[str, str, tuple[str, ...]]] = [
        ("grpo, as printed", "grpo", ("grpo.average=sequence",)),
        *((name, name, ()) for name in ON_A_GROUP),
        ("grpo, overlong filter", "grpo", ("grpo.truncated=left-out",)),
    ]
    rows = []
    for label, name, also in asked:
        told = of_method(name, also=also)
        rows.append((label, *(f"{told[answer]:+.2f}" for answer in labels)))
    lengths = {answer.label: answer.tokens for answer in (*HARD, *EASY)}
    heads = [f"{label} ({lengths[label]} tokens)" for label in labels]
    title = (
        "The push on one token, on the sampler's own policy, in units of the method's mean "
        "push; two of five answers to the hard prompt are right, four of five to the easy one"
    )
    return Table(title, ("method", *heads), tuple(rows))


@cache
def of_clips() -> Table:
    """Lay out what is left of a push once a token's probability has moved."""
    rows = []
    for name in ON_A_GROUP:
        usual = of_method(name)
        moved = [of_method(name, ratio) for ratio in MOVED]
        left = [[after[kind] / usual[kind] for kind in KINDS] for after in moved]
        rows.append((name, *(f"{right:.3g} / {wrong:.3g}" for right, wrong in left)))
    title = (
        "What is left of a push, of a right / of a wrong answer, where all its tokens have "
        "become so many times as likely as when they were sampled"
    )
    return Table(title, ("method", *(f"{ratio:g} ×" for ratio in MOVED)), tuple(rows))


def charts(arms: Mapping[str, Arm]) -> tuple[Chart, ...]:
    """Draw learning over compute, and what becomes of length and entropy."""
    drawn = [
        learning(f"compute-{family}", f"Accuracy over compute: {family}", arms, names)
        for family, names in FAMILIES.items()
    ]
    title = "Accuracy over compute: eight updates a rollout"
    drawn.append(learning("compute-eight", title, arms, tuple(OFF_POLICY)))
    for name, label in (("entropy", "entropy a token"), ("completion_tokens", "tokens")):
        lines = [arms[method].curve(STAGE, name) for method in METHODS]
        drawn.append(chart(name, f"{label}, by method", "step", label, lines))
    return tuple(drawn)


def learning(name: str, title: str, arms: Mapping[str, Arm], names: Sequence[str]) -> Chart:
    """Draw the accuracy of some arms on validation problems over compute."""
    lines = [over_compute(arms[method], "validation_accuracy") for method in names]
    return chart(name, title, "TFLOP of sampling and training", "accuracy", lines)


def over_compute(one: Arm, name: str) -> Line:
    """Draw a figure of training over the mean compute that its step had taken."""
    runs = [{r["step"]: r for r in run["curves"][STAGE] if name in r} for run in one.runs]
    points, band = [], []
    for step in sorted(set.intersection(*(set(run) for run in runs))):
        x = float(np.mean([run[step]["flops"] for run in runs])) / 1e12
        figure = over_seeds("", [run[step][name] for run in runs])
        points.append((x, figure.value))
        band.append((x, figure.low, figure.high))
    return Line(one.label, points, band if len(runs) > 1 else None)
