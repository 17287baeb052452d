"""Where does a value stand on a chart, and which values deserve a tick?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from minir1.reporting.formats import THIN, plain


@dataclass(frozen=True)
class Axis:
    """A scale from low to high; `log` steps by factors, `percent` writes shares."""

    low: float
    high: float
    ticks: tuple[float, ...]
    log: bool = False
    percent: bool = False

    def share(self, value: float) -> float:
        """Return how far along the axis a value stands: 0 at low, 1 at high, never outside."""
        if self.log:
            low, high, value = (
                math.log(v) for v in (self.low, self.high, max(value, self.low))
            )
        else:
            low, high = self.low, self.high
        return min(max((value - low) / (high - low), 0.0), 1.0) if high > low else 0.5

    def write(self, value: float) -> str:
        """Write a tick."""
        if self.percent:
            return f"{100 * value:.{0 if self.high - self.low >= 0.04 else 1}f}{THIN}%"
        if value == int(value) and abs(value) < 1e5:
            return str(int(value)).replace("-", "−")
        return plain(value)


def value_axis(values: Sequence[float], percent: bool = False) -> Axis:
    """Make an axis that holds the values, from 0 unless some are negative.

    A share that comes near 1 goes to 1 and not beyond.
    """
    low, high = min([*values, 0.0]), max([*values, 0.0])
    if percent and low >= 0 and 0.5 < high <= 1:
        return Axis(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0), percent=True)
    step = tick_step(high - low)
    first, last = math.floor(low / step), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    ticks = tuple(i * step for i in range(first, last + 1))
    return Axis(ticks[0], ticks[-1], ticks, percent=percent)


def tick_step(span: float, most: int = 5) -> float:
    """Return the smallest of 1, 2, 5, 10, … that parts a span into at most `most` steps."""
    if not 1e-12 < span < 1e300:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(span / most))
    return next(unit * m for m in (1, 2, 5, 10, 20) if span / (unit * m) <= most)


def step_axis(last: float) -> Axis:
    """Make the axis of training steps, from 0 to the last."""
    step = max(tick_step(last), 1.0)
    ticks = tuple(i * step for i in range(int(last / step) + 1))
    return Axis(0.0, max(last, 1.0), ticks)


def list_axis(values: Sequence[float], log: bool = False) -> Axis:
    """Make an axis whose ticks are the values themselves."""
    ticks = tuple(sorted(set(values)))
    return Axis(ticks[0], ticks[-1], ticks, log=log)
