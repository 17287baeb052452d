"""What do the scripts that publish results share? Seeds, reading, spreads, pages, one look."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

SEEDS = [f"seed{i}" for i in range(5)]
BLUE, ORANGE, GREEN, PINK, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#999999"


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read a file with one JSON object a line."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def read_object(path: Path) -> dict[str, Any]:
    """Read a file with one JSON object."""
    return json.loads(path.read_text(encoding="utf-8"))


def spread(values: Sequence[float]) -> str:
    """Write a mean with its smallest and largest value."""
    digits = 1 if abs(np.mean(values)) >= 10 else 3 if abs(np.mean(values)) < 1 else 2
    return spread_to(values, digits)


def spread_to(values: Sequence[float], digits: int) -> str:
    """Write a mean with its smallest and largest value, to so many digits."""
    if len(values) == 1 or max(values) - min(values) < 10**-digits / 2:
        return f"{np.mean(values):.{digits}f}"
    low, high = min(values), max(values)
    return f"{np.mean(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def lay_out(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out a table of a page."""
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def fill(template: Path, parts: Mapping[str, str]) -> str:
    """Put the generated parts into a page, each at its {{name}}.

    Raises: KeyError for a part that the page has no place for.
    """
    page = template.read_text(encoding="utf-8")
    for name, text in parts.items():
        if "{{" + name + "}}" not in page:
            raise KeyError(f"{template.name} has no place for {name}")
        page = page.replace("{{" + name + "}}", text)
    return page


def pyplot() -> Any:
    """Return matplotlib, set so that all figures look alike and come out byte for byte."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot as plt

    plt.rcParams.update({"svg.hashsalt": "minir1", "font.size": 9, "axes.grid": True})
    plt.rcParams.update({"grid.alpha": 0.25, "axes.spines.top": False})
    plt.rcParams["axes.spines.right"] = False
    return plt


def save(figure: Any, path: Path) -> None:
    """Write a figure without the date, so that the same numbers make the same file."""
    figure.savefig(path, metadata={"Date": None})
