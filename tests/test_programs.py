"""Are program problems asked, graded, counted and measured like the number puzzles?"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from minir1 import (
    answers,
    backend,
    behaviour,
    evaluate,
    program_evaluation,
    rewards,
    timemachine,
)
from minir1.asking import judge, question
from minir1.checkpoint import load_checkpoint
from minir1.checkpoint_commands import evaluate_checkpoint
from minir1.config import EvalConfig, RunConfig, override, tiny
from minir1.environment import TinyWorld
from minir1.errors import UserError
from minir1.export.engine import require_grpo
from minir1.pipeline import Checkpoint
from minir1.puzzles import solved
from minir1.searches import faithful, search, trials
from minir1.traces import read_attempts
from minir1.world.problems import Problem
from minir1.world.program_questions import ProgramQuestion
from minir1.world.programs import fitting, pose, prompt, split
from minir1.world.questions import Question, training_questions

SHOWN = ((2, 5), (7, 15))
PROBLEM = pose(SHOWN)  # 2x + 1
assert PROBLEM is not None


def said(thought: str, answer: str) -> str:
    return f"<think> {thought} so </think> <answer> {answer} </answer> <eos>"


OVERFITTED = "? ? * 15 + 7 ? * -"  # x * x - 7x + 15: right for 2 and 7, and for nothing else
RIGHT_RUN = "2 * 2 = 4 , 4 + 1 = 5 yes 7 * 2 = 14 , 14 + 1 = 15 yes"
HALF_RUN = "2 + 2 = 4 , 4 + 1 = 5 yes 7 + 2 = 9 , 9 + 1 = 10 no"
MISS = "2 + 2 = 4 , 4 + 2 = 6 no"


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("? 2 * 1 +", 1.0),
        ("? ? + 1 +", 1.0),  # another way to do the same
        ("1 ? 2 * +", 1.0),
        ("? 2 * 1 -", 0.0),
        ("? 2 + 1 +", 0.0),  # right on the first example only
        ("( 2 * 2 ) + 1", 0.0),
        ("5", 0.0),
        ("", 0.0),
    ],
)
def test_an_answer_is_graded_by_running_it(answer: str, right: float) -> None:
    assert rewards.accuracy(PROBLEM, said(MISS, answer), True) == right
    assert rewards.accuracy(PROBLEM, said(MISS, answer), False) == 0


def test_what_fits_the_shown_examples_only_fails_on_the_hidden() -> None:
    """A program may be made for the two examples: here, one that bends."""
    sample = behaviour.ProgramSample(PROBLEM, "en", said(MISS, OVERFITTED), 30, True)
    assert program_evaluation.fits_what_is_shown(sample)
    assert not solved(PROBLEM, OVERFITTED)
    assert rewards.accuracy(PROBLEM, sample.completion, True) == 0
    figures = program_evaluation.score([sample], 1, 0)
    assert figures["pass_at_1"]["value"] == 0 and figures["pass_at_1_shown"]["value"] == 1
    assert figures["shown_not_hidden"] == 1


def test_puzzles_are_graded_as_before() -> None:
    assert solved(Problem((1, 3, 7), 11, 1), "( 7 + 1 ) + 3")
    assert not solved(Problem((1, 3, 7), 11, 1), "? 2 * 1 +")
    assert not solved(Problem((1, 3, 7), 11, 1), "11")


# how a thought searches


def test_runs_that_follow_a_yes_are_one_attempt() -> None:
    thought = f"try {MISS} wait {HALF_RUN} hmm {RIGHT_RUN} check {RIGHT_RUN} so"
    found = trials(read_attempts(thought))
    assert [len(runs) for runs in found] == [1, 2, 2, 2]
    assert [runs[0].is_check for runs in found] == [False, False, False, True]
    seen = search(PROBLEM, read_attempts(thought))
    assert (seen.attempts, seen.repeated, seen.illegal) == (3, 0, 0)
    assert (seen.hits, seen.misses, seen.yes_to_hits, seen.yes_to_misses) == (3, 2, 3, 0)
    assert seen.first_failed == thought.split().index("6") + 1


def test_runs_that_follow_a_no_are_two_attempts() -> None:
    assert [len(runs) for runs in trials(read_attempts(f"try {MISS} {RIGHT_RUN}"))] == [1, 2]


def test_a_first_attempt_that_solves_did_not_fail() -> None:
    assert search(PROBLEM, read_attempts(f"try {RIGHT_RUN}")).first_failed is None
    assert search(PROBLEM, read_attempts(f"try {HALF_RUN}")).first_failed is not None
    assert search(PROBLEM, []).first_failed is None
    short = "try 2 * 2 = 4 , 4 + 1 = 5 yes"
    assert search(PROBLEM, read_attempts(short)).first_failed == 12  # one example is not all


@pytest.mark.parametrize(
    ("runs", "ok"),
    [
        (RIGHT_RUN, True),
        (HALF_RUN, True),
        (MISS, True),
        ("2 * 2 = 4 , 4 + 1 = 5 yes 7 * 7 = 49 , 49 + 1 = 50 no", True),  # ? ? * 1 +
        ("3 * 2 = 6 , 6 + 1 = 7 no", False),  # another input
        ("2 * 2 = 4 , 5 + 1 = 6 no", False),  # another value
        ("2 * 2 = 4 , 4 + 1 = 5 yes 7 * 2 = 14 , 14 + 2 = 16 no", False),  # another step
        ("2 * 2 = 4 , 4 + 1 = 5 yes 7 * 2 = 14 yes", False),  # a step less
        ("2 * 2 = 4 , 4 + 1 = 5 yes 7 + 2 = 9 , 9 + 1 = 10 no", False),
        (f"{RIGHT_RUN} 8 * 2 = 16 , 16 + 1 = 17 yes", False),  # nobody asked about 8
    ],
)
def test_an_attempt_runs_one_program_on_the_examples(runs: str, ok: bool) -> None:
    (found,) = trials(read_attempts(f"try {runs}"))
    assert faithful(found, SHOWN) == ok
    assert search(PROBLEM, read_attempts(f"try {runs}")).illegal == (not ok)


def test_behaviour_is_counted_alike() -> None:
    thought = f"try {MISS} 等等 {HALF_RUN} try {MISS} try {RIGHT_RUN}"
    sample = behaviour.ProgramSample(PROBLEM, "en", said(thought, "? 2 * 1 +"), 99, True)
    seen = behaviour.describe([sample])
    assert seen["accuracy"] == seen["format_rate"] == seen["useful_reflection_rate"] == 1
    assert seen["attempts_per_answer"] == 4 and seen["repeated_attempts_per_answer"] == 1
    assert seen["yes_given_hit"] == 1 and seen["yes_given_miss"] == 0
    assert seen["mixed_language_rate"] == 1 and 0.8 < seen["language_consistency"] < 1
    assert seen["arithmetic_right"] == 1 and seen["gave_up"] == 0


# training


@pytest.fixture(scope="module")
def base() -> Checkpoint:
    backend.use("numpy")
    params, config, tokenizer = load_checkpoint("tests/fixtures/small-base")
    return Checkpoint(backend.from_numpy(params), config, tokenizer)


def config_of(base: Checkpoint, *settings: str) -> RunConfig:
    small = override(tiny(), ["grpo.prompts=8", "grpo.group=2", "threads=1", *settings])
    return replace(
        small,
        model=base.config,
        sample=replace(small.sample, max_tokens=40),
        evaluation=EvalConfig(problems=3, samples=2, validation_problems=4),
    )


def asked(base: Checkpoint, *settings: str) -> list[object]:
    return TinyWorld(config_of(base, *settings), base.tokenizer, "r1-zero").problems(5)


def test_by_default_the_questions_are_those_of_before(base: Checkpoint) -> None:
    assert asked(base) == training_questions(0, "r1-zero", 5, 8, 0.35)


def test_the_share_of_programs_is_heeded(base: Checkpoint) -> None:
    alone = asked(base, "grpo.program_prompts=1")
    assert [type(question) for question in alone] == [ProgramQuestion] * 8
    both = asked(base, "grpo.program_prompts=0.5")
    assert [type(question) for question in both] == [Question, ProgramQuestion] * 4
    held = {p.key for part in ("validation", "test") for p in split()[part]}
    assert not {q.problem.key for q in alone if isinstance(q, ProgramQuestion)} & held


def test_a_rollout_of_both_is_paid_and_described(base: Checkpoint) -> None:
    world = TinyWorld(
        config_of(base, "grpo.program_prompts=0.5", "reward.language=0.5"),
        base.tokenizer,
        "r1-zero",
    )
    graded = world.rollout(base.params, 0)
    kinds = [isinstance(s, behaviour.ProgramSample) for s in graded.samples]
    assert kinds == [False, False, True, True] * 4
    assert set(graded.parts) == {"accuracy", "format", "language"}
    told = world.describe(graded)
    right = [evaluate.is_right(s) for s in graded.samples]
    assert told["accuracy"] == pytest.approx(np.mean(right))
    for name, kind in (("program_accuracy", True), ("puzzle_accuracy", False)):
        assert told[name] == np.mean(
            [r for r, k in zip(right, kinds, strict=True) if k == kind]
        )


def test_accuracy_is_told_by_kind() -> None:
    right = behaviour.ProgramSample(PROBLEM, "en", said(MISS, "? 2 * 1 +"), 30, True)
    wrong = behaviour.Sample(Problem((1, 3, 7), 11, 1), "en", said(MISS, "7"), 30, True)
    told = answers._by_kind([right, wrong, wrong])
    assert told == {"program_accuracy": 1, "puzzle_accuracy": 0}


def test_right_programs_are_paid_as_right_puzzles_are(base: Checkpoint) -> None:
    config = config_of(base)
    right = said(f"try {RIGHT_RUN}", "? 2 * 1 +")
    samples = [
        behaviour.ProgramSample(PROBLEM, "en", right, 30, True),
        behaviour.ProgramSample(PROBLEM, "en", right, 30, False),
    ]
    parts = answers.grade(samples, config, (0, "test", 0))
    assert parts["accuracy"].tolist() == parts["format"].tolist() == [[1, 0]]


def test_one_kind_alone_has_no_figures_by_kind(base: Checkpoint) -> None:
    for share in (0, 1):
        world = TinyWorld(
            config_of(base, f"grpo.program_prompts={share}"), base.tokenizer, "r1-zero"
        )
        assert "program_accuracy" not in world.describe(world.rollout(base.params, 0))


def test_weak_graders_read_puzzles_only() -> None:
    with pytest.raises(UserError, match=r"=0\.1: wanted 0: reward\.kind=verdict"):
        override(tiny(), ["grpo.program_prompts=0.1", "reward.kind=verdict"])
    override(tiny(), ["grpo.program_prompts=0.1", "reward.kind=random"])


def test_programs_stay_here() -> None:
    require_grpo(tiny())
    with pytest.raises(UserError, match=r"grpo.program_prompts=0.5: wanted 0 for an export"):
        require_grpo(override(tiny(), ["grpo.program_prompts=0.5"]))


# measuring


def test_validation_asks_what_is_trained(
    base: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    real = evaluate.ask

    def spy(params, config, tokenizer, questions, *rest):  # type: ignore[no-untyped-def]
        seen.append([type(question) for question in questions])
        return real(params, config, tokenizer, questions, *rest)

    monkeypatch.setattr(evaluate, "ask", spy)
    for share in (0, 0.5, 1):
        config = config_of(base, f"grpo.program_prompts={share}")
        evaluate.validation(base.params, config, base.tokenizer, "r1-zero", 1)
    assert [kinds.count(ProgramQuestion) for kinds in seen] == [0, 2, 4]


def test_the_time_machine_looks_at_what_is_trained(base: Checkpoint) -> None:
    for share, programs in ((0, 0), (0.5, 3), (1, 6)):
        config = config_of(base, f"grpo.program_prompts={share}")
        lines = timemachine.look(base.params, config, base.tokenizer, "r1-zero", 0)
        prompts = dict.fromkeys(line["prompt"] for line in lines)
        assert len(prompts) == 6 and sum(" = " in prompt for prompt in prompts) == programs


def test_figures_of_a_checkpoint(base: Checkpoint) -> None:
    figures, samples = program_evaluation.held_out_figures(
        base.params, config_of(base), base.tokenizer
    )
    assert len(samples) == 6 and figures["samples"] == 6
    assert figures["pass_at_1"]["problems"] == 3
    assert set(figures["pass_at_k"]) == {"1", "2"}
    assert set(figures["verdict"]) == {"first_example", "second_example"}
    assert {s.problem.key for s in samples} <= {p.key for p in split()["test"]}


def test_probes_hit_and_miss_where_they_say() -> None:
    questions = [ProgramQuestion(p, "en", prompt(p, "en")) for p in split()["validation"][:60]]
    probes = program_evaluation.probes(questions)
    assert len(probes["first_example"]) == 60 and len(probes["second_example"]) > 20
    for place, pairs in enumerate(probes.values()):
        for hit, miss in pairs:
            runs = [read_attempts(text.partition("<think>")[2]) for text in (hit, miss)]
            known = hit.partition("<think>")[0].split()
            output = int(known[5 + 4 * place])  # <bos> User: make 2 = 5 , 7 = 15 .
            assert [len(r) for r in runs] == [place + 1, place + 1]
            assert runs[0][-1].result == output != runs[1][-1].result
            assert all(run.verdict for r in runs for run in r[:-1])


def test_eval_and_sample_know_programs(
    base: Checkpoint, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "figures.json"
    evaluate_checkpoint(
        "tests/fixtures/small-base", "test", 3, 2, 0, "numpy", str(place), "programs"
    )
    figures = json.loads(place.read_text())["checkpoints"]["tests/fixtures/small-base"]
    assert figures["pass_at_1"]["problems"] == 3 and "shown_not_hidden" in figures
    assert "pass@1" in capsys.readouterr().out
    with pytest.raises(UserError, match="--problems 301: the test split has 300"):
        evaluate_checkpoint("base", "test", 301, 2, 0, "numpy", None, "programs")


def test_a_typed_problem_is_graded_on_what_it_means() -> None:
    asked = question("make 2 = 5 , 7 = 15")
    assert asked.problem == PROBLEM and fitting(SHOWN)
    assert judge(asked, said(MISS, "? 2 * 1 +"), True) == (True, "")
    assert judge(asked, said(MISS, OVERFITTED), True) == (False, "")
    unclear = question("make 2 = 50 , 7 = 51")  # nothing of two steps does that
    assert judge(unclear, said(MISS, "50 ? 2 * 1 - 12 * 36 - +"), True)[0] is False
