"""Do the figures move as the paper's do? Directions only: it measured other tasks.

Source: DeepSeek-R1 (arXiv 2501.12948v2), tables 3, 8 and 12; `minir1/reporting/findings.py`
has what the paper says of every other figure.
"""

from itertools import pairwise
from typing import NamedTuple

from publishing import lay_out

from minir1.reporting.findings import EXPECTATIONS, Expectation
from minir1.reporting.formats import MINUS
from r1_page.rows import (
    EVERYDAY,
    FOLLOWING,
    PASS,
    PREFERENCE,
    REASONING,
    Row,
)
from r1_page.rules import Change, compare
from r1_page.runs import Runs

STAGES = ("r1-zero", "dev1", "dev2", "dev3", "r1")
LEVEL = 2.0  # points: the paper gives no intervals; changes up to this are called level
AGREES, OPEN, OTHER_WAY = "agrees", "undecided here", "the other way"
LEVEL_THERE = {0: "no sure change here, level there", 1: "higher here, level there"}
LEVEL_THERE[-1] = "lower here, level there"


class Published(NamedTuple):
    """A row of the paper's table, and the figure here that stands for it."""

    title: str
    row: Row
    figures: tuple[float, ...]  # per cent, in the order of STAGES


PUBLISHED = (
    Published("AIME 2024", PASS, (77.9, 59.0, 74.0, 78.1, 79.8)),
    Published("IF-Eval", FOLLOWING, (46.6, 71.7, 72.0, 78.1, 83.3)),
    Published("AlpacaEval 2", PREFERENCE, (24.7, 50.1, 55.8, 62.1, 87.6)),
)
# What would go another way than a rise, a fall, and what the paper found kept or better.
NOT_AS_THERE = {1: (-1,), -1: (1,), 0: (-1,)}
ROWS = {row.name: row for row in (*REASONING, *EVERYDAY)}


def verdict(there: int, here: Change | None) -> str:
    """Compare a direction of the paper (1, 0 for level, -1) with a measured change."""
    if here is None:
        return "not measured"
    if there == 0:
        return LEVEL_THERE[here.direction]
    return {there: AGREES, 0: OPEN}.get(here.direction, OTHER_WAY)


def published_direction(before: float, after: float) -> int:
    """Say how the paper's figure moved: 1, -1, or 0 for up to LEVEL points."""
    return 0 if abs(after - before) <= LEVEL else 1 if after > before else -1


def mini_table(runs: Runs) -> str:
    """Lay out the paper's rows and ours, one above the other."""
    rows = []
    for published in PUBLISHED:
        rows.append([f"{published.title}, paper", *map(str, published.figures)])
        row = published.row
        here = [row.mean(runs.estimate(row, stage)) for stage in STAGES]
        rows.append([f"{row.title}, here", *here])
    return lay_out(["%", *STAGES], rows)


def sentences(runs: Runs) -> str:
    """Say of every row at which steps its direction agrees with the paper's."""
    return "\n".join(_sentence(runs, published) for published in PUBLISHED)


def _sentence(runs: Runs, published: Published) -> str:
    row, parts, verdicts = published.row, [], []
    moves = zip(pairwise(STAGES), pairwise(published.figures), strict=True)
    for (before, after), (first, then) in moves:
        change = compare(runs.estimate(row, before), runs.estimate(row, after))
        verdicts.append(verdict(published_direction(first, then), change))
        there = f"{then - first:+.1f}".replace("-", MINUS)
        parts.append(f"{before} → {after} {verdicts[-1]} ({row.change(change)}, {there} there)")
    moved = [v for v in verdicts if v in (AGREES, OPEN, OTHER_WAY)]
    agree = (
        f"{len(moved)} changes there; here {moved.count(AGREES)} agree, "
        f"{moved.count(OTHER_WAY)} the other way, {moved.count(OPEN)} undecided"
    )
    return f"* **{published.title} and {row.title}**: {agree}. {'; '.join(parts)}."


def differences(runs: Runs) -> tuple[list[str], list[str]]:
    """List what surely went another way than in the paper, and what stayed undecided."""
    other, undecided = [], []
    for expected in EXPECTATIONS:
        row = ROWS.get(expected.measure)
        if row is None or expected.expected is None:
            continue
        before, after = (runs.estimate(row, n) for n in (expected.before, expected.after))
        change = compare(before, after)
        if change is None:
            continue
        line = f"* {_told(expected, row, change)}"
        if change.direction == 0 and expected.expected != 0:
            undecided.append(line)
        elif change.direction in NOT_AS_THERE[expected.expected]:
            other.append(line)
    return other, undecided


def _told(expected: Expectation, row: Row, change: Change) -> str:
    return (
        f"{expected.before} → {expected.after}, {row.title}: {change.word}, by "
        f"{row.change(change)}{row.unit}. Paper: {expected.paper}."
    )


def lists(runs: Runs) -> dict[str, str]:
    """Write both lists for the page."""
    other, undecided = differences(runs)
    nothing = "* Nothing, by the rule of this page."
    return {
        "other_way": "\n".join(other) or nothing,
        "undecided": "\n".join(undecided) or nothing,
    }
