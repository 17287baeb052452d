"""How does a list of numbers become a picture made of characters?

Pure functions from numbers to strings: a short number, a duration, a one-line sparkline, a
plot in braille dots. Colour and layout are left to `panels`. A value that is missing (None)
or not finite leaves a gap; it never raises.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from numbers import Integral, Real
from typing import TypeGuard

BLOCKS = "▁▂▃▄▅▆▇█"
MARKERS = "●◆■▲"  # the points of the second, third, ... series of a plot
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # braille bits, [x % 2][y % 4]

Values = Sequence[float | None]


def is_number(value: object) -> TypeGuard[float]:
    """Say whether a value can be drawn: a finite number, and not a truth value."""
    if isinstance(value, float):  # the usual case, and a quick one
        return math.isfinite(value)
    return isinstance(value, Real) and not isinstance(value, bool) and _is_finite(value)


def figure_value(figure: object) -> float | None:
    """Return the number of a figure, which is the "value" of one that has an interval."""
    value = figure.get("value") if isinstance(figure, Mapping) else figure
    return float(value) if is_number(value) else None


def number(value: object) -> str:
    """Write a number in at most seven characters, about three of them significant.

    A missing value is a dash; nan and inf keep their names, because they are news.
    """
    if not isinstance(value, Real):
        return "–"
    if not _is_finite(value):
        return "inf" if value == value else "nan"
    whole, value = isinstance(value, Integral), float(value)
    size = abs(value)
    if size >= 1e12:
        return f"{value:.0e}"
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= unit:
            scaled = value / (1e3 if letter == "k" else unit)
            return f"{scaled:.1f}{letter}" if abs(scaled) < 100 else f"{scaled:.3g}{letter}"
    if whole or size >= 100:
        return f"{value:.0f}"
    if size >= 10:
        return f"{value:.1f}"
    if size >= 1:
        return f"{value:.2f}"
    if size >= 0.001:
        return f"{value:.3f}"
    return f"{value:.0e}" if size else "0"


def clock(seconds: float) -> str:
    """Write a duration as 0:07, 12:34 or 1:02:03."""
    minutes, second = divmod(round(max(seconds, 0.0)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def sparkline(values: Iterable[float | None], width: int) -> str:
    """Draw numbers as a row of small bars, at most `width` characters long.

    The lowest value is the lowest bar, the highest the full one; a constant series lies in
    the middle, a missing value is a space. More values than characters are averaged in bins.
    """
    bins = _bins([value if is_number(value) else None for value in values], width)
    present = [value for value in bins if value is not None]
    if not present:
        return " " * len(bins)
    low, high = min(present), max(present)
    top = len(BLOCKS) - 1
    return "".join(
        " " if value is None else BLOCKS[round(_share(value, low, high) * top)]
        for value in bins
    )


def braille_plot(
    series: Values | Mapping[str, Values], width: int, height: int, last: bool = True
) -> list[str]:
    """Plot one or more series in `height` rows of at most `width` cells, eight dots a cell.

    The first series is a line; the others are points, drawn with the characters of MARKERS.
    The axis carries the highest and the lowest value, and `last` writes the line's last value
    at its right end. All series share both axes and start at the same place; the longest one
    spans the width.
    """
    given = list(series.values()) if isinstance(series, Mapping) else [series]
    columns = [[v if is_number(v) else None for v in column] for column in given]
    present = [v for column in columns for v in column if v is not None]
    if height < 1 or width < 1:
        return []
    if not present:
        return ["no data yet"[:width], *[""] * (height - 1)]
    low, high = min(present), max(present)
    gutter = max(len(number(low)), len(number(high)))
    ends = [v for v in columns[0] if v is not None]
    tail = f" {number(ends[-1])}" if last and ends else ""
    cells = width - gutter - 1 - len(tail)
    if cells < 2:
        return [sparkline(columns[0], width), *[""] * (height - 1)]
    canvas = _draw(columns, low, high, cells, height)
    tail_row = _cell_row(ends[-1], low, high, height) if tail else -1
    labels = _labels(low, high, height)
    return [
        f"{labels.get(row, ''):>{gutter}}{'┤' if row in labels else '│'}{''.join(line)}"
        + (tail if row == tail_row else "")
        for row, line in enumerate(canvas)
    ]


def _is_finite(value: Real) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an int beyond the range of floats
        return False


def _share(value: float, low: float, high: float) -> float:
    """Where a value lies between low and high, in 0..1; the middle where there is no range."""
    if high <= low:
        return 0.5
    return (value / 2 - low / 2) / (high / 2 - low / 2)  # halves: the range may overflow


def _bins(values: list[float | None], width: int) -> list[float | None]:
    count = len(values)
    if count <= width:
        return values
    edges = [count * i // width for i in range(width + 1)] if width > 0 else []
    binned: list[float | None] = []
    for start, stop in pairwise(edges):
        present = [value for value in values[start:stop] if value is not None]
        binned.append(sum(value / len(present) for value in present) if present else None)
    return binned


def _labels(low: float, high: float, height: int) -> dict[int, str]:
    if low == high:
        return {_cell_row(low, low, high, height): number(low)}
    return {height - 1: number(low), 0: number(high)}  # one row: the highest wins


def _dot_row(value: float, low: float, high: float, height: int) -> int:
    return round((1 - _share(value, low, high)) * (4 * height - 1))


def _cell_row(value: float, low: float, high: float, height: int) -> int:
    return _dot_row(value, low, high, height) // 4


def _draw(
    columns: list[list[float | None]], low: float, high: float, cells: int, height: int
) -> list[list[str]]:
    """The plot's cells, without axis: the first column as a line, the others as markers."""
    longest = max(len(column) for column in columns)
    scale = (2 * cells - 1) / max(longest - 1, 1)
    placed = [
        [
            None if v is None else (round(i * scale), _dot_row(v, low, high, height))
            for i, v in enumerate(column)
        ]
        for column in columns
    ]
    bits = [[0] * cells for _ in range(height)]
    for before, point in pairwise([None, *placed[0]]):
        for x, y in _segment(before or point, point):
            bits[y // 4][x // 2] |= _DOTS[x % 2][y % 4]
    canvas = [[chr(0x2800 + b) if b else " " for b in line] for line in bits]
    for index, points in enumerate(placed[1:]):
        for point in points:
            if point is not None:
                canvas[point[1] // 4][point[0] // 2] = MARKERS[index % len(MARKERS)]
    return canvas


def _segment(
    start: tuple[int, int] | None, stop: tuple[int, int] | None
) -> list[tuple[int, int]]:
    """The dots of a straight line, both ends included; nothing if an end is missing."""
    if start is None or stop is None:
        return []
    (x0, y0), (x1, y1) = start, stop
    steps = max(abs(x1 - x0), abs(y1 - y0), 1)
    return [
        (round(x0 + (x1 - x0) * i / steps), round(y0 + (y1 - y0) * i / steps))
        for i in range(steps + 1)
    ]
