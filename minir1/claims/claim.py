"""What is a claim, and what comes of testing it? A sentence, its jobs, a judge, a finding."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from minir1.claims.job import Job

Results = Mapping[str, Mapping[str, Any]]  # the result of every job, by its name
Verdict = Literal["holds", "holds if", "does not hold here"]
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Figure:
    """A mean over seeds with its 95 % interval; one seed has no interval: NaN."""

    what: str
    value: float
    low: float
    high: float
    seeds: int
    unit: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of text under a header."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Line:
    """A series of a chart, and the band that its seeds leave: (x, low, high)."""

    label: str
    points: Points
    band: Sequence[tuple[float, float, float]] | None = None


@dataclass(frozen=True)
class Chart:
    """A drawing; `told` is a sentence for who cannot see it."""

    name: str
    title: str
    told: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Finding:
    """What an experiment found: a verdict, the figures it rests on, and the control's."""

    verdict: Verdict
    condition: str  # of "holds if", one clause; else ""
    summary: str
    figures: tuple[Figure, ...]
    controls: tuple[Figure, ...]
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()


@dataclass(frozen=True)
class Claim:
    """A sentence about R1, and how it is tested.

    jobs: number of seeds -> all jobs; judge: their results and the number of seeds -> finding
    """

    id: str
    letter: str  # of the claim; "" for a study beside the claims
    sentence: str
    source: str
    experiment: str
    jobs: Callable[[int], Sequence[Job]]
    judge: Callable[[Results, int], Finding]
