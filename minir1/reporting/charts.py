"""How does a series become a drawing? Line charts as SVG text, small and pure.

Colours and dashes are classes of style.css, so a chart follows the page into the dark. Every
chart carries a sentence for who cannot see it, and its scales as attributes, from which
script.js reads the values under the pointer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from minir1.reporting.axes import Axis
from minir1.reporting.html import Markup, tag

TOP, BOTTOM, LEFT = 12.0, 26.0, 42.0  # room around the plot, in the units of the drawing
LETTER = 6.4  # width of a letter of a label
LABEL_GAP = 13.0  # between the labels of two lines
SHAPES = (  # marks about the origin: circle, square, diamond, triangle
    "M-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0Z",
    "M-2.7-2.7H2.7V2.7H-2.7Z",
    "M0-3.8L3.8 0L0 3.8L-3.8 0Z",
    "M0-3.6L3.5 2.6H-3.5Z",
)


@dataclass(frozen=True)
class Line:
    """A series: its label, points, class, whether the points are marked, and its band.

    band: (x, low, high)
    """

    label: str
    points: Sequence[tuple[float, float]]
    look: str = "of-plain"
    shape: int | None = None  # the mark at every point
    joined: bool = True
    band: Sequence[tuple[float, float, float]] = ()


@dataclass(frozen=True)
class Frame:
    """The rectangle that points are put into; y grows downwards."""

    width: float
    height: float
    right: float  # room for labels
    x: Axis
    y: Axis

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point lies on the drawing."""
        across = LEFT + self.x.share(x) * (self.width - LEFT - self.right)
        down = self.height - BOTTOM - self.y.share(y) * (self.height - TOP - BOTTOM)
        return round(across, 1), round(down, 1)


def line_chart(
    lines: Sequence[Line],
    x: Axis,
    y: Axis,
    told: str,
    x_label: str = "step",
    size: tuple[float, float] = (340, 160),
) -> Markup:
    """Draw lines over common axes, labelled where they end."""
    lines = [line for line in lines if line.points]
    labelled = [line for line in lines if line.label]
    right = max((len(line.label) * LETTER + 12 for line in labelled), default=12.0)
    frame = Frame(*size, right, x, y)
    return tag(
        "svg",
        _grid(frame, x_label),
        [_line(frame, line) for line in lines],
        _end_labels(frame, labelled),
        viewBox=f"0 0 {size[0]:g} {size[1]:g}",
        class_="chart",
        role="img",
        aria_label=told,
        data_plot=_scales(frame),
    )


def _scales(frame: Frame) -> str:
    """Say how to get from a place on the drawing back to a value."""
    left, bottom = frame.at(frame.x.low, frame.y.low)
    right, top = frame.at(frame.x.high, frame.y.high)
    x, y = frame.x, frame.y
    numbers = [left, right, bottom, top, x.low, x.high, y.low, y.high]
    return " ".join(f"{n:.6g}" for n in [*numbers, int(x.log), int(y.percent)])


def _grid(frame: Frame, x_label: str) -> list[Markup]:
    """Draw the rules, the ticks' numbers, and what the x axis counts."""
    left, bottom = frame.at(frame.x.low, frame.y.low)
    right, _ = frame.at(frame.x.high, frame.y.high)
    drawn = []
    for tick in frame.y.ticks:
        _, down = frame.at(frame.x.low, tick)
        zero = "rule zero" if tick == frame.y.low else "rule"
        drawn += [
            tag("line", x1=left, x2=right, y1=down, y2=down, class_=zero),
            _text(left - 6, down + 3.5, frame.y.write(tick), "tick end"),
        ]
    for tick in frame.x.ticks:
        across, _ = frame.at(tick, frame.y.low)
        drawn.append(_text(across, bottom + 14, frame.x.write(tick), "tick middle"))
    drawn.append(_text((left + right) / 2, bottom + 25, x_label, "tick middle name"))
    return drawn


