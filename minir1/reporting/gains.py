"""What did each stage buy, beside what the paper found? A short table for every stage."""

from collections.abc import Iterable, Sequence

from minir1.reporting import cast
from minir1.reporting.findings import (
    AS_THERE,
    NOT_AS_THERE,
    NOT_THERE,
    UNCLEAR,
    Finding,
    findings,
)
from minir1.reporting.formats import MINUS, Figure
from minir1.reporting.html import Markup, section, tag
from minir1.reporting.measures import Measure
from minir1.reporting.rundata import RunData

SIGNS = {AS_THERE: "=", NOT_AS_THERE: "≠", UNCLEAR: "≈", NOT_THERE: "·"}
ARROWS = {1: "↗", -1: "↘", 0: "→"}


def gains(run: RunData) -> Markup | None:
    """Tell stage by stage what it bought, beside what the paper found."""
    found = findings(run.checkpoints)
    blocks = [
        _stage(name, [f for f in found if f.expectation.after == name])
        for name in cast.in_order({f.expectation.after for f in found})
    ]
    if not blocks:
        return None
    lead = (
        "Each line compares two checkpoints of this run. A difference is called one only where "
        "the 95\u202f% intervals do not overlap; a figure without an interval has to move by "
        "more than 2 points, or a twentieth. The paper worked on other tasks, with a model "
        "that is thousands of times larger at least: what can be compared is the direction."
    )
    return section("gains", "What each stage bought", lead, blocks, _verdict_count(found))


def _stage(name: str, found: Sequence[Finding]) -> Markup:
    player = cast.PLAYERS[name]
    rows = [_row(finding) for finding in found]
    return tag(
        "div",
        tag(
            "div",
            tag("h3", player.title),
            tag("p", player.told),
            class_=f"who {cast.look(name)}",
        ),
        tag(
            "div",
            tag("table", tag("colgroup", [tag("col")] * 6), _head(), tag("tbody", rows)),
            class_="scroll",
            tabindex=0,
            role="region",
            aria_label=f"{player.title}: what it bought",
        ),
        class_=f"gain {cast.look(name)}",
    )


def _head() -> Markup:
    cells = ("figure", "before", "after", "", "in the paper", "verdict")
    return tag("thead", tag("tr", [tag("th", cell, scope="col") for cell in cells]))


def _row(finding: Finding) -> Markup:
    about, measure = finding.expectation, finding.measure
    sign = tag("span", SIGNS[finding.verdict], class_="sign", aria_hidden="true")
    return tag(
        "tr",
        tag("th", measure.title, scope="row"),
        tag("td", _value(measure, finding.before), tag("small", cast.title(about.before))),
        tag(
            "td",
            _value(measure, finding.after),
            tag("small", ARROWS[finding.change], " ", _change(finding)),
        ),
        tag("td", _move(finding)),
        tag("td", about.paper or "–", class_="paper"),
        tag(
            "td",
            sign,
            finding.verdict,
            class_=f"verdict v-{list(SIGNS).index(finding.verdict)}",
        ),
    )


def _move(finding: Finding) -> Markup:
    """Draw before (a ring) and after (a dot) on a line from 0 to all, or to the larger."""
    before, after = finding.before.value, finding.after.value
    whole = 1.0 if finding.measure.share else max(abs(before), abs(after), 1e-9)
    places = [min(max(value / whole, 0.0), 1.0) * 100 for value in (before, after)]
    sizes = {"from": places[0], "to": places[1], "low": min(places)}
    sizes["wide"] = max(places) - min(places)
    style = ";".join(f"--{name}:{size:.1f}%" for name, size in sizes.items())
    return tag("span", tag("i"), tag("b"), class_="move", style=style, aria_hidden="true")


def _value(measure: Measure, value: Figure) -> Markup:
    return tag("span", measure.write(value.value), class_="n")


def _change(finding: Finding) -> str:
    """Write by how much a figure moved: points of a share, factors of a number."""
    before, after = finding.before.value, finding.after.value
    if finding.measure.share:
        return f"{100 * (after - before):+.1f} points".replace("-", MINUS)
    return f"× {after / before:.1f}" if before > 0 else ""


def _verdict_count(found: Iterable[Finding]) -> Markup:
    verdicts = [finding.verdict for finding in found]
    said = [
        f"{verdicts.count(v)} {v}" for v in (AS_THERE, UNCLEAR, NOT_AS_THERE) if v in verdicts
    ]
    counts = ", ".join(said)
    one = "One run with one seed: another seed can come out otherwise."
    return tag("p", f"In all: {counts}. {one}", class_="caption")
