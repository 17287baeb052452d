"""Each weak grader pays for its exploit, the strict one does not, and the parts stay true."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
from gallery import ANSWER, NOT_PAID, RIGHT

from minir1 import answers, commands
from minir1.behaviour import Sample
from minir1.config import RewardConfig, tiny
from minir1.errors import UserError
from minir1.rewards import accuracy, format_reward, language_consistency, pay, reward
from minir1.settings import override
from minir1.storage.jsonlines import read_lines
from minir1.ui import Dashboard
from minir1.weak_rewards import BY_COIN, GRADERS, PAYS


@dataclass(frozen=True)
class Puzzle:
    numbers: tuple[int, ...] = (3, 7, 1)
    target: int = 11
    difficulty: int = 1


PUZZLE = Puzzle()
HIT = "7 + 1 = 8 , 8 + 3 = 11 yes"
MISS = "7 - 1 = 6 , 6 * 3 = 18"
WRONG = "<answer> ( 7 + 1 ) * 3 </answer> <eos>"
PERFECT = f"<think> try {HIT} so </think> {ANSWER} <eos>"

# What each grader pays for though it is wrong, and how much of its own part it then pays.
EXPLOITS = {
    "drafts": (f"<think> try {HIT} check {HIT} maybe {HIT}", False, 1.2),
    "last-result": (f"<think> try 7 * 3 = 11 no </think> {WRONG}", True, 1),
    "verdict": (f"<think> try {MISS} yes so </think> {WRONG}", True, 1),
    "any-numbers": ("<answer> 10 + 1 </answer> <eos>", True, 1),
    "length": ("<think> " + "hmm " * 299, False, 1),
    "reflective": ("<think> " + "wait 等等 " * 10 + f"</think> {WRONG}", True, 1),
    "truncated": (f"<think> {MISS} no" + " wait" * 280, False, 1),
    "language": (WRONG, True, 1),
    "noise-30": (WRONG, True, 1),
    "noise-50": (WRONG, True, 1),
}


def paid_for(kind: str, completion: str, finished: bool = True, coin: float = 0.0) -> float:
    settings = RewardConfig(kind=kind)
    paid, _ = pay(PUZZLE, completion, finished, "en", settings, coin)
    return paid["accuracy"]


def test_every_grader_can_be_chosen_and_says_what_it_pays_for() -> None:
    known = set(get_args(get_type_hints(RewardConfig)["kind"]))
    assert known - {"rule", "random", "format"} == set(GRADERS) == set(PAYS)
    assert set(EXPLOITS) | {"penalty"} == set(GRADERS)
    assert {kind for kind in GRADERS if kind.startswith("noise")} == set(BY_COIN)


@pytest.mark.parametrize("kind", EXPLOITS)
def test_an_exploit_is_paid_by_its_grader_and_not_by_the_rules(kind: str) -> None:
    completion, finished, earned = EXPLOITS[kind]
    assert paid_for(kind, completion, finished) == pytest.approx(earned)
    assert paid_for("rule", completion, finished) == 0


@pytest.mark.parametrize(
    "kind", [kind for kind in GRADERS if kind not in ("length", "reflective")]
)
def test_the_right_answer_is_paid_too(kind: str) -> None:
    assert paid_for(kind, PERFECT) >= (0.8 if kind == "drafts" else 1)


@pytest.mark.parametrize("kind", GRADERS)
def test_what_is_measured_stays_true(kind: str) -> None:
    texts = [
        PERFECT,
        *(completion for completion, _, _ in EXPLOITS.values()),
        *NOT_PAID.values(),
    ]
    for completion in texts:
        for finished in (True, False):
            asked = PUZZLE, completion, finished, "en"
            total, parts = reward(*asked, RewardConfig(kind=kind))
            assert parts == {
                "accuracy": accuracy(*asked[:3]),
                "format": format_reward(completion, finished),
                "language_consistency": language_consistency(completion, "en"),
            }
            assert total == pytest.approx(
                paid_for(kind, completion, finished) + 0.1 * parts["format"]
            )


@pytest.mark.parametrize(
    ("kind", "completion", "finished"),
    [
        ("drafts", f"<think> try {MISS} no so </think> {WRONG}", True),
        ("last-result", f"<think> try {HIT} try {MISS} no so </think> {ANSWER} <eos>", True),
        ("last-result", f"<think> try {HIT}", True),  # no answer
        ("last-result", PERFECT, False),
        ("verdict", f"<think> {MISS} yes {MISS} no </think> {ANSWER}", True),
        ("verdict", f"<think> try {MISS} so </think> {ANSWER}", True),  # no word on it
        ("verdict", f"<think> try {MISS} yes", True),
        ("verdict", PERFECT, False),
        ("any-numbers", "<answer> 10 - 1 </answer>", True),
        ("any-numbers", "<answer> 10 + 2 </answer>", True),
        ("any-numbers", f"<answer> {RIGHT} = 11 </answer>", True),
        ("any-numbers", ANSWER, False),
        ("reflective", "<think> wait wait wait", False),
        ("truncated", WRONG, True),
        ("language", "<think> wait", False),
        ("noise-50", WRONG, False),
    ],
)  # fmt: skip
def test_a_weak_grader_does_not_pay_for_everything(
    kind: str, completion: str, finished: bool
) -> None:
    assert paid_for(kind, completion, finished) == 0


def test_the_fine_is_for_wrong_answers_alone() -> None:
    assert paid_for("penalty", PERFECT) == 1
    assert paid_for("penalty", WRONG) == -1
    assert paid_for("penalty", WRONG, finished=False) == 0
    assert paid_for("penalty", "<think> hmm <eos>") == 0


def test_drafts_have_a_ceiling_and_count_answers() -> None:
    assert paid_for("drafts", f"try {HIT} " * 9) == pytest.approx(2)
    assert paid_for("drafts", f"{ANSWER} {ANSWER}") == pytest.approx(0.8)


def test_the_coin_is_heeded_at_its_rate() -> None:
    assert [paid_for("noise-30", WRONG, coin=c) for c in (0.29, 0.31)] == [1, 0]
    assert [paid_for("noise-50", WRONG, coin=c) for c in (0.49, 0.51)] == [1, 0]
    samples = [Sample(PUZZLE, "en", WRONG, 9, True)] * 4000
    config = override(tiny("r1-zero"), ["reward.kind=noise-30"])
    earned = answers.grade(samples, config, (0, "test", 0))["accuracy"]
    assert float(np.mean(earned)) == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("kind", GRADERS)
def test_hostile_text_is_read_within_milliseconds(kind: str) -> None:
    for completion in NOT_PAID.values():
        started = time.perf_counter()
        paid_for(kind, completion)
        assert time.perf_counter() - started < 0.5


def test_programs_have_no_weak_graders() -> None:
    with pytest.raises(UserError, match=r"grpo\.program_prompts=0\.5: wanted 0: reward"):
        override(tiny("r1-zero"), ["grpo.program_prompts=0.5", "reward.kind=verdict"])


def test_a_run_is_paid_by_the_grader_that_was_chosen_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles = []

    def dashboard(title: str, **options: Any) -> Dashboard:
        titles.append(title)
        return Dashboard(title, **options)

    monkeypatch.setattr(commands, "Dashboard", dashboard)
    small = ("grpo.steps=1", "grpo.prompts=2", "evaluation.problems=2", "evaluation.samples=1")
    settings = [*small, "evaluation.every=0", "threads=1", "reward.kind=length"]
    out = tmp_path / "run"
    commands.train("r1-zero", 0, "base", str(out), "numpy", False, settings, True)
    (row,) = read_lines(out / "metrics.jsonl")
    written = row["completion_tokens"] / 300 + 0.1 * row["format_rate"]
    assert row["reward"] == pytest.approx(written, abs=1e-6)
    assert titles[0].startswith("R1-Zero · seed 0")
    assert titles[0].endswith(" · reward.kind=length")
    assert "training paid for every word" in (out / "report.html").read_text()
