"""Do the claims about runs judge by intervals, and say what the figures say?"""

import re
from collections.abc import Mapping
from dataclasses import replace
from math import nan
from typing import Any

import pytest
from made_up import results

from minir1.claims import (
    accuracy,
    alignment,
    distillation,
    languages,
    length,
    mixture,
    sharpening,
    stages,
)
from minir1.claims.claim import Claim, Finding
from minir1.claims.figures import text
from minir1.claims.job import with_needs
from minir1.config import override, tiny

MODULES = (
    accuracy, alignment, distillation, languages, length, mixture, sharpening, stages
)  # fmt: skip
CLAIMS = [module.CLAIM for module in MODULES]
EVERY = pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
HOLDS, IF, NOT = "holds", "holds if", "does not hold here"

FLAT = {"1": 26.0, "2": 26.0, "3": 26.0, "4": 26.0}
STEEP = {"1": 50.0, "2": 70.0, "3": 90.0, "4": 110.0}
NO_RL = {"pass_at_1/value": 0.09, "pass_at_1_lenient/value": 0.09}
# What makes each claim true, by claim: the changes of the made-up results.
TRUE: dict[str, dict[str, Any]] = {
    "accuracy": {
        **{f"random/r1-zero/{k}": v for k, v in NO_RL.items()},
        **{f"format/r1-zero/{k}": v for k, v in NO_RL.items()},
    },
    "length": {},
    "languages": {},
    "stages": {
        "story/r1/mixed_language_rate": 0.01,
        "story/r1/format_rate": 0.99,
        "no-language/r1/mixed_language_rate": 0.02,
    },
    "mixture": {
        "story/dev2/general/value": 0.2,
        "reasoning-only/dev2/general/value": 0.2,
        "reasoning-only/dev3/general/value": 0.4,
    },
    "alignment": {"story/r1/gold_utility/value": 0.6, "long/r1/gold_utility/value": 0.6},
    "distillation": {
        "story/small-rl/pass_at_1/value": 0.75,
        "small-long/r1-zero/pass_at_1/value": 0.75,
    },
    "sharpening": {
        "often:base/pass": [1.0, 1.0, 1.0],
        "often:plain/right": [250, 250, 0],
        "often:plain/pass": [1.0, 1.0, 0.0],
    },
}
# Changes on top of those, and the verdict that they bring.
VERDICTS: list[tuple[str, dict[str, Any], str]] = [
    *((name, {}, HOLDS) for name in TRUE),
    ("accuracy", {"plain/r1-zero/pass_at_1/value": 0.4}, NOT),
    ("accuracy", {"often:plain/vote": 200 / 256}, NOT),
    ("accuracy", {"format/r1-zero/pass_at_1/value": 0.3}, NOT),
    ("accuracy", {"plain/base/pass_at_1_lenient/value": 0.5}, IF),
    ("length", {"plain/r1-zero/completion_tokens": 22.0}, NOT),
    ("length", {"plain/r1-zero/completion_tokens_by_difficulty": FLAT}, NOT),
    ("length", {"no-reflection/r1-zero/completion_tokens_by_difficulty": FLAT}, IF),
    ("length", {"constant/r1-zero/completion_tokens_by_difficulty": FLAT}, IF),
    ("languages", {"plain/r1-zero/mixed_language_rate": 0.08}, NOT),
    (
        "languages",
        {
            "short-free-mixing/r1-zero/mixed_language_rate": 0.15,
            "readability:short-free-mixing/r1-zero/mixed_of_thinking": 0.15,
        },
        IF,
    ),
    ("languages", {"short-free-mixing/r1-zero/mixed_language_rate": 0.3}, HOLDS),
    ("stages", {"story/r1/mixed_language_rate": 0.6}, NOT),
    ("stages", {"story/r1/format_rate": 0.9}, NOT),
    ("stages", {"story/r1/pass_at_1/value": 0.7}, NOT),
    ("stages", {"no-language/r1/mixed_language_rate": 0.3}, IF),
    ("mixture", {"story/dev3/general/value": 0.2}, NOT),
    ("mixture", {"story/dev3/pass_at_1/value": 0.7}, NOT),
    ("mixture", {"reasoning-only/dev3/general/value": 0.1}, IF),
    ("alignment", {"story/r1/gold_utility/value": 0.4}, NOT),
    ("alignment", {"story/r1/pass_at_1/value": 0.7}, NOT),
    ("alignment", {"long/curves/gold_utility": (0.9, 0.5)}, IF),
    ("alignment", {"long/r1/gold_utility/value": 0.3}, IF),
    ("distillation", {"story/small-rl/pass_at_1/value": 0.8}, NOT),
    ("distillation", {"small-long/r1-zero/pass_at_1/value": 0.82}, IF),
    ("sharpening", {"often:plain/right": [20, 60, 100]}, NOT),
    ("sharpening", {"often:base/right": [20, 60, 0], "often:plain/right": [200] * 3}, NOT),
    ("sharpening", {"often:plain/right": [200] * 3, "often:plain/pass": [1.0] * 3}, NOT),
    (
        "sharpening",
        {
            "often:base/pass": [0.9] * 3,
            "often:plain/right": [200] * 3,
            "often:plain/pass": [1.0] * 3,
            "often:hot/pass": [0.5] * 3,
        },
        NOT,
    ),
    (
        "sharpening",
        {
            "often:plain/right": [200] * 3,
            "often:plain/pass": [1.0] * 3,
            "often:hot/pass": [1.0, 1.0, 0.5],
        },
        IF,
    ),
]


def judged(name: str, changes: Mapping[str, Any], seeds: int = 5) -> Finding:
    claim = next(claim for claim in CLAIMS if claim.id == name)
    return claim.judge(results(claim, seeds, {**TRUE[name], **changes}), seeds)


