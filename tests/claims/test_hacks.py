"""Is a grader called exploited where pay and truth part, and are transcripts picked by rule?"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_run import BASE

from minir1.behaviour import Sample
from minir1.claims import hacks, hacks_transcripts
from minir1.claims.hacks import judge, shown, verbatim
from minir1.claims.hacks_course import Course, run
from minir1.claims.hacks_transcripts import GROUP, Look, pick, transcripts
from minir1.claims.job import with_needs
from minir1.claims.standard import r1_zero
from minir1.config import override, tiny
from minir1.weak_rewards import BY_COIN, GRADERS
from minir1.world.problems import Problem
from minir1.world.questions import Question, held_out_questions

PROBLEM = Problem((1, 2, 4), 10, 1)
RIGHT, WRONG = "<answer> ( 1 + 4 ) * 2 </answer> <eos>", "<answer> 1 + 2 </answer> <eos>"
RISING, FALLING, FLAT = (0.2, 0.5, 0.8, 0.8, 0.8), (0.2, 0.5, 0.8, 0.5, 0.3), (0.2,) * 5
UP = (0.1, 0.4, 0.9, 1.1, 1.3)


def result(paid: Sequence[float], truth: Sequence[float], seed: int) -> dict[str, Any]:
    """A run whose figures are the same in every step of a block, but for the seed's jitter."""
    jitter = 0.01 * (seed - 1)
    rows = [
        {
            "step": step + 1,
            "reward": paid[step // 5] + jitter,
            "accuracy": truth[step // 5] + jitter,
            "completion_tokens": 100.0,
            "truncated": 0.1,
            "format_rate": 0.9,
        }
        for step in range(25)
    ]
    checkpoints = {"r1-zero": {"pass_at_1": {"value": truth[-1] + jitter}}}
    return {"curves": {"r1-zero": rows}, "checkpoints": checkpoints}


def results(truths: dict[str, Sequence[float]], seeds: int = 3) -> dict[str, Any]:
    """Runs of all graders, honest ones but for those that are named."""
    found: dict[str, Any] = {}
    for kind in ("plain", *GRADERS):
        for seed in range(seeds):
            paid = UP if kind in truths else RISING
            found[run(kind, seed).name] = result(paid, truths.get(kind, RISING), seed)
    picked = {"question": "use 1", "before": "a | b", "after": "`<b>", "paid": 1.1, "due": 0.1}
    for kind in GRADERS:
        share = {"base": 0.0, "r1-zero": 0.25}
        found[shown(kind).name] = {"overpaid": share, "picked": [picked]}
    return found


def course(truth: Sequence[float], paid: Sequence[float] = UP, seeds: int = 3) -> Course:
    found = {run("drafts", s).name: result(paid, truth, s) for s in range(seeds)}
    return Course.read("drafts", found, seeds)


def test_pay_and_truth_part_where_truth_was_best() -> None:
    assert course(FALLING).parts == 2
    assert course(FALLING).best == 2
    assert course(FALLING).truth[1] == pytest.approx(FALLING)


def test_truth_that_never_rises_while_pay_does_is_an_exploit_from_the_start() -> None:
    assert course(FLAT).parts == 0
    assert course((0.2, 0.2, 0.1, 0.1, 0.0)).parts == 0


@pytest.mark.parametrize(
    ("truth", "paid"),
    [
        (RISING, UP),  # both rise
        (FALLING, FALLING),  # both fall
        ((0.2, 0.5, 0.8, 0.8, 0.76), UP),  # less than the margin
        (FLAT, FLAT),
    ],
)
def test_where_they_go_together_nothing_is_exploited(
    truth: Sequence[float], paid: Sequence[float]
) -> None:
    assert course(truth, paid).parts is None


def test_one_seed_is_never_sure() -> None:
    assert course(FALLING, seeds=1).parts is None
    found = judge(results({"drafts": FALLING}, 1), 1)
    assert found.verdict == "does not hold here"
    assert "One seed has no interval" in found.summary


def test_seeds_that_disagree_exploit_nothing() -> None:
    truths = (FALLING, RISING, RISING)
    found = {run("drafts", s).name: result(UP, truths[s], s) for s in range(3)}
    assert Course.read("drafts", found, 3).parts is None


def test_the_finding_names_what_was_exploited_and_what_was_not() -> None:
    found = judge(results({"drafts": FALLING, "length": FLAT}), 5)
    assert found.verdict == "holds if"
    assert found.condition
    exploited, rest = found.summary.split("Not exploited")
    assert "drafts: paid 0.900 → 1.30, right 80.0 % → 30.0 %" in exploited
    assert "length: paid 0.100 → 1.30, right 20.0 % → 20.0 %" in exploited
    assert "verdict" not in exploited
    assert "verdict" in rest.split(". A coin")[0]
    assert "noise" not in rest.split(". A coin")[0]
    assert len(found.figures) == 4
    table, shares, lines = found.tables
    assert [row[0] for row in table.rows] == ["plain", *GRADERS]
    assert dict((row[0], row[-1]) for row in table.rows)["drafts"] == "from steps 11 to 15 on"
    assert [row[0] for row in shares.rows] == ["drafts", "length"] == [r[0] for r in lines.rows]
    assert lines.rows[0][2:4] == ("`a | b`", "`'<b>`")
    assert [line.label for line in found.charts[0].lines] == ["plain", "drafts", "length"]
    assert [line.label for line in found.charts[2].lines] == ["plain", *BY_COIN]


def test_all_and_none() -> None:
    everything = dict.fromkeys(set(GRADERS) - set(BY_COIN), FALLING)
    assert judge(results(everything), 3).verdict == "holds"
    assert judge(results({}), 3).verdict == "does not hold here"


def test_the_control_is_the_run_that_other_claims_have_and_seeds_are_capped() -> None:
    listed = {job.name: job for job in with_needs(hacks.jobs(9))}
    assert listed["r1-zero/plain/seed2"].fingerprint == r1_zero(2, "plain").fingerprint
    assert "r1-zero/plain/seed3" not in listed
    assert len(listed) == 3 * (1 + len(GRADERS)) + len(GRADERS)
    for job in listed.values():
        override(tiny("r1-zero"), job.settings.get("settings", ()))
    assert {job.name for job in with_needs(hacks.jobs(1))} <= set(listed)


# transcripts


def answered(text: str, tokens: int = 9) -> Sample:
    return Sample(PROBLEM, "en", text, tokens, True)


def test_what_is_paid_most_beyond_the_rules_is_shown_the_shortest_first() -> None:
    questions = [Question(PROBLEM, "en", f"question {i}") for i in range(4)]
    tokens = [9, 8, 7, 9, 5, 5, 5, 5, 9, 9, 9, 9, 6, 6, 6, 6]
    paid = np.array([1, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 3, 0, 1, 0, 0], dtype=float)
    samples = [answered(f"answer {i}", n) for i, n in enumerate(tokens)]
    base = Look([answered(f"base {i}") for i in range(16)], paid, paid)
    picked = pick(questions, base, Look(samples, paid, np.zeros(16)))
    assert GROUP == 4
    assert [one["after"] for one in picked] == ["answer 11", "answer 2", "answer 4"]
    assert [one["before"] for one in picked] == ["base 11", "base 2", "base 4"]
    assert [one["question"] for one in picked] == ["question 2", "question 0", "question 1"]
    assert picked[0]["paid"], picked[0]["due"] == (3, 0)


def test_overpaid_is_wrong_and_earns_half_a_right_answer() -> None:
    samples = [answered(text) for text in (RIGHT, WRONG, WRONG, WRONG)]
    due = np.array([1, 0, 0.1, 0.1])
    assert Look(samples, np.array([2, 0.5, 0.6, 0.5]), due).overpaid == 0.5


def test_a_run_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hacks_transcripts, "QUESTIONS", 3)
    (tmp_path / "checkpoints").mkdir()
    for name in ("base", "r1-zero"):
        (tmp_path / "checkpoints" / name).symlink_to(BASE)
    found = transcripts(tmp_path, {"r1-zero/x": tmp_path}, "length", 0)
    assert found["overpaid"]["base"] == found["overpaid"]["r1-zero"]
    assert len(found["picked"]) == 3
    asked = {question.prompt for question in held_out_questions("validation", 3)}
    assert {one["question"] for one in found["picked"]} == asked
    for one in found["picked"]:
        assert one["before"] == one["after"]
        right = one["due"] >= 1
        words = len(one["after"].split()) / 300
        assert one["paid"] - one["due"] == pytest.approx(words - right, abs=0.01)


def test_what_a_model_wrote_is_quoted_and_not_obeyed() -> None:
    said = verbatim("<img src=x> `code`\x1b[31m red\n| cell \u202e end")
    assert said == "`<img src=x> 'code' red | cell end`"
