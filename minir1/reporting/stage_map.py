"""Which checkpoint comes from which? The map of the stages, with what each one scores.

A full arrow hands on weights, a dashed one hands on training data: Dev3 is fine-tuned from
the base again, on answers of Dev2. Two layouts, one for wide pages and one for narrow ones.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from minir1.reporting import cast
from minir1.reporting.formats import percent
from minir1.reporting.html import Markup, tag
from minir1.reporting.measures import BY_NAME

Point = tuple[float, float]
Edge = tuple[str, str, str, tuple[Point, ...]]  # from, to, weights or data, corners

CARD = (168.0, 102.0)
NARROW_CARD = (150.0, 102.0)
CORNER = 9.0  # radius

WIDE: dict[str, Point] = {
    "base": (8, 96),
    "r1-zero": (240, 8),
    "dev1": (240, 184),
    "dev2": (472, 184),
    "dev3": (704, 184),
    "r1": (936, 184),
    "small-base": (8, 372),
    "small-rl": (240, 446),
    "distilled": (704, 360),
    "distilled-rl": (936, 360),
}
WIDE_EDGES: tuple[Edge, ...] = (
    ("base", "r1-zero", "weights", ((176, 130), (208, 130), (208, 59), (240, 59))),
    ("base", "dev1", "weights", ((176, 164), (208, 164), (208, 235), (240, 235))),
    ("r1-zero", "dev1", "data", ((324, 110), (324, 184))),
    ("dev1", "dev2", "weights", ((408, 235), (472, 235))),
    ("dev2", "dev3", "data", ((640, 235), (704, 235))),
    ("base", "dev3", "weights", ((92, 198), (92, 322), (760, 322), (760, 286))),
    ("dev3", "r1", "weights", ((872, 235), (936, 235))),
    ("dev3", "distilled", "data", ((816, 286), (816, 360))),
    ("small-base", "distilled", "weights", ((176, 411), (704, 411))),
    ("small-base", "small-rl", "weights", ((176, 444), (208, 444), (208, 497), (240, 497))),
    ("distilled", "distilled-rl", "weights", ((872, 411), (936, 411))),
)
NARROW: dict[str, Point] = {
    "base": (6, 6),
    "r1-zero": (204, 6),
    "dev1": (204, 148),
    "dev2": (204, 290),
    "dev3": (204, 432),
    "r1": (204, 574),
    "small-base": (6, 736),
    "small-rl": (204, 884),
    "distilled": (204, 736),
    "distilled-rl": (6, 884),
}
NARROW_EDGES: tuple[Edge, ...] = (
    ("base", "r1-zero", "weights", ((156, 57), (204, 57))),
    ("base", "dev1", "weights", ((110, 108), (110, 199), (204, 199))),
    ("r1-zero", "dev1", "data", ((279, 108), (279, 148))),
    ("dev1", "dev2", "weights", ((279, 250), (279, 290))),
    ("dev2", "dev3", "data", ((279, 392), (279, 432))),
    ("base", "dev3", "weights", ((60, 108), (60, 483), (204, 483))),
    ("dev3", "r1", "weights", ((279, 534), (279, 574))),
    ("dev3", "distilled", "data", ((204, 510), (180, 510), (180, 706), (279, 706), (279, 736))),
    ("small-base", "distilled", "weights", ((156, 787), (204, 787))),
    ("small-base", "small-rl", "weights", ((110, 838), (110, 868), (250, 868), (250, 884))),
    ("distilled", "distilled-rl", "weights", ((290, 838), (290, 853), (50, 853), (50, 884))),
)


def stage_map(checkpoints: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> Markup:
    """Draw the map of some checkpoints; those that were not measured yet are outlined."""
    shown = [name for name in names if name in WIDE]
    told = "; ".join(f"{cast.title(n)}: {_headline(checkpoints.get(n))[0]}" for n in shown)
    told = f"The stages and their pass@1. {told}"
    wide = _drawing(checkpoints, shown, WIDE, WIDE_EDGES, CARD, told, "wide")
    narrow = _drawing(checkpoints, shown, NARROW, NARROW_EDGES, NARROW_CARD, told, "narrow")
    return tag("div", wide, narrow, class_="map")


def _drawing(
    checkpoints: Mapping[str, Mapping[str, Any]],
    names: Sequence[str],
    places: Mapping[str, Point],
    edges: Sequence[Edge],
    card: Point,
    told: str,
    which: str,
) -> Markup:
    if set(names) <= {"base", "r1-zero"}:  # two cards stand side by side
        height = places["r1-zero"][1]
        places = {"base": (places["base"][0], height), "r1-zero": places["r1-zero"]}
        ends = (places["base"][0] + card[0], height + 51), (places["r1-zero"][0], height + 51)
        edges = [("base", "r1-zero", "weights", ends)]
    lines = [
        tag(
            "path",
            d=rounded(corners),
            class_=f"edge {kind}",
            marker_end=f"url(#{which}-{kind})",
        )
        for start, end, kind, corners in edges
        if start in names and end in names
    ]
    tops = [places[name][1] for name in names] or [0.0]
    top, bottom = min(tops) - 6, max(tops) + card[1] + 6
    width = max([places[name][0] for name in names] or [0.0]) + card[0] + 8
    return tag(
        "svg",
        tag("defs", [_arrow_head(which, kind) for kind in ("weights", "data")]),
        lines,
        [_card(name, checkpoints.get(name), places[name], card) for name in names],
        viewBox=f"0 {top:g} {width:g} {bottom - top:g}",
        style=f"--width:{width:g}px",
        class_=which,
        role="img",
        aria_label=told,
    )


def _arrow_head(which: str, kind: str) -> Markup:
    head = tag("path", d="M0 0L8 4L0 8Z", class_=f"head {kind}")
    return tag(
        "marker", head, id=f"{which}-{kind}", viewBox="0 0 8 8", refX=7.5, refY=4,
        markerWidth=8, markerHeight=8, markerUnits="userSpaceOnUse", orient="auto",
    )  # fmt: skip


def _card(name: str, figures: Mapping[str, Any] | None, place: Point, card: Point) -> Markup:
    """Draw a checkpoint: its name, what made it, pass@1 and the interval."""
    value, interval = _headline(figures)
    texts = [
        tag("text", cast.title(name), x=14, y=23, class_="name"),
        tag("text", cast.PLAYERS[name].made, x=14, y=39, class_="made"),
        tag("text", value, x=14, y=69, class_="value"),
        tag("text", interval, x=14, y=87, class_="interval"),
    ]
    box = tag("rect", width=card[0], height=card[1], rx=7, class_="card")
    stripe = tag("path", d=f"M4.5 12V{card[1] - 12:g}", class_="stripe")
    state = "" if figures else " pending"
    return tag(
        "g", box, stripe, texts, class_=f"{cast.look(name)}{state}",
        transform=f"translate({place[0]:g} {place[1]:g})",
    )  # fmt: skip


def _headline(figures: Mapping[str, Any] | None) -> tuple[str, str]:
    """Return pass@1 and its interval as they stand on a card."""
    found = BY_NAME["pass_at_1"].read(figures or {})
    if found is None:
        return "not yet", ""
    if found.low is None or found.high is None:
        return percent(found.value), ""
    return percent(found.value), f"{100 * found.low:.1f} to {100 * found.high:.1f}"


def rounded(corners: Sequence[Point]) -> str:
    """Write the path of a line of straight pieces, its corners rounded."""
    (x, y), *rest = corners
    path = f"M{x:g} {y:g}"
    for i, (x, y) in enumerate(rest):
        if i == len(rest) - 1:
            return f"{path}L{x:g} {y:g}"
        before, after = _toward((x, y), corners[i]), _toward((x, y), rest[i + 1])
        path += f"L{before[0]:g} {before[1]:g}Q{x:g} {y:g} {after[0]:g} {after[1]:g}"
    return path


def _toward(corner: Point, other: Point) -> Point:
    """Step from a corner towards another, by the radius or half the way."""
    across, down = other[0] - corner[0], other[1] - corner[1]
    far = (across**2 + down**2) ** 0.5
    step = min(CORNER, far / 2) / far
    return round(corner[0] + across * step, 1), round(corner[1] + down * step, 1)
