"""Which of the aims set before the runs were met, and by how much?"""

from collections.abc import Callable
from dataclasses import dataclass

from publishing import lay_out

from minir1.reporting.formats import MINUS, Figure, figure
from r1_page.rows import (
    CONSISTENCY,
    FORMAT,
    GENERAL,
    HARM,
    MIXED,
    NOTHING,
    OVER_DEV3,
    PASS,
    VOTES,
    Row,
)
from r1_page.rules import Estimate, compare
from r1_page.runs import Runs


@dataclass(frozen=True)
class Outcome:
    """How an aim came out: the figures, and the margin in points.

    half says how far off the margin may be; None where the aim is about the mean alone.
    """

    shown: str
    margin: float | None
    half: float | None = None

    @property
    def met(self) -> bool | None:
        """True, False, or None where nothing was measured."""
        return None if self.margin is None else self.margin >= 0

    @property
    def verdict(self) -> str:
        """Say whether the aim was met, by how much, and whether that is sure."""
        if self.margin is None:
            return "not measured"
        size = f"{abs(self.margin):.1f}"
        if self.half is not None:
            size += f" ± {self.half:.1f}"
        text = f"{'met' if self.met else 'missed'}, by {size} points"
        unsure = self.half is not None and abs(self.margin) <= self.half
        return text + "; within the uncertainty" * unsure


Check = Callable[[Runs], Outcome]


def above(row: Row, higher: str, lower: str, slack: float = 0.0) -> Check:
    """Want one checkpoint above another, less some points."""

    def check(runs: Runs) -> Outcome:
        high, low = runs.estimate(row, higher), runs.estimate(row, lower)
        change = compare(low, high)
        if change is None:
            return Outcome(NOTHING, None)
        half = None if change.half is None else 100 * change.half
        return Outcome(_against(row, high, low), 100 * change.by + slack, half)

    return check


def apart(row: Row, higher: str, lower: str) -> Check:
    """Want the interval of one checkpoint above another's, in the mean over the seeds."""

    def check(runs: Runs) -> Outcome:
        high, low = runs.estimate(row, higher), runs.estimate(row, lower)
        if high is None or low is None or high.low is None or low.high is None:
            return Outcome(NOTHING, None)
        clear = sum(
            f.low > low.figures[seed].high
            for seed, f in high.figures.items()
            if seed in low.figures
        )
        seeds = len(set(high.figures) & set(low.figures))
        shown = f"{_against(row, high, low)}; apart in {clear} of {seeds} seeds"
        return Outcome(shown, 100 * (high.low - low.high))

    return check


def at_least(row: Row, checkpoint: str, points: float) -> Check:
    """Want the mean of a share at some points or above."""
    return lambda runs: _limit(row, runs.estimate(row, checkpoint), points, 1)


def at_most(row: Row, checkpoint: str, points: float) -> Check:
    """Want the mean of a share at some points or below."""
    return lambda runs: _limit(row, runs.estimate(row, checkpoint), points, -1)


def _limit(row: Row, found: Estimate | None, points: float, sign: int) -> Outcome:
    if found is None:
        return Outcome(NOTHING, None)
    return Outcome(row.cell(found), sign * (100 * found.mean - points))


def preferred(runs: Runs) -> Outcome:
    """Want the interval of R1's win-rate over dev3 above one half."""
    found = runs.estimate(OVER_DEV3, "r1")
    if found is None or found.low is None:
        return Outcome(NOTHING, None)
    clear = sum((f.low or 0) > 0.5 for f in found.figures.values())
    shown = f"{OVER_DEV3.cell(found)}; interval above one half in {clear} of "
    return Outcome(f"{shown}{len(found.figures)} seeds", 100 * (found.low - 0.5))


JUDGE = Row("ratio", "share of the ceiling")


def judge(runs: Runs) -> Outcome:
    """Want the reward model near what noisy labels allow."""
    return _limit(JUDGE, judge_ratio(runs), 85, 1)


def judge_ratio(runs: Runs) -> Estimate | None:
    """Return the reward model's accuracy on held-out pairs as a share of the ceiling."""
    figures: dict[int, Figure] = {}
    for seed, run in runs.normal.items():
        about = run.results.get("reward_model", {})
        accuracy = figure(about.get("pair_accuracy"))
        if accuracy is not None:
            ends = (None if end is None else end / about["label_ceiling"] for end in accuracy)
            figures[seed] = Figure(*ends)
    return Estimate(figures) if figures else None


TARGETS: tuple[tuple[str, Check], ...] = (
    ("dev1 reasons worse than R1-Zero (pass@1)", above(PASS, "r1-zero", "dev1")),
    ("r1 at least R1-Zero less 3 points (pass@1)", above(PASS, "r1", "r1-zero", 3)),
    ("r1 keeps to the language: at least 97 %", at_least(CONSISTENCY, "r1", 97)),
    ("r1 mixes languages in at most 5 % of answers", at_most(MIXED, "r1", 5)),
    ("r1 well-formed: at least 98 %", at_least(FORMAT, "r1", 98)),
    ("good general answers (intervals): dev3 > r1-zero", apart(GENERAL, "dev3", "r1-zero")),
    ("… dev3 > dev2", apart(GENERAL, "dev3", "dev2")),
    ("… r1 > r1-zero", apart(GENERAL, "r1", "r1-zero")),
    ("… r1 > dev2", apart(GENERAL, "r1", "dev2")),
    ("r1 preferred to dev3: interval above 50 %", preferred),
    ("r1 complies with harmful requests less than dev3", above(HARM, "dev3", "r1")),
    ("reward model: at least 85 % of the label ceiling", judge),
    ("distilled > small-rl at equal compute, pass@1", above(PASS, "distilled", "small-rl")),
    ("… majority of 16", above(VOTES, "distilled", "small-rl")),
    ("RL after distillation helps (pass@1)", above(PASS, "distilled-rl", "distilled")),
)  # fmt: skip


def outcomes(runs: Runs) -> list[tuple[str, Outcome]]:
    """Check every aim."""
    return [(title, check(runs)) for title, check in TARGETS]


def target_table(runs: Runs) -> str:
    """Lay out aims, figures and verdicts."""
    rows = [[title, o.shown, _bold(o)] for title, o in outcomes(runs)]
    return lay_out(["aim", "measured, %", "verdict"], rows)


def tally(runs: Runs) -> str:
    """Count the aims that were met."""
    found = [o.met for _, o in outcomes(runs)]
    text = f"{found.count(True)} of {len(found)} aims met, {found.count(False)} missed"
    return text + (f", {found.count(None)} not measured." if None in found else ".")


def _bold(outcome: Outcome) -> str:
    return f"**{outcome.verdict}**" if outcome.met is False else outcome.verdict


def _against(row: Row, high: Estimate | None, low: Estimate | None) -> str:
    return f"{row.mean(high)} against {row.mean(low)}".replace("-", MINUS)
