"""What does a run look like on one screen?

Pure functions from a `View` of the run to lines of text of a given width and height. They
choose what to leave out on a small terminal; when to draw is decided in `minir1.ui`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from rich.text import Text

from minir1.screen.plots import (
    MARKERS,
    Values,
    braille_plot,
    clock,
    is_number,
    number,
    sparkline,
)
from minir1.screen.stages import stage_map
from minir1.screen.terminal import ROLE_CELLS, Sample, asked, clean, fit, segments, verdict

WIDEST = 160
LOWEST_WITH_PLOTS, NARROWEST_WITH_PLOTS = 20, 64
LOWEST_WITH_MAP = 8  # of a recipe's stages
PLOT_CELLS = 38  # a plot's least width
PLOT_ROWS = 5  # a plot's least height: title, three of curve, a blank line
SAMPLE_ROWS = 4  # a sample's least height: rule, prompt, thinking, answer; a summary is more
LABEL_CELLS = 22  # of a curve's name

# The curves in the order of their importance: 1 better when higher, -1 when lower, 0 neither.
CURVES = {
    "accuracy": 1,
    "loss": -1,
    "preference_reward": 1,
    "gold_utility": 1,
    "pair_accuracy": 1,
    "completion_tokens": 0,
    "general_good": 1,
    "reflections": 0,
    "mixed_language_rate": -1,
    "reward": 1,
    "language_consistency": 1,
    "format_rate": 1,
}
# What tells a sick run, most telling first, with a shorter word for a narrow terminal.
HEALTH = {
    "entropy": "entropy",
    "flat_groups": "flat",
    "truncated": "truncated",
    "clip_fraction": "clip",
    "grad_norm": "grad",
    "kl": "kl",
}
_TREND_STYLES = {1: "positive", -1: "negative", 0: "baseline"}
_CURVE_STYLES = {1: "positive", -1: "negative", 0: "curve"}


@dataclass(frozen=True)
class View:
    """What the dashboard knows at one moment.

    `history` holds the metrics of the steps, one mapping each; `done` counts the steps, as the
    history of a long run is thinned. Times are in seconds. Where nobody knows, `left` is None
    and `total` 0. In a recipe of many stages all of this is about `stage`, the one at work;
    `measured` has the figures of the checkpoints so far.
    """

    title: str
    done: int
    total: int
    history: Sequence[Mapping[str, object]]
    elapsed: float = 0.0
    left: float | None = None
    sample: Sample | None = None
    note: str = ""
    hint: str = ""
    stages: Sequence[str] = ()
    stage: str = ""
    measured: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


def frame(view: View, width: int, height: int) -> list[Text]:
    """Draw the run in at most `height` lines of `width` cells.

    On a small terminal the plots become sparklines, then the lines about speed and health go,
    then the sample, then curves from the last and the map of stages: header and progress
    remain longest.
    """
    width = max(min(width, WIDEST), 1)
    lines = [_header(view, width), *_map(view, width, height), _progress(view, width)]
    names = [name for name in CURVES if any(is_number(m.get(name)) for m in view.history)]
    foot = []
    if names and height >= 14:
        foot = [_speed(view.history[-1], width), _health(view.history[-1], width)]
    if view.note and height >= 16:
        foot.append(Text(f" · {clean(view.note)}", "baseline"))
    rows = height - len(lines) - len(foot)
    columns = 0
    if height >= LOWEST_WITH_PLOTS and width >= NARROWEST_WITH_PLOTS:
        columns = min(4, width // PLOT_CELLS)
    sparks = [_spark(name, view.history, width) for name in names[columns:]]
    if columns and view.sample:
        sparks = sparks[: max(rows - PLOT_ROWS - SAMPLE_ROWS - 1, 0)]
    rows -= len(sparks)
    if names[:columns]:
        plot_rows = max(PLOT_ROWS, min(rows // 2 if view.sample else rows, 16))
        lines += _plots(names[:columns], view.history, width, plot_rows)
        rows -= plot_rows
    lines += sparks + foot
    if not names:
        lines.append(Text(" waiting for the first step …", "baseline"))
        rows -= 1
    if view.sample is not None and rows >= SAMPLE_ROWS:
        lines += _sample(view.sample, view.done, width, rows)
    for line in lines:
        line.no_wrap = True
        line.truncate(width, overflow="ellipsis")
    return lines[: max(height, 0)]


def _header(view: View, width: int) -> Text:
    line = Text(" ")
    line.append("minir1", "title").append(f" · {clean(view.title)}")
    return _beside(line, Text(f"{view.hint} ", "baseline"), width)


def _map(view: View, width: int, height: int) -> list[Text]:
    """The map of stages, where there are several and the terminal is high enough."""
    most = 2 if height >= LOWEST_WITH_PLOTS else 1
    if not view.stages or height < LOWEST_WITH_MAP:
        return []
    return stage_map(view.stages, view.stage, _steps(view), view.measured, width, most)


def _progress(view: View, width: int) -> Text:
    """Name, bar, steps and clock; where nobody knows the end there is no bar."""
    line = Text(f" {clean(view.stage)}" if view.stage else "")
    facts = f"  step {_steps(view)}   {clock(view.elapsed)}"
    if view.left is not None and view.done < view.total:
        facts += f"   about {clock(view.left)} left"
    if view.total > 0:
        cells = max(width - len(facts) - line.cell_len - 2, 0)
        full = round(cells * min(view.done / view.total, 1.0))
        line.append(" ").append("▰" * full, "positive")
        line.append("▱" * (cells - full), "baseline")
    return line.append(facts)


def _steps(view: View) -> str:
    return f"{view.done}/{view.total}" if view.total > 0 else str(view.done)


def _beside(left: Text, right: Text, width: int) -> Text:
    """Put a text at each end of a line; the right one only if there is room for both."""
    space = width - left.cell_len - right.cell_len
    return left.append(" " * space).append_text(right) if space > 0 else left


def _column(name: str, history: Sequence[Mapping[str, object]]) -> Values:
    values = (metrics.get(name) for metrics in history)
    return [value if is_number(value) else None for value in values]


def _change(name: str, values: Values) -> tuple[str, str, Text]:
    """First value, last value, and an arrow: up or down, in the colour of better or worse."""
    present = [value for value in values if value is not None]
    first, now = present[0], present[-1]
    if abs(now - first) <= 0.005 * max(abs(first), abs(now)):
        return number(first), number(now), Text("=", "baseline")
    rise = 1 if now > first else -1
    arrow = Text("▲" if rise > 0 else "▼", _TREND_STYLES[rise * CURVES[name]])
    return number(first), number(now), arrow


def _spark(name: str, history: Sequence[Mapping[str, object]], width: int) -> Text:
    values = _column(name, history)
    first, now, arrow = _change(name, values)
    line = Text(f" {_words(name):<{LABEL_CELLS}}")
    line.append(f"{first:>6} → ", "baseline").append(f"{now:<6} ").append_text(arrow)
    cells = width - line.cell_len - 3
    return line.append(f"  {sparkline(values, cells)}", _CURVE_STYLES[CURVES[name]])


def _plots(
    names: Sequence[str], history: Sequence[Mapping[str, object]], width: int, rows: int
) -> list[Text]:
    """Plots side by side, each a line of title and `rows` - 2 of curve; the last is blank."""
    share = width // len(names)
    columns = [_plot(name, history, share - 2, rows - 1) for name in names]
    lines = []
    for parts in zip_longest(*columns, fillvalue=Text()):
        line = Text()
        for index, part in enumerate(parts):
            line.append(" " * (index * share + 1 - line.cell_len)).append_text(part)
        lines.append(line)
    return [*lines, Text()]


def _plot(
    name: str, history: Sequence[Mapping[str, object]], width: int, rows: int
) -> list[Text]:
    values = _column(name, history)
    first, now, arrow = _change(name, values)
    title = Text().append(f"{_words(name)}  ", "title").append(f"{first} → ", "baseline")
    title.append(f"{now} ").append_text(arrow)
    series = {name: values}
    if name == "accuracy":
        checked = _column("validation_accuracy", history)
        found = [value for value in checked if value is not None]
        if found:
            series["validation_accuracy"] = checked
            key = f"{MARKERS[0]} validation"
            longer = f"{key} {number(found[-1])}"
            fits = title.cell_len + len(longer) < width
            title = _beside(title, Text(longer if fits else key, "baseline"), width)
    lines = [title]
    for row in braille_plot(series, width, rows - 1, last=False):
        axis = max(row.find("│"), row.find("┤")) + 1
        line = Text().append(row[:axis], "baseline")
        line.append(row[axis:], _CURVE_STYLES[CURVES[name]])
        line.highlight_regex(MARKERS[0], "answer")
        lines.append(line)
    return lines


def _speed(last: Mapping[str, object], width: int) -> Text:
    """How fast the model writes and learns, and which of the two takes the time."""
    seconds = [last.get(f"{part}_seconds") for part in ("rollout", "update")]
    total = sum(s for s in seconds if is_number(s))
    line = Text(" ")
    for part, spent in zip(("rollout", "update"), seconds, strict=True):
        speed = last.get(f"{part}_tokens_per_second")
        if speed is None:
            continue
        line.append(f"{part} ", "baseline").append(f"{number(speed)} tokens/s")
        if is_number(spent) and total > 0:
            line.append(f", {spent:.1f} s" if width >= 80 else "")
            line.append(f" ({spent / total:.0%})")
        line.append("   ")
    return line


def _health(last: Mapping[str, object], width: int) -> Text:
    """The numbers that tell a sick run, as many as fit; one that is not finite is marked."""
    line = Text()
    for name, short in HEALTH.items():
        value = last.get(name)
        if value is None:
            continue
        label = _words(name) if width >= 100 else short
        item = Text().append(f" {label} ", "baseline").append(number(value))
        item.append(" " if is_number(value) else "!", "negative")
        if line.cell_len + item.cell_len <= width:
            line.append_text(item)
    return line


def _sample(sample: Sample, step: int, width: int, rows: int) -> list[Text]:
    """One prompt and its completion in at most `rows` lines, under a rule with the verdict."""
    parts = segments(sample.completion) or [("outside", "(nothing)")]
    if len(parts) > rows - 2:
        parts = [part for part in parts if part[0] != "summary"][: rows - 2]
    longest = max(range(len(parts)), key=lambda index: len(parts[index][1]))
    cells = width - ROLE_CELLS - 2
    lines = [_rule(Text(f"a sample of step {step}", "baseline"), verdict(sample), width)]
    lines += _labelled("prompt", fit(asked(sample.prompt), cells, 1), "none")
    for index, (role, text) in enumerate(parts):
        most = rows - 1 - len(parts) if index == longest else 1
        lines += _labelled(role, fit(text, cells, most), role)
    return lines


def _rule(left: Text, right: Text, width: int) -> Text:
    line = Text(" ").append("── ", "baseline").append_text(left)
    fill = max(width - line.cell_len - right.cell_len - 6, 1)
    line.append(f" {'─' * fill} ", "baseline").append_text(right)
    return line.append(" ──", "baseline")


def _labelled(role: str, texts: Sequence[str], style: str) -> list[Text]:
    lines = []
    for index, text in enumerate(texts):
        label = "" if index or role == "outside" else role
        line = Text().append(f" {label:<{ROLE_CELLS}}", "baseline")
        lines.append(line.append(text, style if style in ("thinking", "answer") else None))
    return lines


def _words(name: str) -> str:
    return name.replace("_", " ")
