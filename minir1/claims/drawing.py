"""How does a chart of a claim become a file that stands alone? The report's lines, with ink."""

from itertools import chain

from minir1.claims.claim import Chart
from minir1.reporting import charts
from minir1.reporting.axes import Axis, list_axis, step_axis, value_axis

SIZE = (620.0, 300.0)
BOLD = 2.0  # by how much a bold letter may be wider than the report's
LOG_FROM = 32  # a positive axis that spans more than this factor steps by factors
# Colours that the colour-blind tell apart (Okabe and Ito), each with a dash of its own.
INKS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#666666", "#000000")
DASHES = ("none", "6 3", "2 2", "8 3 2 3", "none", "6 3", "2 2", "8 3 2 3")
STYLE = """
svg { background: #fff; font: 11px system-ui, sans-serif }
text { fill: #444 } .end { text-anchor: end } .middle { text-anchor: middle }
.rule { stroke: #ddd } .zero { stroke: #888 } .line { fill: none; stroke-width: 1.8 }
.leader { fill: none; stroke-opacity: .4 } .band { stroke: none; fill-opacity: .13 }
.label { font-weight: 600 } .title { font-size: 13px; font-weight: 600; fill: #111 }
"""


def draw(chart: Chart) -> str:
    """Draw a chart as an SVG file."""
    lines = [
        charts.Line(line.label, list(line.points), f"ink{i % len(INKS)}", band=line.band or ())
        for i, line in enumerate(chart.lines)
    ]
    points = [point for line in chart.lines for point in line.points]
    ends = chain.from_iterable((low, high) for s in lines for _, low, high in s.band)
    values = [y for _, y in points] + list(ends)
    drawn = charts.line_chart(
        lines,
        across([x for x, _ in points]),
        value_axis(values, percent=bool(values) and min(values) >= 0 and max(values) <= 1),
        chart.told,
        chart.x_label,
        SIZE,
    )
    # Whose font is wide must not lose the end of a label.
    room = BOLD * max((len(line.label) for line in lines), default=0)
    wide = drawn.replace(f'viewBox="0 0 {SIZE[0]:g}', f'viewBox="0 0 {SIZE[0] + room:g}', 1)
    named = wide.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    opening, _, rest = named.partition(">")
    return f"{opening}><style>{STYLE}{_inks()}</style>{rest}\n"


def across(values: list[float]) -> Axis:
    """Choose the axis of a chart's x: by factors where it spans many, else from 0."""
    distinct = sorted(set(values))
    if len(distinct) > 2 and distinct[0] > 0 and distinct[-1] / distinct[0] > LOG_FROM:
        return list_axis(distinct, log=True)
    return step_axis(max(distinct, default=1.0))


def _inks() -> str:
    """Give every series its colour and its dash."""
    return "".join(
        f".ink{i} .line,.ink{i}.leader{{stroke:{ink};stroke-dasharray:{dash}}}"
        f".ink{i} .band,.label.ink{i}{{fill:{ink}}}"
        for i, (ink, dash) in enumerate(zip(INKS, DASHES, strict=True))
    )