@pytest.mark.parametrize(
    "name, changes, verdict", VERDICTS, ids=[f"{v[0]}-{i}" for i, v in enumerate(VERDICTS)]
)
def test_a_verdict_follows_from_the_figures(
    name: str, changes: dict[str, Any], verdict: str
) -> None:
    finding = judged(name, changes)
    assert finding.verdict == verdict
    assert bool(finding.condition) == (verdict == IF)


@EVERY
def test_a_mean_without_an_interval_decides_nothing(claim: Claim) -> None:
    """What holds at five seeds is unsure at one, and the summary says so."""
    finding = judged(claim.id, {}, seeds=1)
    assert finding.verdict == NOT
    assert "One seed" in finding.summary and "One seed" not in judged(claim.id, {}).summary


@EVERY
def test_every_number_of_a_summary_is_a_figure(claim: Claim) -> None:
    """Take the figures out, and only counts that the experiment fixes are left."""
    for _, changes, _ in [v for v in VERDICTS if v[0] == claim.id]:
        finding = judged(claim.id, changes)
        left = finding.summary
        known = {text(figure) for figure in (*finding.figures, *finding.controls)}
        for figure in sorted(known, key=len, reverse=True):
            left = left.replace(figure, "")
        left = re.sub(r"(R1|dev\d|pass@1|R1-Zero)\b", "", left)
        assert {*re.findall(r"\d+", left)} <= FIXED.get(claim.id, set()), left


# What an experiment fixes: votes of 16, 100 tokens, tries, ways to try, the k of pass@k.
FIXED = {
    "accuracy": {"16"},
    "languages": {"100"},
    "distillation": {"16"},
    "sharpening": {"256", "27", "1", "2", "4", "8", "16", "32", "64", "128"},
}


@EVERY
def test_a_finding_can_be_drawn_and_laid_out(claim: Claim) -> None:
    finding = judged(claim.id, {})
    assert finding.figures and finding.controls
    for table in finding.tables:
        assert table.rows and all(len(row) == len(table.header) for row in table.rows)
    for chart in finding.charts:
        assert len(chart.lines) > 1 and all(len(line.points) > 1 for line in chart.lines)
        assert chart.told.endswith(".")
    names = [chart.name for chart in finding.charts]
    assert len(names) == len({*names})


@EVERY
def test_the_settings_of_every_job_are_real(claim: Claim) -> None:
    jobs = list(with_needs(claim.jobs(5)))
    for job in jobs:
        if "settings" in job.settings:
            override(tiny(job.settings.get("recipe", "pretrain")), job.settings["settings"])
    assert all(seed in " ".join(job.name for job in jobs) for seed in ("seed0", "seed4"))


def test_jobs_of_one_name_are_one_job() -> None:
    """`with_needs` refuses two jobs of one name that differ, over all claims."""
    assert len(list(with_needs(job for claim in CLAIMS for job in claim.jobs(5)))) > 60


@EVERY
def test_a_claim_alone_takes_no_longer_than_it_may(claim: Claim) -> None:
    """At most 40 minutes on two cores, by what its jobs say of themselves."""
    assert sum(job.minutes for job in with_needs(claim.jobs(5))) <= 2 * 40


def test_the_length_that_turned_is_told() -> None:
    longest = {"plain/curves/completion_tokens": (200.0, 90.0)}
    assert "The longest rollouts are not the last" in judged("length", longest).summary
    hardly = {"plain/curves/completion_tokens": (95.0, 90.0)}
    for changes in ({}, hardly):
        assert "has not clearly turned" in judged("length", changes).summary


def test_slope_is_that_of_a_straight_line() -> None:
    assert length.slope({"1": 10.0, "2": 13.0, "3": 16.0, "4": 19.0}) == pytest.approx(3)
    assert length.slope(STEEP) == pytest.approx(20)
    assert length.slope({"1": 1.0, "2": 2.0, "4": 2.0}) == pytest.approx(4 / 14)


def test_smoothing_averages_fewer_at_the_ends() -> None:
    assert alignment.smooth([0.0, 3.0, 6.0, 9.0, 12.0]) == [3.0, 4.5, 6.0, 7.5, 9.0]


def test_only_steps_with_general_prompts_count() -> None:
    rows = [{"gold_utility": 1.0}, {"preference_reward": 0.5, "gold_utility": 2.0}]
    assert alignment.general_steps(rows, "gold_utility") == [2.0]


def test_the_windows_are_where_a_usual_run_stops_and_the_end() -> None:
    """Of 25 steps: 10 to 14, and the last 10; a line from 0 to 24 has means 11 and 19.5."""
    finding = judged("alignment", {"long/curves/preference_reward": (0.0, 24.0)})
    (score,) = [f for f in finding.controls if f.what.startswith("reward model's score")]
    assert score.value == pytest.approx(19.5 - 11, rel=0.01)


def test_r1_below_r1_zero_is_said() -> None:
    figure = judged("stages", {}).figures[0]
    told = {
        "R1 passes": replace(figure, low=0.01, high=0.03),
        "R1 is surely less": replace(figure, low=-0.03, high=-0.01),
        "R1 does not surely pass": replace(figure, low=-0.01, high=0.03),
    }
    assert all(stages.beside(figure).startswith(words) for words, figure in told.items())
    assert "does not surely" in stages.beside(replace(figure, low=nan, high=nan))


def test_the_crossing_is_the_first_sure_one() -> None:
    finding = judged("sharpening", {"often:hot/pass": [1.0, 1.0, 1.0]})
    assert "ahead of R1-Zero from 2 tries on" in finding.summary
    assert "three times the learning rate nowhere up to 256" in finding.summary
