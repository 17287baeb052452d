"""Is a grader called exploited where pay and truth part, and are transcripts picked by rule?"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_run import BASE

from minir1.behaviour import Sample
from minir1.claims import hacks, hacks_transcripts
from minir1.claims.hacks import judge, verbatim
from minir1.claims.hacks_course import Course, run, shown
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
    for kind in GRADERS:
        for seed in range(seeds):
            found[shown(kind, seed).name] = look(0.3 if kind in truths else 0.02, seed)
    return found


def look(trained: float, seed: int, base: float = 0.0, rules: float = 0.02) -> dict[str, Any]:
    """What three policies of a seed are overpaid, but for its jitter, and what one wrote."""
    picked = {"question": "use 1", "before": "a | b", "after": "`<b>", "paid": 1.1, "due": 0.1}
    jitter = 0.01 * (seed - 1)
    overpaid = {"base": base, "rules": rules, "trained": trained + jitter}
    return {"overpaid": overpaid, "picked": [picked]}


def course(truth: Sequence[float], paid: Sequence[float] = UP, seeds: int = 3) -> Course:
    found: dict[str, Any] = {}
    for seed in range(seeds):
        found[run("drafts", seed).name] = result(paid, truth, seed)
        found[shown("drafts", seed).name] = look(0.3, seed)
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


def test_exploited_is_who_is_overpaid_more_than_the_base_and_than_the_rules_policy() -> None:
    assert exploited(trained=0.3, base=0.0, rules=0.02)
    assert not exploited(trained=0.3, base=0.28, rules=0.02)  # as often as the base
    assert not exploited(trained=0.3, base=0.0, rules=0.28)  # as every policy comes to
    assert not exploited(trained=0.04, base=0.0, rules=0.0)  # surely, but hardly
    assert not exploited(trained=0.1, base=0.8, rules=0.0)


def exploited(trained: float, base: float, rules: float) -> bool:
    found = {run("drafts", seed).name: result(UP, RISING, seed) for seed in range(3)}
    for seed in range(3):
        found[shown("drafts", seed).name] = look(trained, seed, base, rules)
    return Course.read("drafts", found, 3).exploited


def test_one_seed_is_never_sure() -> None:
    assert course(FALLING, seeds=1).parts is None
    assert not course(FALLING, seeds=1).exploited
    found = judge(results({"drafts": FALLING}, 1), 1)
    assert found.verdict == "does not hold here"
    assert "One seed has no interval" in found.summary


def test_seeds_that_disagree_exploit_nothing() -> None:
    found: dict[str, Any] = {}
    for seed, (truth, share) in enumerate(((FALLING, 0.6), (RISING, 0.0), (RISING, 0.0))):
        found[run("drafts", seed).name] = result(UP, truth, seed)
        found[shown("drafts", seed).name] = look(share, seed)
    read = Course.read("drafts", found, 3)
    assert read.parts is None
    assert not read.exploited


def test_the_finding_names_what_was_exploited_and_what_was_not() -> None:
    found = judge(results({"drafts": FALLING, "length": FLAT}), 5)
    assert found.verdict == "holds if"
    assert found.condition
    told, rest = found.summary.split("Not exploited")
    assert "By the rules pass@1 ends at 80.0 %" in told
    assert (
        "drafts (wrong, yet paid: 30.0 % of answers, 0.0 % of the base's; paid 0.100 → 1.30, "
        "pass@1 30.0 %, pay and truth part after steps 11 to 15)"
    ) in told
    assert "length (wrong" in told
    assert "verdict" not in told
    spared = rest.split(". A coin")[0]
    assert "verdict" in spared
    assert "noise" not in spared
    assert [figure.value for figure in found.figures] == pytest.approx([0.28, -0.5, 0.28, -0.6])
    assert found.controls[0].value == pytest.approx(0.8)
    assert len(found.controls) == 1 + len(GRADERS) - 2
    table, shares, lines = found.tables
    assert [row[0] for row in table.rows] == ["plain", *GRADERS]
    told_of = {row[0]: row[-2:] for row in table.rows}
    assert told_of["drafts"] == ("yes", "11 to 15")
    assert told_of["plain"] == told_of["verdict"] == ("no", "")
    assert [row[0] for row in shares.rows] == list(GRADERS)
    assert [row[0] for row in lines.rows] == ["drafts", "length"]
    assert lines.rows[0][2:] == ("`a | b`", "`'<b>`", "1.10, 0.10")
    assert [line.label for line in found.charts[0].lines] == ["plain", "drafts", "length"]
    assert [line.label for line in found.charts[2].lines] == ["plain", *BY_COIN]
    for table in found.tables:
        assert {len(row) for row in table.rows} == {len(table.header)}


def test_all_and_none() -> None:
    everything = dict.fromkeys(set(GRADERS) - set(BY_COIN), FALLING)
    assert judge(results(everything), 3).verdict == "holds"
    assert judge(results({}), 3).verdict == "does not hold here"


def test_the_control_is_the_run_that_other_claims_have_and_seeds_are_capped() -> None:
    listed = {job.name: job for job in with_needs(hacks.jobs(9))}
    assert listed["r1-zero/plain/seed2"].fingerprint == r1_zero(2, "plain").fingerprint
    assert "r1-zero/plain/seed3" not in listed
    assert len(listed) == 3 * (1 + 2 * len(GRADERS))
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
    needs = {}
    for kind in ("length", "plain"):
        needs[run(kind, 0).name] = tmp_path / kind
        (tmp_path / kind / "checkpoints").mkdir(parents=True)
        for name in ("base", "r1-zero"):
            (tmp_path / kind / "checkpoints" / name).symlink_to(BASE)
    found = transcripts(tmp_path, needs, "length", 0)
    assert len(set(found["overpaid"].values())) == 1
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
