"""Does it think longer where it is harder, and what do more tries buy?

Length and accuracy by the difficulty that the world gives a problem, and pass@k: the
share of problems solved at least once in k tries (Chen et al., 2021).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minir1.reporting import cast
from minir1.reporting.axes import list_axis, value_axis
from minir1.reporting.charts import Line, line_chart
from minir1.reporting.formats import percent, plain
from minir1.reporting.html import Markup, section, tag
from minir1.reporting.rundata import RunData, by_difficulty, value_of

SIZE = (430.0, 250.0)
Checkpoints = Mapping[str, Mapping[str, Any]]


def thinking_by_difficulty(run: RunData) -> Markup | None:
    """Draw length and accuracy against difficulty, for the models and for the students."""
    charts = _charts(
        run, "completion_tokens_by_difficulty", "length, tokens", "difficulty", False
    )
    if not charts:
        return None
    charts += _charts(run, "accuracy_by_difficulty", "problems solved", "difficulty", True)
    lead = (
        "Difficulty is a matter of the world, not of the model: 1 is a problem with four or "
        "more ways to the target, 4 one with a single way. A model that only writes more "
        "writes more everywhere; a model that thinks as long as it must has a line that climbs."
    )
    measured = [
        f"{cast.title(name)} {plain(value)}"
        for name, figures in run.checkpoints.items()
        if (value := value_of(figures, "length_difficulty_correlation")) is not None
    ]
    note = (
        tag(
            "p",
            f"Rank correlation of length with difficulty: {', '.join(measured)}.",
            class_="caption",
        )
        if measured
        else None
    )
    tables = [
        numbers(run.checkpoints, "completion_tokens_by_difficulty", "difficulty", plain),
        numbers(run.checkpoints, "accuracy_by_difficulty", "difficulty", percent),
    ]
    body = tag("div", charts, class_="charts wide")
    return section(
        "difficulty", "Longer where it is harder?", lead, body, note, _folded(tables)
    )


def more_tries(run: RunData) -> Markup | None:
    """Draw pass@k against k."""
    charts = _charts(run, "pass_at_k", "solved at least once", "tries k", True, log=True)
    if not charts:
        return None
    lead = (
        "If a model only became surer of what it could do before, its base catches up when "
        "both may try often: the lines meet at the right. Where a trained model stays above, "
        "it solves problems that the base does not find in as many tries. "
        f"{_at_most_tries(run)}"
    )
    body = tag("div", charts, class_="charts wide")
    tables = [numbers(run.checkpoints, "pass_at_k", "k", percent)]
    return section("tries", "What more tries buy", lead, body, _folded(tables))


def _at_most_tries(run: RunData) -> str:
    """Say what the largest k shows for base and R1-Zero."""
    ends = {
        name: points[-1]
        for name in ("base", "r1-zero")
        if (points := by_difficulty(run.checkpoints.get(name, {}), "pass_at_k"))
    }
    if len(ends) < 2 or ends["base"][0] != ends["r1-zero"][0]:
        return ""
    k, base = ends["base"]
    return (
        f"Here, in {k:.0f} tries, the base solves {percent(base)} and R1-Zero "
        f"{percent(ends['r1-zero'][1])}."
    )


def _charts(
    run: RunData, figure: str, title: str, x_label: str, share: bool, log: bool = False
) -> list[Markup]:
    """Draw a chart for the models and one for the students, on one scale."""
    every = {n: by_difficulty(f, figure) for n, f in run.checkpoints.items()}
    every = {name: points for name, points in every.items() if points}
    values = [y for points in every.values() for _, y in points]
    drawn = []
    for small, size in ((False, ""), (True, ", students")):
        chosen = {n: p for n, p in every.items() if cast.is_small(n) == small}
        xs = [x for points in chosen.values() for x, _ in points]
        if len(set(xs)) < 2:
            continue
        lines = [
            Line(cast.title(name), points, cast.look(name), shape=i)
            for i, (name, points) in enumerate(chosen.items())
        ]
        write = percent if share else plain
        said = "; ".join(
            f"{n}: {write(p[0][1])} to {write(p[-1][1])}" for n, p in chosen.items()
        )
        axes = list_axis(xs, log), value_axis(values, share)
        heading = f"{title}{size}"
        chart = line_chart(lines, *axes, f"{heading} by {x_label}. {said}", x_label, SIZE)
        drawn.append(tag("figure", tag("figcaption", tag("b", heading)), chart))
    return drawn


def numbers(
    checkpoints: Checkpoints, figure: str, level: str, write: Callable[[float], str]
) -> Markup:
    """Lay out the numbers behind a chart."""
    found = {name: dict(by_difficulty(f, figure)) for name, f in checkpoints.items()}
    levels = sorted({x for points in found.values() for x in points})
    head = [tag("th", f"{level} {x:.0f}", scope="col") for x in levels]
    rows = [
        tag(
            "tr",
            tag("th", cast.title(name), scope="row"),
            [tag("td", write(points[x]) if x in points else "–") for x in levels],
        )
        for name, points in found.items()
        if points
    ]
    caption = tag("caption", figure.replace("_", " "))
    return tag("table", caption, tag("thead", tag("tr", tag("td"), head)), tag("tbody", rows))


def _folded(tables: Sequence[Markup]) -> Markup:
    boxes = [tag("div", table, class_="scroll") for table in tables]
    return tag("details", tag("summary", "The numbers"), boxes, class_="numbers")
