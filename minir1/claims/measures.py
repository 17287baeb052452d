"""What does one arm of an experiment say, seed by seed?

An arm is the same job at every seed; its results are those of `standard.py`. Here they become
figures: of a checkpoint, of what changed between two checkpoints of a run, or between arms.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minir1.claims.claim import Chart, Figure, Finding, Line, Results, Table, Verdict
from minir1.claims.figures import above, curve, difference, number, over_seeds, text
from minir1.claims.job import Job

MARGIN = 0.05  # what "keeps" allows: the paper's R1 is 4.3 points below R1-Zero on GPQA
ACCURACY, LENGTH = "pass_at_1/value", "completion_tokens"


@dataclass(frozen=True)
class Arm:
    """The results of one job a seed."""

    label: str
    runs: Sequence[Mapping[str, Any]]

    def values(self, checkpoint: str, path: str) -> list[float]:
        """Read a figure of a checkpoint at every seed: "pass_at_1/value" is one inside."""
        return [float(read(run["checkpoints"][checkpoint], path)) for run in self.runs]

    def figure(self, what: str, checkpoint: str, path: str, unit: str = "") -> Figure:
        """Sum up a figure of a checkpoint."""
        return over_seeds(what, self.values(checkpoint, path), unit)

    def gain(self, what: str, path: str, after: str, before: str, unit: str = "") -> Figure:
        """Sum up by how much a figure rose from one checkpoint to another, run by run."""
        return difference(what, self.values(after, path), self.values(before, path), unit)

    def ratio(self, what: str, path: str, after: str, before: str) -> Figure:
        """Sum up how many times a figure of one checkpoint is that of another, run by run."""
        pairs = zip(self.values(after, path), self.values(before, path), strict=True)
        return over_seeds(what, [a / b for a, b in pairs], "×")

    def curve(self, stage: str, name: str) -> Line:
        """Draw a figure of training over the steps of a stage."""
        return curve(
            self.label,
            [
                {r["step"]: r[name] for r in run["curves"][stage] if name in r}
                for run in self.runs
            ],
        )

    def first(self, count: int) -> "Arm":
        """Keep the first seeds: an arm that others with fewer seeds are compared with."""
        return Arm(self.label, self.runs[:count])


def arm(label: str, results: Results, jobs: Sequence[Job]) -> Arm:
    """Collect the results of an arm's jobs."""
    return Arm(label, [results[job.name] for job in jobs])


def read(entry: Mapping[str, Any], path: str) -> Any:
    """Follow a path of keys: read({"a": {"b": 1}}, "a/b") is 1."""
    found: Any = entry
    for key in path.split("/"):
        found = found[key]
    return found


def apart(
    what: str, ours: Arm, theirs: Arm, checkpoint: str, path: str, unit: str = ""
) -> Figure:
    """Sum up by how much an arm's checkpoint passes another arm's, over the seeds of both."""
    shared = min(len(ours.runs), len(theirs.runs))
    mine, other = (side.first(shared).values(checkpoint, path) for side in (ours, theirs))
    return difference(what, mine, other, unit)


def kept(change: Figure) -> bool:
    """Say whether a share surely lost less than MARGIN."""
    return above(change, -MARGIN)


def table_of(
    title: str, figures: Mapping[str, Sequence[Figure]], heads: Sequence[str]
) -> Table:
    """Lay out figures, a row of them under each name."""
    rows = [(name, *map(text, row)) for name, row in figures.items()]
    return Table(title, ("", *heads), tuple(rows))


def chart(name: str, title: str, x_label: str, y_label: str, lines: Sequence[Line]) -> Chart:
    """Draw lines that have points; what the chart tells is read off them."""
    drawn = tuple(line for line in lines if line.points)
    return Chart(name, title, f"From left to right: {ends(drawn)}.", x_label, y_label, drawn)


def ends(lines: Sequence[Line]) -> str:
    """Say where every line begins and ends."""
    return "; ".join(
        f"{line.label} {number(line.points[0][1])} to {number(line.points[-1][1])}"
        for line in lines
    )


def over_places(label: str, places: Sequence[float], found: Sequence[Figure]) -> Line:
    """Draw figures at places of their own, with the band of their intervals."""
    points = [(x, figure.value) for x, figure in zip(places, found, strict=True)]
    band = [(x, figure.low, figure.high) for x, figure in zip(places, found, strict=True)]
    return Line(label, points, band if found and found[0].seeds > 1 else None)


def finding(
    decided: tuple[Verdict, str],
    summary: str,
    figures: Mapping[str, Figure],
    controls: Mapping[str, Figure],
    seeds: int,
    tables: tuple[Table, ...] = (),
    charts: tuple[Chart, ...] = (),
) -> Finding:
    """Put a finding together; one seed is warned of."""
    verdict, condition = decided
    every = tuple(figures.values()), tuple(controls.values())
    return Finding(verdict, condition, summary + caution(seeds), *every, tables, charts)


def caution(seeds: int) -> str:
    """Warn where no verdict can be had: intervals need two seeds."""
    return " One seed has no interval, so nothing here is sure." if seeds < 2 else ""


def over_ks(label: str, asked: Arm, name: str) -> Line:
    """Draw what k tries come to, on the average of the problems."""
    rows = [
        {float(k): sum(values) / len(values) for k, values in run[name].items()}
        for run in asked.runs
    ]
    return curve(label, rows)
