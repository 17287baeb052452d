"""How is a figure read, whatever it turns out to be, and how is it written for a reader?"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

THIN = "\u202f"  # a narrow space that does not break: 87.3 %
MINUS = "\u2212"


class Figure(NamedTuple):
    """A measured value; low and high are None where no interval was measured."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def sure(self) -> bool:
        """Say whether there is an interval."""
        return self.low is not None and self.high is not None


def mapping(value: object) -> Mapping[str, Any]:
    """Return an object, or an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def listing(value: object) -> list[Any]:
    """Return a list, or an empty one for anything else."""
    return value if isinstance(value, list) else []


def number(value: object) -> float | None:
    """Return a finite number as a float, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if abs(value) < 1e300 and math.isfinite(value) else None


def figure(value: object) -> Figure | None:
    """Read a figure: a bare number, or an object with value, low and high."""
    if not isinstance(value, Mapping):
        bare = number(value)
        return None if bare is None else Figure(bare)
    middle, low, high = (number(value.get(name)) for name in ("value", "low", "high"))
    if middle is None:
        return None
    return Figure(middle) if low is None or high is None else Figure(middle, low, high)


def percent(value: float) -> str:
    """Write a share: 0.8734 is 87.3 %."""
    return f"{100 * value:.1f}{THIN}%".replace("-", MINUS)


def plain(value: float) -> str:
    """Write a number with about three digits that count."""
    size = abs(value)
    if size >= 1e6:
        return power(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2
    return f"{value:,.{digits}f}".replace(",", THIN).replace("-", MINUS)


def power(value: float) -> str:
    """Write a large number as a product: 2.1 × 10¹³."""
    digits, _, exponent = f"{value:.1e}".partition("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{digits}{THIN}×{THIN}10{raised}"


def signed(value: float) -> str:
    """Write a number with two decimals and its sign, zero without."""
    return "0.00" if abs(value) < 0.005 else f"{value:+.2f}".replace("-", MINUS)


def duration(seconds: float) -> str:
    """Write a time in words: 42 s, 3 min 07 s, 1 h 02 min."""
    whole = round(max(seconds, 0.0))
    if whole < 60:
        return f"{whole}{THIN}s"
    minutes, second = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}{THIN}min {second:02}{THIN}s"
    return f"{minutes // 60}{THIN}h {minutes % 60:02}{THIN}min"


def count(number_of: int, thing: str) -> str:
    """Write how many there are: 1 word, 2 words."""
    return f"{number_of:,}".replace(",", THIN) + f" {thing}{'' if number_of == 1 else 's'}"
