"""How did every stage go, step by step?

One row of charts a stage, the same figure on the same scale in all of them.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from minir1.reporting import cast
from minir1.reporting.axes import Axis, step_axis, value_axis
from minir1.reporting.charts import Line as Series
from minir1.reporting.charts import line_chart, thin
from minir1.reporting.formats import percent, plain
from minir1.reporting.html import Markup, section, tag
from minir1.reporting.rundata import Line, RunData, curve


class Panel(NamedTuple):
    """A chart of one or two metrics: (name in metrics.jsonl, label, class)."""

    title: str
    curves: tuple[tuple[str, str, str], ...]
    share: bool = False


PANELS = (
    Panel(
        "problems solved",
        (("accuracy", "train", "of-plain"), ("validation_accuracy", "validation", "of-check")),
        True,
    ),
    Panel("reward", (("reward", "", "of-plain"),)),
    Panel("length, tokens", (("completion_tokens", "", "of-plain"),)),
    Panel("reflective words an answer", (("reflections", "", "of-plain"),)),
    Panel(
        "languages",
        (
            ("language_consistency", "consistent", "of-plain"),
            ("mixed_language_rate", "mixed", "of-other"),
        ),
        True,
    ),
    Panel("entropy a token, nats", (("entropy", "", "of-plain"),)),
    Panel(
        "preferences",
        (
            ("preference_reward", "reward model", "of-plain"),
            ("gold_utility", "true utility", "of-other"),
        ),
    ),
    Panel("good everyday answers", (("general_good", "", "of-plain"),), True),
    Panel("loss", (("loss", "", "of-plain"),)),
    Panel("pairs ordered right", (("pair_accuracy", "", "of-plain"),), True),
)
SIGNS_OF_RL = ("reward", "accuracy")


def training_curves(run: RunData) -> Markup | None:
    """Draw all curves of all stages."""
    stages = run.stages
    if not stages:
        return None
    axes = {panel.title: _common_axis(panel, stages) for panel in PANELS}
    learned = [_stage(name, lines, axes) for name, lines in stages.items() if _is_rl(lines)]
    tuned = [
        chart
        for name, lines in stages.items()
        if not _is_rl(lines)
        for panel in PANELS
        if (chart := _chart(panel, lines, axes[panel.title], cast.title(name))) is not None
    ]
    lead = (
        "Read a row for a stage, and compare rows: a figure has one scale in all of them. "
        "Marks are measured on validation problems, which nothing is trained on. Where the "
        "length grows while more is solved, thinking pays; where the entropy falls to nothing, "
        "there is nothing left to choose from, and learning stops."
    )
    more = (
        tag("div", tag("h3", "Fine-tuning"), tag("div", tuned, class_="charts"), class_="stage")
        if tuned
        else None
    )
    return section("curves", "How each stage went", lead, learned, more)


def _is_rl(lines: Sequence[Line]) -> bool:
    return any(name in line for line in lines[:1] for name in SIGNS_OF_RL)


def _stage(name: str, lines: list[Line], axes: Mapping[str, Axis]) -> Markup:
    charts = [_chart(panel, lines, axes[panel.title]) for panel in PANELS]
    return tag(
        "div",
        tag("h3", cast.title(name)),
        tag("div", charts, class_="charts"),
        class_=f"stage {cast.look(name)}",
    )


def _common_axis(panel: Panel, stages: Mapping[str, list[Line]]) -> Axis:
    values = [
        value
        for lines in stages.values()
        for name, _, _ in panel.curves
        for _, value in thin(curve(lines, name))
    ]
    return value_axis(values, panel.share)


def _chart(panel: Panel, lines: list[Line], axis: Axis, title: str = "") -> Markup | None:
    """Draw a panel of one stage, or nothing where the stage has no such metric."""
    found = {name: curve(lines, name) for name, _, _ in panel.curves}
    if not any(found.values()):
        return None
    last = max(points[-1][0] for points in found.values() if points)
    seldom = len(min(found.values(), key=len)) * 2 < len(max(found.values(), key=len))
    series = []
    for name, label, look in panel.curves:
        few = seldom and len(found[name]) == len(min(found.values(), key=len))
        series.append(Series(label, thin(found[name]), look, 0 if few else None, not few))
    heading = f"{title}: {panel.title}" if title else panel.title
    said = "; ".join(
        f"{label or panel.title} {_ends(found[name], panel.share)}"
        for name, label, _ in panel.curves
        if found[name]
    )
    chart = line_chart(series, step_axis(last), axis, f"{heading} by step: {said}")
    note = _ends(found[panel.curves[0][0]], panel.share)
    return tag("figure", tag("figcaption", tag("b", heading), tag("span", note)), chart)


def _ends(points: Sequence[tuple[float, float]], share: bool) -> str:
    """Write where a curve begins and ends."""
    if not points:
        return ""
    write = percent if share else plain
    return f"{write(points[0][1])} → {write(points[-1][1])}"