def _text(x: float, y: float, words: str, class_: str) -> Markup:
    return tag("text", words, x=f"{x:.1f}", y=f"{y:.1f}", class_=class_)


def _line(frame: Frame, line: Line) -> Markup:
    """Draw one series."""
    places = [frame.at(*point) for point in line.points]
    written = " ".join(f"{x:g},{y:g}" for x, y in places)
    marks = []
    if line.shape is not None:
        shape = SHAPES[line.shape % len(SHAPES)]
        marks = [
            tag("path", d=shape, transform=f"translate({x:g} {y:g})", class_="mark")
            for x, y in places
        ]
    curve = tag(
        "polyline",
        points=written,
        class_="line" if line.joined else "line loose",
        data_label=line.label,
        data_values=" ".join(f"{y:.5g}" for _, y in line.points),
    )
    return tag("g", _band(frame, line), curve, marks, class_=line.look)


def _band(frame: Frame, line: Line) -> Markup | None:
    """Shade what lies between the lower and the upper ends of a series."""
    if not line.band:
        return None
    over = [frame.at(x, high) for x, _, high in line.band]
    under = [frame.at(x, low) for x, low, _ in reversed(line.band)]
    return tag(
        "polygon", points=" ".join(f"{x:g},{y:g}" for x, y in over + under), class_="band"
    )


def _end_labels(frame: Frame, lines: Sequence[Line]) -> list[Markup]:
    """Write each line's name beside its end, pushed apart where they would touch."""
    ends = [frame.at(*line.points[-1]) for line in lines]
    highest = max((x for x, _ in ends), default=0.0)
    heights = spread([y for _, y in ends], LABEL_GAP, TOP, frame.height - BOTTOM)
    drawn = []
    for line, (x, y), place in zip(lines, ends, heights, strict=True):
        if abs(place - y) > 2 or x < highest:
            path = f"M{x + 4:g} {y:g}L{highest + 7:g} {place:g}"
            drawn.append(tag("path", d=path, class_=f"leader {line.look}"))
        label = _text(highest + 9, place + 3.6, line.label, f"label {line.look}")
        drawn.append(label)
    return drawn


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move heights apart so that neighbours keep a gap, within low and high if they fit.

    >>> spread([10, 10, 50], 12, 0, 100)
    [4.0, 16.0, 50.0]
    """
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    clusters: list[tuple[list[int], float]] = []  # the members, and where their middle is
    for i in order:
        members, middle = [i], float(wanted[i])
        while clusters:
            before, centre = clusters[-1]
            reach = gap * (len(before) + len(members)) / 2
            if middle - centre >= reach - 1e-9:
                break
            total = len(before) + len(members)
            middle = (centre * len(before) + middle * len(members)) / total
            members = [*before, *members]
            clusters.pop()
        clusters.append((members, middle))
    placed = [0.0] * len(wanted)
    for members, middle in clusters:
        for rank, i in enumerate(members):
            placed[i] = middle + gap * (rank - (len(members) - 1) / 2)
    return _inside(placed, order, gap, low, high)


def _inside(
    placed: list[float], order: list[int], gap: float, low: float, high: float
) -> list[float]:
    """Push what stands outside back in, its neighbours before it."""
    if not order:
        return placed
    placed[order[-1]] = min(placed[order[-1]], high)
    for above, i in pairwise(reversed(order)):
        placed[i] = min(placed[i], placed[above] - gap)
    placed[order[0]] = max(placed[order[0]], low)
    for below, i in pairwise(order):
        placed[i] = max(placed[i], placed[below] + gap)
    return placed


def thin(points: Sequence[tuple[float, float]], most: int = 150) -> list[tuple[float, float]]:
    """Average neighbours until at most `most` points are left; the last stays."""
    if len(points) <= most:
        return list(points)
    bins = [
        points[i * len(points) // most : (i + 1) * len(points) // most] for i in range(most)
    ]
    means = [(sum(x for x, _ in b) / len(b), sum(y for _, y in b) / len(b)) for b in bins if b]
    return [*means[:-1], points[-1]]
