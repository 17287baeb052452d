"""Do the arms of the cold start differ as they say, and does the judge decide by intervals?"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_run import BASE, SETTINGS, timeless

from minir1.behaviour import Sample
from minir1.claims import cold_start, cold_start_runs
from minir1.claims.cold_start_arms import ARMS
from minir1.claims.cold_start_judge import CONDITION, judge, points, steps_to
from minir1.claims.cold_start_traces import KINDS
from minir1.claims.figures import over_seeds
from minir1.claims.job import with_needs
from minir1.config import override, tiny
from minir1.finetune import Document
from minir1.rewards import accuracy, format_reward
from minir1.storage.jsonlines import append_lines
from minir1.world.problems import Problem
from minir1.world.questions import read_prompt

SEARCH = (
    "<think> try 1 + 2 = 3 , 3 + 4 = 7 no 等等 1 + 2 = 3 , 3 + 4 = 7 no hmm 1 + 4 = 5 , "
    "2 * 5 = 10 yes 检查 1 + 4 = 5 , 2 * 5 = 10 yes so </think> <answer> ( 1 + 4 ) * 2 "
    "</answer> <eos>"
)
AT_ONCE = (
    "<think> try 2 + 3 = 5 , 5 + 4 = 9 yes so </think> <answer> ( 2 + 3 ) + 4 </answer> <eos>"
)
WRONG = (
    "<think> try 2 + 3 = 5 , 5 + 5 = 10 no so </think> <answer> ( 2 + 3 ) + 5 </answer> <eos>"
)
TOLD = (
    ((1, 2, 4), 10, SEARCH),
    ((2, 3, 4), 9, AT_ONCE),
    ((2, 3, 5), 30, WRONG),
    ((1, 2, 4), 10, SEARCH),
)


def line(numbers: tuple[int, int, int], target: int, completion: str) -> dict[str, Any]:
    a, b, c = numbers
    return {
        "prompt": f"<bos> User: use {a} {b} {c} to make {target} . Assistant:",
        "numbers": list(numbers), "target": target, "solutions": 1, "language": "en",
        "completion": completion, "tokens": len(completion.split()), "finished": True,
    }  # fmt: skip


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    append_lines(folder / cold_start_runs.ANSWERS, [line(*told) for told in TOLD])
    return folder


@pytest.fixture
def read(source: Path) -> tuple[list[str], list[Sample]]:
    return cold_start_runs.read_answers(source / cold_start_runs.ANSWERS)


def is_right(document: Document) -> bool:
    problem = read_prompt(document.prompt)[1]
    assert problem is not None
    return accuracy(problem, document.completion, True) > 0


# traces


def test_answers_are_read_as_they_were_written(read: Any) -> None:
    prompts, samples = read
    assert prompts[0] == "<bos> User: use 1 2 4 to make 10 . Assistant:"
    assert samples[1] == Sample(
        Problem((2, 3, 4), 9, 1), "en", AT_ONCE, len(AT_ONCE.split()), True
    )


def test_kept_traces_are_rewritten_and_raw_ones_are_not(read: Any) -> None:
    kept, raw = KINDS["kept"](*read, 9), KINDS["raw"](*read, 9)
    assert [document.prompt for document in kept] == read[0][:2]  # one a prompt
    assert "等等" not in kept[0].completion
    assert kept[0].completion.count("3 + 4 = 7") == 1
    assert [document.completion for document in raw] == [SEARCH, AT_ONCE, SEARCH]


@pytest.mark.parametrize("kind", ["kept", "raw", "spoilt", "no-search"])
def test_no_more_is_taken_than_was_asked_for(kind: str, read: Any) -> None:
    assert len(KINDS[kind](*read, 1)) == 1


def test_searches_in_vain_end_one_attempt_early_and_wrong(read: Any) -> None:
    (document,) = KINDS["in-vain"](*read, 9)  # who found it at once did not search
    assert document.completion == (
        "<think> try 1 + 2 = 3 , 3 + 4 = 7 no so </think> ( 1 + 2 ) + 4 = 7 "
        "<answer> ( 1 + 2 ) + 4 </answer> <eos>"
    )
    assert not is_right(document)
    assert format_reward(document.completion, True)


def test_spoilt_answers_follow_right_searches(read: Any) -> None:
    kept, spoilt = KINDS["kept"](*read, 9), KINDS["spoilt"](*read, 9)
    for one, other in zip(kept, spoilt, strict=True):
        assert is_right(one)
        assert not is_right(other)
        assert format_reward(other.completion, True)
        thoughts = [d.completion.partition("</think>")[0] for d in (one, other)]
        assert thoughts[0] == thoughts[1]


def test_without_search_the_last_attempt_is_left_with_its_check(read: Any) -> None:
    document, at_once = KINDS["no-search"](*read, 9)
    assert is_right(document)
    assert document.completion.startswith("<think> try 1 + 4 = 5 , 2 * 5 = 10 yes check 1 + 4")
    assert at_once == KINDS["kept"](*read, 9)[1]


def test_endings_stay_as_they_are() -> None:
    attempts = " try ".join(["1 + 2 = 3 , 3 + 4 = 7 no"] * 14)
    vain = Sample(Problem((1, 2, 4), 10, 1), "en", f"<think> try {attempts}", 300, False)
    right = Sample(Problem((1, 2, 4), 10, 1), "en", SEARCH, 40, True)
    prompts = [f"<bos> User: use {n} to make 10 . Assistant:" for n in ("2 1 4", "1 2 4")]
    sets = {kind: KINDS[kind](prompts, [vain, right], 1) for kind in KINDS if kind != "raw"}
    assert all(len(documents) == 2 for documents in sets.values())
    assert len({documents[1] for documents in sets.values()}) == 1


# jobs


def test_jobs_have_names_of_their_own_and_settings_that_exist() -> None:
    jobs = list(with_needs(cold_start.CLAIM.jobs(5)))
    assert len({job.name for job in jobs}) == len(jobs)
    for job in jobs:
        override(tiny("r1"), job.settings.get("settings", ()))
    assert sum(job.name.startswith("cold-start/") for job in jobs) == 5 * (len(ARMS) + 1)
    assert {arm.kind for arm in ARMS.values()} <= KINDS.keys()


def test_the_teacher_is_asked_once_for_all_arms(tmp_path: Path) -> None:
    teacher = tmp_path / "teacher"
    shutil.copytree(BASE, teacher / "checkpoints" / "r1-zero")
    asked = {"seed": 0, "teacher": "t", "problems": 6}
    found = cold_start_runs.answers(tmp_path, {"t": teacher}, **asked)
    assert found["asked"] == 6
    first = (tmp_path / cold_start_runs.ANSWERS).read_text()
    cold_start_runs.answers(tmp_path, {"t": teacher}, **asked)  # as after a stop
    assert (tmp_path / cold_start_runs.ANSWERS).read_text() == first
    assert len(cold_start_runs.read_answers(tmp_path / cold_start_runs.ANSWERS)[0]) == 6


@pytest.mark.parametrize("warm", [False, True])
def test_an_arm_is_measured_before_and_after_rl(
    warm: bool, source: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "arm"
    folder.mkdir()
    settings = [*SETTINGS, "dev1.epochs=2", "dev2.steps=2", "evaluation.every=1"]
    asked: dict[str, Any] = {"seed": 0, "base": str(BASE), "settings": settings}
    if warm:
        asked |= {"source": "s", "kind": "kept", "traces": 2}
    found = cold_start_runs.arm(folder, {"s": source}, **asked)
    assert found["traces"] == found["documents"] == (2 if warm else 0)
    assert [row["step"] for row in found["curve"]] == [1, 2]
    assert all("validation_accuracy" in row for row in found["curve"])
    again = cold_start_runs.arm(folder, {"s": source}, **asked)
    assert timeless(again) == timeless(found)
    assert (found["dev1"] != found["dev2"]) and found["dev2"]["pass_at_1"]["problems"] == 10


# the judge

Change = Callable[[str, str], dict[str, float]]
USUAL = {"none": 0.5, "none-longer": 0.7, "weak-none": 0.1, "weak-300": 0.2}


def results(
    accuracy: dict[str, float], mixed: dict[str, float] | None = None, seeds: int = 3
) -> dict[str, Any]:
    """What the arms come to: accuracies after RL, before it a tenth less but for the bases."""
    after = {name: 0.8 for name in ARMS} | USUAL | accuracy
    mixing = {name: 0.02 for name in ARMS} | {"none": 0.3} | (mixed or {})

    def measured(value: float, name: str, seed: int) -> dict[str, Any]:
        noise = 0.001 * seed
        told = {"mixed_language_rate": mixing[name] + noise, "format_rate": 0.9}
        return {"pass_at_1": {"value": value + noise}, **told}

    def one(name: str, seed: int) -> dict[str, Any]:
        before = {"none": 0.15, "none-longer": 0.15, "weak-none": 0.05}.get(
            name, after[name] - 0.1
        )
        curve = [
            {"step": 3, "accuracy": 0.5, "validation_accuracy": 0.6},
            {"step": 6, "accuracy": 0.7, "validation_accuracy": 0.7 + 0.001 * seed},
        ]
        return {
            "dev1": measured(before, name, seed),
            "dev2": measured(after[name], name, seed),
            "curve": curve,
        }

    return {f"cold-start/{n}/seed{s}": one(n, s) for n in ARMS for s in range(seeds)}


def test_it_holds_if_the_skill_is_latent() -> None:
    found = judge(results({"kept-30": 0.6, "kept-100": 0.75}), 3)
    assert (found.verdict, found.condition) == ("holds if", CONDITION)
    assert found.summary.startswith("300 traces are enough: pass@1 80.1 %")
    assert found.tables[0].rows[0][-1] == "6, 6, 6"
    assert [line.label for line in found.charts[0].lines] == ["before RL", "after RL"]


def test_it_holds_where_an_under_trained_base_gains_as_much() -> None:
    found = judge(results({"kept-30": 0.6, "weak-300": 0.9}), 3)
    assert (found.verdict, found.condition) == ("holds", "")
    assert found.summary.startswith("100 traces are enough")


def test_it_does_not_hold_where_small_sets_stay_behind() -> None:
    found = judge(results({f"kept-{n}": 0.7 for n in (30, 100, 300)}), 3)
    assert (found.verdict, found.condition) == ("does not hold here", "")
    assert found.summary.startswith("No set of at most 300 traces")


def test_it_does_not_hold_where_small_sets_mix_more() -> None:
    mixed = {f"kept-{n}": 0.1 for n in (30, 100, 300)}
    assert judge(results({}, mixed), 3).verdict == "does not hold here"


def test_it_does_not_hold_where_none_is_as_good() -> None:
    found = judge(results({"none": 0.8}, {"none": 0.02}), 3)
    assert found.verdict == "does not hold here"


def test_one_seed_decides_nothing() -> None:
    found = judge(results({}, seeds=1), 1)
    assert found.verdict == "does not hold here"
    assert "nan" not in found.summary


def test_the_step_that_reaches_a_mark_is_a_look_or_none() -> None:
    rows = [{"step": 1}, {"step": 3, "validation_accuracy": 0.5}, {"step": 6}]
    assert steps_to(rows, 0.5) == 3
    assert steps_to(rows, 0.6) is None
    assert points(over_seeds("", [-0.2, -0.2])) == "-20.0 points (-20.0 to -20.0), less"
