"""Is what a chart and a finding tell read off the figures, and nothing else?"""

from minir1.claims import measures
from minir1.claims.claim import Line
from minir1.claims.figures import over_seeds


def test_a_chart_tells_where_its_lines_begin_and_end() -> None:
    lines = [Line("up", [(0, 0.25), (9, 0.75)]), Line("none", [])]
    drawn = measures.chart("rise", "A title", "step", "accuracy", lines)
    assert drawn.told == "From left to right: up 0.250 to 0.750."
    assert [line.label for line in drawn.lines] == ["up"]


def test_figures_stand_at_their_places_with_their_intervals() -> None:
    found = [over_seeds("x", values) for values in ([0.0, 1.0], [1.0, 3.0])]
    line = measures.over_places("x", [1.0, 4.0], found)
    assert line.points == [(1.0, 0.5), (4.0, 2.0)]
    assert line.band is not None and line.band[1][1] < 2 < line.band[1][2]
    assert measures.over_places("x", [1.0], [over_seeds("x", [1.0])]).band is None


def test_a_finding_holds_all_figures_and_warns_of_one_seed() -> None:
    figures = {"one": over_seeds("one", [1.0])}
    controls = {"two": over_seeds("two", [2.0])}
    found = measures.finding(("holds if", "x"), "It is so.", figures, controls, 1)
    assert (found.verdict, found.condition) == ("holds if", "x")
    assert found.figures == (figures["one"],) and found.controls == (controls["two"],)
    assert found.summary.startswith("It is so. One seed")
    assert measures.finding(("holds", ""), "Yes.", figures, controls, 2).summary == "Yes."
