"""How good is every checkpoint, at everything that was measured? The paper's table in small."""

from collections.abc import Mapping, Sequence
from typing import Any

from minir1.reporting import cast
from minir1.reporting.formats import MINUS, Figure
from minir1.reporting.html import Markup, section, tag
from minir1.reporting.measures import GROUPS, Measure, kind_measures, surely_apart
from minir1.reporting.rundata import RunData


def stage_table(run: RunData) -> Markup | None:
    """Lay out every figure of every measured checkpoint, with intervals."""
    checkpoints = run.checkpoints
    if not checkpoints:
        return None
    groups = dict(GROUPS)
    first, *others = groups["Everyday prompts"]
    groups["Everyday prompts"] = (first, *kind_measures(checkpoints), *others)
    bodies = [_body(heading, rows, checkpoints) for heading, rows in groups.items()]
    names = list(checkpoints)
    first_small = next((n for n in names if cast.is_small(n)), None)
    head = tag(
        "thead",
        tag(
            "tr",
            tag("td"),
            [
                tag("th", cast.title(n), scope="col", class_=_column(n, first_small))
                for n in names
            ],
        ),
    )
    lead = (
        "Small figures are 95\u202f% intervals over problems, and the line under a figure "
        "draws its interval between 0 and 100\u202f%. Bold: the best of its row among models "
        "of one size, or not surely worse than the best."
    )
    table = tag("table", head, bodies, class_="stages")
    box = tag(
        "div",
        table,
        class_="scroll",
        tabindex=0,
        role="region",
        aria_label="All figures of all checkpoints",
    )
    return section("table", "The figures", lead, box)


def _column(name: str, first_small: str | None) -> str:
    return f"{cast.look(name)}{' first-small' if name == first_small else ''}"


def _body(
    heading: str, rows: Sequence[Measure], checkpoints: Mapping[str, Mapping[str, Any]]
) -> Markup | None:
    """Write a group of rows, without those that nothing was measured for."""
    written = []
    for measure in rows:
        found = {name: measure.read(figures) for name, figures in checkpoints.items()}
        if any(value is not None for value in found.values()):
            written.append(_row(measure, found))
    if not written:
        return None
    title = tag("th", heading, scope="colgroup", colspan=len(checkpoints) + 1)
    return tag("tbody", tag("tr", title, class_="group"), written)


def _row(measure: Measure, found: Mapping[str, Figure | None]) -> Markup:
    names = list(found)
    first_small = next((n for n in names if cast.is_small(n)), None)
    best = best_of(measure, found, small=False) | best_of(measure, found, small=True)
    cells = [
        tag(
            "td",
            _cell(measure, value),
            class_=" ".join(
                ["best" if name in best else "", "first-small" if name == first_small else ""]
            ).strip()
            or None,
        )
        for name, value in found.items()
    ]
    return tag("tr", tag("th", measure.title, scope="row"), cells)


def best_of(measure: Measure, found: Mapping[str, Figure | None], small: bool) -> set[str]:
    """Name the best of a size, and all that are not surely apart from it.

    One alone is no best; nor is there a best where neither direction is good.
    """
    there = {
        name: value
        for name, value in found.items()
        if value is not None and cast.is_small(name) == small
    }
    if len(there) < 2 or not measure.better:
        return set()
    top = max(there.values(), key=lambda value: measure.better * value.value)
    return {n for n, value in there.items() if not surely_apart(value, top, measure.share)}


def _cell(measure: Measure, value: Figure | None) -> list[Markup]:
    if value is None:
        return [tag("span", "–", class_="none", title="not measured")]
    parts = [tag("span", measure.write(value.value), class_="n")]
    if value.low is not None and value.high is not None:
        scale = 100 if measure.share else 1
        low, high = (
            f"{scale * v:.{1 if measure.share else 2}f}" for v in (value.low, value.high)
        )
        parts.append(tag("small", f"{low} to {high}".replace("-", MINUS)))
        if measure.share:
            style = f"--low:{100 * value.low:.1f}%;--wide:{100 * (value.high - value.low):.1f}%"
            parts.append(tag("i", class_="interval", style=style, aria_hidden="true"))
    return parts
