"""Do the pictures made of characters show the numbers, and survive any numbers?"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minir1.screen.plots import (
    BLOCKS,
    MARKERS,
    braille_plot,
    clock,
    is_number,
    number,
    sparkline,
)

ANY = st.lists(st.one_of(st.none(), st.floats(), st.integers()), max_size=60)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"),
        (0.0, "0"),
        (20, "20"),
        (1.0, "1.00"),
        (0.78449, "0.784"),
        (11.64, "11.6"),
        (117.2, "117"),
        (-0.25, "-0.250"),
        (14_210.0, "14.2k"),
        (251_000, "251k"),
        (468_352_000, "468M"),
        (1_234_567, "1.2M"),
        (2.5e9, "2.5G"),
        (0.00002, "2e-05"),
        (3e20, "3e+20"),
        (np.float32(0.5), "0.500"),
        (np.int64(7), "7"),
        (None, "–"),
        ("0.5", "–"),
        (math.nan, "nan"),
        (-math.inf, "inf"),
        (10**400, "inf"),
    ],
)
def test_number(value, written):
    assert number(value) == written


@given(st.one_of(st.floats(), st.integers()))
def test_number_is_short(value):
    assert len(number(value)) <= 7


def test_is_number():
    assert is_number(0.5) and is_number(3) and is_number(np.float32(1))
    assert not any(map(is_number, (None, True, "1", math.nan, math.inf, 10**400)))


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "0:00"), (-3, "0:00"), (59.6, "1:00"), (754, "12:34"), (3723, "1:02:03")],
)
def test_clock(seconds, written):
    assert clock(seconds) == written


def test_sparkline_rises_from_the_lowest_bar_to_the_full_one():
    assert sparkline(range(8), 8) == BLOCKS
    assert sparkline([3, 1, 2, 1], 10) == "█▁▅▁"


def test_sparkline_averages_bins():
    assert sparkline([0, 0, 1, 1, 0, 2, 9, 5], 4) == sparkline([0, 1, 1, 7], 4)


def test_sparkline_of_little():
    assert sparkline([], 10) == ""
    assert sparkline([1, 2], 0) == ""
    assert sparkline([2, None, 2.0, math.nan], 10) == "▅ ▅ "
    assert sparkline([None, math.inf], 10) == "  "


@given(ANY, st.integers(-1, 40))
def test_sparkline_never_raises(values, width):
    assert len(sparkline(values, width)) == min(len(values), max(width, 0))


def test_plot_carries_lowest_highest_and_last():
    lines = braille_plot([0.16, 0.5, 0.784, 0.6], 30, 5)
    assert len(lines) == 5
    assert lines[0].startswith("0.784┤") and lines[-1].startswith("0.160┤")
    assert [line for line in lines if line.endswith(" 0.600")] == [lines[1]]
    assert "0.600" not in "".join(braille_plot([0.16, 0.784, 0.6], 30, 5, last=False))


def test_plot_of_a_rising_line_is_a_diagonal():
    dots = [line[2:] for line in braille_plot(list(range(8)), 6, 2, last=False)]
    assert dots == ["  ⡠⠊", "⡠⠊  "]


def test_plot_leaves_gaps_open():
    dots = braille_plot([1, 1, None, None, None, None, 1, 1], 10, 1, last=False)[0][2:]
    assert dots == "⠤⠄    ⠠⠤"


def test_plot_marks_the_second_series():
    lines = braille_plot({"train": [0, 1, 2], "validation": [None, 2, None]}, 24, 4)
    assert "".join(lines).count(MARKERS[0]) == 1 and MARKERS[0] in lines[0]


def test_plot_of_a_constant_lies_in_the_middle_under_one_label():
    lines = braille_plot([0.5, 0.5, 0.5], 20, 3)
    assert [line.strip(" │") for line in lines[::2]] == ["", ""]
    assert lines[1].startswith("0.500┤") and lines[1].endswith(" 0.500")


def test_plot_of_one_point_and_of_none():
    assert any(ord(c) > 0x2800 for c in "".join(braille_plot([3.0], 20, 3)))
    for nothing in ([], [None], [math.nan], {}, {"a": []}):
        assert braille_plot(nothing, 20, 3) == ["no data yet", "", ""]


@given(ANY, ANY, st.integers(-1, 50), st.integers(-1, 8))
def test_plot_never_raises_and_keeps_its_size(line, points, width, height):
    lines = braille_plot({"line": line, "points": points}, width, height)
    assert len(lines) == (max(height, 0) if width > 0 else 0)
    assert all(len(row) <= width for row in lines)
