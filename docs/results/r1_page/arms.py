"""What does each choice in the recipe do? Runs that differ in one of them."""

from math import sqrt
from typing import Any

import numpy as np
from publishing import lay_out

from minir1.reporting.formats import Figure, count
from r1_page.rows import (
    CONSISTENCY,
    EVERYDAY,
    FOLLOWING,
    FORMAT,
    GENERAL,
    GOLD,
    HARM,
    MIXED,
    OVER_DEV3,
    PASS,
    PREFERENCE,
    VOTES,
    Row,
)
from r1_page.rules import Change, Estimate, compare
from r1_page.runs import ARMS, Run, Runs

ALIGNED = (GOLD, PREFERENCE, OVER_DEV3, GENERAL, FOLLOWING, HARM, PASS, FORMAT, CONSISTENCY)
# What each arm is looked at for: checkpoint and figure.
LOOKS: dict[str, tuple[tuple[str, Row], ...]] = {
    "no-language": tuple(
        (name, row) for name in ("dev2", "r1") for row in (PASS, VOTES, CONSISTENCY, MIXED)
    ),
    "reasoning-only": tuple(("dev3", row) for row in (*EVERYDAY, PASS, VOTES)),
    "from-dev2": tuple(
        ("dev3", row) for row in (PASS, VOTES, FORMAT, CONSISTENCY, GENERAL, FOLLOWING, HARM)
    ),
    "long": tuple(("r1", row) for row in ALIGNED),
    "normalise": tuple(("r1", row) for row in ALIGNED),
}
EARLY, LATE, BLOCK = 5, 10, 10  # steps with general prompts that are averaged
SCORE, WORTH = Row("preference_reward", "reward model's score", False), GOLD
GENERAL_TRAIN = Row("general_good", GENERAL.title)


def arm_tables(runs: Runs) -> dict[str, str]:
    """Lay out every arm beside the normal runs of the same seeds."""
    return {arm: arm_table(runs, arm) for arm in ARMS}


def arm_table(runs: Runs, arm: str) -> str:
    """Lay out one arm: figure, normal, arm, difference, and what the rule calls it."""
    heads = ["checkpoint", "figure", "normal", ARMS[arm], "difference", "by the rule"]
    rows = []
    for checkpoint, row in LOOKS[arm]:
        normal, other, change = contrast(runs, arm, checkpoint, row)
        cells = [checkpoint, row.label, row.cell(normal), row.cell(other)]
        word = "not measured" if change is None else change.word
        rows.append([*cells, row.change(change), word])
    return lay_out(heads, rows) if runs.by_arm[arm] else ""


def contrast(
    runs: Runs, arm: str, checkpoint: str, row: Row
) -> tuple[Estimate | None, Estimate | None, Change | None]:
    """Return a figure of the normal runs, of the arm, and the difference, at equal seeds."""
    normal, other = runs.estimate(row, checkpoint), runs.estimate(row, checkpoint, arm)
    change = compare(normal, other)
    if normal is None or other is None or change is None:
        return None, None, None
    seeds = sorted(set(normal.figures) & set(other.figures))
    return normal.of(seeds), other.of(seeds), change


def arm_sentences(runs: Runs) -> dict[str, str]:
    """Sum up every arm in a sentence made by the rule."""
    return {f"{arm}_said": _sum_up(runs, arm) for arm in ARMS}


def _sum_up(runs: Runs, arm: str) -> str:
    """Say which figures of an arm differ surely, and how many don't."""
    looks = [(c, row, contrast(runs, arm, c, row)[2]) for c, row in LOOKS[arm]]
    found = [(c, row, change) for c, row, change in looks if change is not None]
    if not found:
        return "Not run."
    sure = [
        f"{row.title} of {checkpoint} {change.word} ({row.change(change)}{row.unit})"
        for checkpoint, row, change in found
        if change.word != "undecided"
    ]
    open_ones = len(found) - len(sure)
    said = "; ".join(sure) or "no figure differs surely"
    rest = f"; undecided: {open_ones} of {len(found)} figures" if sure and open_ones else ""
    return f"With the change, over {count(found[0][2].seeds, 'seed')}: {said}{rest}."


# over-training against the reward model


