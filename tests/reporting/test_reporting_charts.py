"""Do charts put points where they belong, and labels where they can be read?"""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minir1.reporting.axes import Axis, list_axis, step_axis, tick_step, value_axis
from minir1.reporting.charts import BOTTOM, LEFT, TOP, Frame, Line, line_chart, spread, thin

numbers = st.floats(-1e6, 1e6)


@given(st.lists(numbers, min_size=1, max_size=20), st.booleans())
def test_a_value_axis_holds_its_values_and_zero(values, percent):
    axis = value_axis(values, percent)
    assert axis.low <= min([*values, 0]) + 1e-6 and axis.high >= max([*values, 0]) - 1e-6
    assert axis.ticks[0] == axis.low and axis.ticks[-1] == axis.high
    assert 2 <= len(axis.ticks) <= 8
    assert all(0 <= axis.share(value) <= 1 for value in values)


def test_shares_go_to_one_and_not_beyond():
    assert value_axis([0.2, 0.9], percent=True).ticks == (0.0, 0.25, 0.5, 0.75, 1.0)
    assert value_axis([0.02, 0.06], percent=True).high == pytest.approx(0.06)


@pytest.mark.parametrize(("span", "step"), [(10, 2), (0.9, 0.2), (100, 20), (4, 1), (0, 1)])
def test_ticks_are_round(span, step):
    assert tick_step(span) == pytest.approx(step)


def test_a_step_axis_ends_with_the_last_step():
    axis = step_axis(38)
    assert (axis.low, axis.high, axis.ticks) == (0, 38, (0, 10, 20, 30))
    assert step_axis(0).high == 1


def test_a_log_axis_spaces_factors_evenly():
    axis = list_axis([1, 2, 4, 16], log=True)
    assert [axis.share(k) for k in (1, 2, 4, 16)] == pytest.approx([0, 0.25, 0.5, 1])


def test_one_value_stands_in_the_middle():
    assert list_axis([3]).share(3) == 0.5


@pytest.mark.parametrize(
    ("axis", "value", "wanted"),
    [
        (Axis(0, 1, (), percent=True), 0.25, "25\u202f%"),
        (Axis(0, 0.02, (), percent=True), 0.005, "0.5\u202f%"),
        (Axis(0, 9, ()), 4.0, "4"),
        (Axis(-9, 9, ()), -4.0, "−4"),
        (Axis(0, 1, ()), 0.5, "0.50"),
    ],
)
def test_ticks_are_written(axis, value, wanted):
    assert axis.write(value) == wanted


def test_points_land_in_the_corners_of_the_plot():
    frame = Frame(360, 190, 12, Axis(0, 40, ()), Axis(0, 1, ()))
    assert frame.at(0, 0) == (LEFT, 190 - BOTTOM)
    assert frame.at(40, 1) == (348, TOP)
    assert frame.at(99, -5) == (348, 190 - BOTTOM)


heights = st.lists(st.floats(0, 200), min_size=1, max_size=10)


@given(heights)
def test_labels_are_kept_apart_and_in_order(wanted):
    placed = spread(wanted, 13, 0, 200)
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    for below, above in pairwise(order):
        assert placed[above] - placed[below] >= 13 - 1e-6
    assert min(placed) >= -1e-6 and max(placed) <= 200 + 1e-6


def test_labels_with_room_stay_where_they_are():
    assert spread([10, 90, 50], 13, 0, 100) == [10, 90, 50]
    assert spread([10, 10, 50], 12, 0, 100) == [4, 16, 50]
    assert spread([], 12, 0, 100) == []


@given(st.lists(numbers, min_size=1, max_size=400))
def test_thinning_keeps_the_mean_level_and_the_end(values):
    points = list(enumerate(values))
    kept = thin(points, 50)
    assert len(kept) == min(len(points), 50) and kept[-1] == points[-1]
    assert min(values) <= min(y for _, y in kept) and max(y for _, y in kept) <= max(values)


def test_thinning_averages_neighbours():
    assert thin([(0, 0.0), (1, 2.0), (2, 4.0), (3, 9.0)], 2) == [(0.5, 1.0), (3, 9.0)]


def test_a_chart_says_what_it_shows_and_where_its_values_are():
    lines = [Line("train <b>", [(0, 0.0), (10, 1.0)]), Line("empty", [])]
    drawn = line_chart(lines, step_axis(10), value_axis([0, 1], True), "accuracy rises")
    assert 'role="img"' in drawn and 'aria-label="accuracy rises"' in drawn
    assert "train &lt;b&gt;" in drawn and "<b>" not in drawn and "empty" not in drawn
    left, right, bottom, top, *scale = map(
        float, re.search('data-plot="(.*?)"', drawn)[1].split()
    )
    points = re.search('points="(.*?)"', drawn)[1]
    assert points == f"{left:g},{bottom:g} {right:g},{top:g}"
    assert scale == [0, 10, 0, 1, 0, 1]
