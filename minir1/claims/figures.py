"""How does a handful of seeds become one figure, and a curve with a band?

The interval is Student's t over seeds, paired where two arms share their seeds:

    mean ± t(0.975, n-1) · s / sqrt(n)

It speaks of other seeds of training on the same test problems, not of other problems.
"""

from collections.abc import Mapping, Sequence
from math import isnan, nan, sqrt

import numpy as np

from minir1.claims.claim import Figure, Line

# Two-sided 95 % points of Student's t, by degrees of freedom.
STUDENT_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
NORMAL = 1.96


def over_seeds(what: str, values: Sequence[float], unit: str = "") -> Figure:
    """Sum up one value a seed."""
    mean, n = float(np.mean(values)), len(values)
    if n < 2:
        return Figure(what, mean, nan, nan, n, unit)
    t = STUDENT_T[n - 2] if n - 2 < len(STUDENT_T) else NORMAL
    half = t * float(np.std(values, ddof=1)) / sqrt(n)
    return Figure(what, mean, mean - half, mean + half, n, unit)


def difference(
    what: str, ours: Sequence[float], theirs: Sequence[float], unit: str = ""
) -> Figure:
    """Sum up by how much one arm passes another, seed by seed.

    Raises: ValueError for unequal numbers of seeds.
    """
    pairs = zip(ours, theirs, strict=True)
    return over_seeds(what, [a - b for a, b in pairs], unit)


def above(figure: Figure, mark: float = 0.0) -> bool:
    """Say whether the whole interval lies above a mark; never of a single seed."""
    return figure.low > mark


def below(figure: Figure, mark: float = 0.0) -> bool:
    """Say whether the whole interval lies below a mark; never of a single seed."""
    return figure.high < mark


def text(figure: Figure) -> str:
    """Write a figure with its interval: "0.87 (0.86 to 0.88)", "22.2 (19.2 to 25.1) tokens"."""
    value = number(figure.value, figure.unit)
    if isnan(figure.low):
        return value
    scale, unit = (100, "") if figure.unit == "%" else (1, f" {figure.unit}".rstrip())
    low, high = (_digits(scale * end, figure.unit) for end in (figure.low, figure.high))
    return f"{value.removesuffix(unit)} ({low} to {high}){unit}"


def number(value: float, unit: str = "") -> str:
    """Write a number to three figures, a share as per cent where the unit is "%"."""
    if isnan(value):
        return "unknown"
    if unit == "%":
        return f"{_digits(100 * value, unit)} %"
    return f"{_digits(value, unit)}{f' {unit}' if unit else ''}"


def _digits(value: float, unit: str) -> str:
    size = abs(value)
    digits = (
        1 if unit == "%" else 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    )
    return f"{value:.{digits}f}"


def curve(label: str, by_seed: Sequence[Mapping[float, float]]) -> Line:
    """Lay the seeds of an arm over each other: the mean with its interval at every x.

    Only where all seeds have a value.
    """
    shared = sorted(set.intersection(*(set(seed) for seed in by_seed))) if by_seed else []
    points, band = [], []
    for x in shared:
        figure = over_seeds(label, [seed[x] for seed in by_seed])
        points.append((x, figure.value))
        band.append((x, figure.low, figure.high))
    return Line(label, points, band if len(by_seed) > 1 else None)