def overtraining(runs: Runs) -> str:
    """Say whether the gold utility falls while the reward model's score rises."""
    looked = windows(runs)
    if looked is None:
        return "Not run."
    (first, last), score, worth = looked
    return (
        f"On training prompts, from where the normal r1 stops (general steps {first} to "
        f"{last} of the long run) to its last {LATE} steps, the reward model's score is "
        f"{score.word} ({SCORE.change(score)}) and the gold utility {worth.word} "
        f"({WORTH.change(worth)}). {conclusion(score.direction, worth.direction)}"
    )


def conclusion(score: int, worth: int) -> str:
    """Put into words what score and worth do together."""
    if worth < 0:
        return (
            "What is wanted falls while what is rewarded rises: the reward model is exploited."
            if score > 0
            else "What is wanted falls, and what is rewarded does not surely rise."
        )
    if score > 0 and worth > 0:
        return "Both rise: within so many steps the reward model is not surely exploited."
    if score > 0:
        return "What is rewarded rises and what is wanted does not surely follow."
    return "What is rewarded does not surely rise, so nothing is shown to be exploited."


def windows(runs: Runs) -> tuple[tuple[int, int], Change, Change] | None:
    """Compare the long runs' last general steps with those where a normal r1 stops.

    Returns the first and last general step of the early window, counted from 1, and the
    changes of score and gold utility; None without a long run.
    """
    found = runs.by_arm["long"]
    if not found or not runs.normal:
        return None
    stop = next(iter(runs.normal.values())).settings["r1.general_steps"]
    changes = []
    for row in (SCORE, WORTH):
        curves = {seed: run.curve("r1", row.name)[1] for seed, run in found.items()}
        curves = {seed: c for seed, c in curves.items() if len(c) >= stop + LATE}
        if not curves:
            return None
        early = {seed: _window(c[max(0, stop - EARLY) : stop]) for seed, c in curves.items()}
        late = {seed: _window(c[-LATE:]) for seed, c in curves.items()}
        change = compare(Estimate(early), Estimate(late))
        assert change is not None
        changes.append(change)
    return (max(1, stop - EARLY + 1), stop), changes[0], changes[1]


def block_table(runs: Runs) -> str:
    """Lay out the long runs' figures on training prompts, ten general steps at a time."""
    found = runs.by_arm["long"]
    counts = [len(run.curve("r1", SCORE.name)[0]) for run in found.values()]
    starts = range(0, max(counts, default=0), BLOCK)
    if not starts:
        return ""
    rows = [
        [row.label, *(row.cell(_block(found, row, start)) for start in starts)]
        for row in (SCORE, WORTH, GENERAL_TRAIN, HARM)
    ]
    heads = [f"general steps {i + 1} to {min(i + BLOCK, max(counts))}" for i in starts]
    return lay_out(["on training prompts", *heads], rows)


def _block(found: dict[int, Run], row: Row, start: int) -> Estimate | None:
    """Average a figure over a block of general steps; some steps lack some figures."""
    figures = {}
    for seed, run in found.items():
        steps, values = run.curve("r1", row.name)
        first = run.curve("r1", SCORE.name)[0][:1]
        inside = [
            v for s, v in zip(steps, values, strict=True) if 0 <= s - first[0] - start < BLOCK
        ]
        if inside:
            figures[seed] = Figure(float(np.mean(inside)))
    return Estimate(figures) if figures else None


def _window(values: list[float]) -> Figure:
    """Average some steps, with the interval that their scatter gives."""
    middle = float(np.mean(values))
    half = 1.96 * float(np.std(values, ddof=1)) / sqrt(len(values)) if len(values) > 1 else 0.0
    return Figure(middle, middle - half, middle + half)


def smooth(values: list[float], width: int = 5) -> Any:
    """Average every step with those around it, fewer at the ends."""
    reach = width // 2
    return np.array(
        [np.mean(values[max(0, i - reach) : i + reach + 1]) for i in range(len(values))]
    )


def general_steps(run: Run, name: str) -> tuple[list[int], Any]:
    """Return a curve of r1 over its steps with general prompts, counted from 1, smoothed."""
    _, values = run.curve("r1", name)
    return list(range(1, len(values) + 1)), smooth(values)
