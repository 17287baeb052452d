"""Are figures read whatever they turn out to be, and written as a reader expects?"""

import pytest

from minir1.reporting import formats
from minir1.reporting.formats import Figure


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (0.5, Figure(0.5)),
        (1, Figure(1.0)),
        ({"value": 0.5, "low": 0.4, "high": 0.6, "problems": 9}, Figure(0.5, 0.4, 0.6)),
        ({"value": 0.5, "low": 0.4}, Figure(0.5)),
        ({"low": 0.4, "high": 0.6}, None),
        (None, None),
        ("0.5", None),
        (True, None),
        (float("nan"), None),
        (float("inf"), None),
        (10**400, None),
        ([0.5], None),
    ],
)
def test_a_figure_is_read_or_left_out(value, wanted):
    assert formats.figure(value) == wanted


def test_only_both_ends_make_an_interval():
    assert Figure(0.5, 0.4, 0.6).sure and not Figure(0.5, 0.4).sure


@pytest.mark.parametrize(
    ("write", "value", "wanted"),
    [
        (formats.percent, 0.8734, "87.3\u202f%"),
        (formats.percent, -0.05, "−5.0\u202f%"),
        (formats.plain, 0.256, "0.26"),
        (formats.plain, 22.04, "22.0"),
        (formats.plain, 299.6, "300"),
        (formats.plain, 12345.0, "12\u202f345"),
        (formats.plain, -1.5, "−1.50"),
        (formats.plain, 2.1e13, "2.1\u202f×\u202f10¹³"),
        (formats.power, 3.4e-7, "3.4\u202f×\u202f10⁻⁷"),
        (formats.signed, 0.826, "+0.83"),
        (formats.signed, -1.0, "−1.00"),
        (formats.signed, -0.001, "0.00"),
        (formats.duration, 42.4, "42\u202fs"),
        (formats.duration, 187, "3\u202fmin 07\u202fs"),
        (formats.duration, 59.7, "1\u202fmin 00\u202fs"),
        (formats.duration, 3720, "1\u202fh 02\u202fmin"),
    ],
)
def test_a_figure_is_written(write, value, wanted):
    assert write(value) == wanted


def test_one_is_one():
    assert formats.count(1, "word") == "1 word"
    assert formats.count(1234, "word") == "1\u202f234 words"
