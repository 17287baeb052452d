"""Is only said what the figures show, and is what went the other way said too?"""

import copy

import pytest
import synthetic_run as synthetic

from minir1.reporting import cast, measures
from minir1.reporting.findings import (
    AS_THERE,
    EXPECTATIONS,
    NOT_AS_THERE,
    NOT_THERE,
    UNCLEAR,
    findings,
    summary,
)
from minir1.reporting.formats import Figure
from minir1.reporting.measures import BY_NAME, MEANINGS, surely_apart
from minir1.reporting.table import best_of


@pytest.fixture
def checkpoints():
    return {name: synthetic.figures(name) for name in synthetic.CHECKPOINTS}


def found(checkpoints, before, after, measure):
    (finding,) = (
        f
        for f in findings(checkpoints)
        if (f.expectation.before, f.expectation.after, f.expectation.measure)
        == (before, after, measure)
    )
    return finding


@pytest.mark.parametrize(
    ("before", "after", "share", "change"),
    [
        (Figure(0.5, 0.4, 0.6), Figure(0.7, 0.61, 0.8), True, 1),
        (Figure(0.5, 0.4, 0.6), Figure(0.7, 0.6, 0.8), True, 0),
        (Figure(0.5, 0.4, 0.6), Figure(0.2, 0.1, 0.39), True, -1),
        (Figure(0.5), Figure(0.519), True, 0),
        (Figure(0.5), Figure(0.521), True, 1),
        (Figure(0.5, 0.49, 0.51), Figure(0.45), True, -1),
        (Figure(100.0), Figure(104.0), False, 0),
        (Figure(100.0), Figure(106.0), False, 1),
        (Figure(-0.2), Figure(-0.4), False, -1),
        (Figure(0.0), Figure(0.0), False, 0),
    ],
)
def test_a_difference_has_to_be_sure(before, after, share, change):
    assert surely_apart(before, after, share) == change
    assert surely_apart(after, before, share) == -change


def test_the_story_as_in_the_paper(checkpoints):
    verdicts = [finding.verdict for finding in findings(checkpoints)]
    assert NOT_AS_THERE not in verdicts and verdicts.count(AS_THERE) > 15
    assert (
        found(checkpoints, "base", "r1-zero", "reflections_per_100_tokens").verdict == NOT_THERE
    )


def test_what_goes_the_other_way_is_called_so(checkpoints):
    checkpoints["dev1"]["pass_at_1"] = synthetic.interval(0.95)
    assert found(checkpoints, "r1-zero", "dev1", "pass_at_1").verdict == NOT_AS_THERE
    checkpoints["r1"]["pass_at_1"] = synthetic.interval(0.5)
    assert found(checkpoints, "dev3", "r1", "pass_at_1").verdict == NOT_AS_THERE


def test_what_is_within_the_noise_is_called_so(checkpoints):
    checkpoints["dev1"]["pass_at_1"] = synthetic.interval(0.86, 0.03)
    assert found(checkpoints, "r1-zero", "dev1", "pass_at_1").verdict == UNCLEAR


def test_what_was_not_measured_is_not_told():
    assert findings({}) == [] and summary({}) == []
    only = {"base": {"pass_at_1": {"value": 0.5}}, "r1-zero": {"general": None}}
    assert findings(only) == []
    assert summary(only) == [
        "At its first try the base solves 50.0\u202f% of problems that it never trained on."
    ]


def test_expectations_are_about_what_exists():
    for about in EXPECTATIONS:
        assert {about.before, about.after} <= set(cast.PLAYERS)
        assert about.measure in BY_NAME
        assert (about.expected is None) == (not about.paper)
    assert set(MEANINGS) == set(BY_NAME)


def test_the_summary_of_the_story_as_in_the_paper(checkpoints):
    said = " ".join(summary(checkpoints)).replace("\u202f", " ")
    for part in (
        "the base solves 16.7 %",
        "R1-Zero solves 87.3 %; its answers are longer (22 tokens before, 96 now)",
        "The price is readability: English and Chinese are mixed in 8.0 % of the base’s",
        "R1, made in four more stages, solves 87.9 %, no clear difference from R1-Zero",
        "compliance with harmful requests: 70.0 % of R1-Zero’s, 2.0 % of R1’s",
        "R1 is preferred in 71.0 % (interval 68.0 to 74.0)",
        "solves 65.5 %, more than the 41.2 % of the same student",
    ):
        assert part in said


def test_the_summary_of_a_story_that_failed(checkpoints):
    worse = copy.deepcopy(checkpoints)
    worse["r1-zero"] |= {"pass_at_1": synthetic.interval(0.1), "completion_tokens": 9.0}
    worse["r1-zero"]["mixed_language_rate"] = 0.01
    worse["r1"]["pass_at_1"] = synthetic.interval(0.05)
    worse["distilled"]["pass_at_1"] = synthetic.interval(0.2)
    said = " ".join(summary(worse)).replace("\u202f", " ")
    for part in (
        "R1-Zero solves only 10.0 %; its answers are shorter",
        "Unlike the paper’s it mixes its languages less",
        "solves 5.0 %, less than R1-Zero",
        "solves 20.0 %, less than the 41.2 %",
    ):
        assert part in said
    assert "price" not in said


def test_the_summary_of_a_story_without_a_difference(checkpoints):
    same = {name: copy.deepcopy(checkpoints["base"]) for name in checkpoints}
    said = " ".join(summary(same)).replace("\u202f", " ")
    assert said.count("no clear difference") == 3 and "about as often as before" in said


def test_the_best_of_a_row_and_who_is_not_surely_worse():
    right = BY_NAME["pass_at_1"]
    row = {
        "base": Figure(0.2, 0.1, 0.3),
        "r1-zero": Figure(0.8, 0.7, 0.9),
        "r1": Figure(0.7, 0.6, 0.8),
        "distilled": Figure(0.1, 0.0, 0.2),
        "dev1": None,
    }
    assert best_of(right, row, small=False) == {"r1-zero", "r1"}
    assert best_of(right, row, small=True) == set()
    mixed = BY_NAME["mixed_language_rate"]
    shares = {"base": Figure(0.08), "r1-zero": Figure(0.7), "r1": Figure(0.01)}
    assert best_of(mixed, shares, small=False) == {"r1"}
    assert best_of(BY_NAME["completion_tokens"], shares, small=False) == set()


def test_measures_find_their_figures():
    figures = {
        "maj_at_16": {"value": 0.3, "low": 0.2, "high": 0.4},
        "pass_at_k": {"1": 0.1, "16": 0.9, "8": 0.7, "x": 2},
        "general_by_kind": {"fact": 0.4},
        "instruction_following": None,
    }
    assert BY_NAME["majority"].read(figures) == Figure(0.3, 0.2, 0.4)
    assert BY_NAME["largest_k"].read(figures) == Figure(0.9)
    assert BY_NAME["instruction_following"].read(figures) is None
    (fact,) = measures.kind_measures({"base": figures})
    assert fact.read(figures) == Figure(0.4) and fact.read({}) is None
