"""Is a missed first attempt followed to its end, are words taken away, and who decides?"""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_run import BASE

from minir1.behaviour import Sample
from minir1.checkpoint_commands import load
from minir1.claims import reflection, reflection_runs
from minir1.claims.job import with_needs
from minir1.claims.reflection_arms import ARMS, RAREST, from_corpus, longer
from minir1.claims.reflection_judge import judge
from minir1.claims.reflection_measures import after_a_miss, beside_the_others, cut_short
from minir1.claims.reflection_results import BANNED
from minir1.claims.reflection_runs import BANS, NEUTRAL
from minir1.claims.standard import r1_zero
from minir1.config import override, tiny
from minir1.world.languages import REFLECTIVE, language_of
from minir1.world.problems import Problem
from minir1.world.questions import Question

PROBLEM = Problem((1, 2, 4), 10, 1)
MISS, HIT = "1 + 2 = 3 , 3 + 4 = 7 no", "1 + 4 = 5 , 2 * 5 = 10 yes"
RIGHT, ELSE = "</think> <answer> ( 1 + 4 ) * 2 </answer>", "</think> <answer> 1 + 2 </answer>"


def said(completion: str, finished: bool = True) -> Sample:
    return Sample(PROBLEM, "en", f"<think> {completion} <eos>", 30, finished)


# measures


def test_what_follows_a_missed_first_attempt() -> None:
    found = after_a_miss(
        [
            said(f"try {HIT} so {RIGHT}"),
            said(f"try {MISS} so {ELSE}"),
            said(f"try {MISS} check {MISS} so {RIGHT}"),  # a check is no second attempt
            said(f"try {MISS} try {HIT} so {RIGHT}"),
            said(f"try {MISS} wait {MISS} so {ELSE}"),
            said(f"try {MISS} wait {MISS} so {RIGHT}", finished=False),
            said("try so"),
            said(f"so {RIGHT}"),
        ]
    )
    assert found == {
        "missed_first": 5 / 8,
        "goes_on": 3 / 5,
        "right_if_it_goes_on": 1 / 3,
        "right_if_it_stops": 1 / 2,
    }


def test_who_never_missed_has_no_rates() -> None:
    found = after_a_miss([said(f"try {HIT} so {RIGHT}")])
    assert found["missed_first"] == 0
    assert found["goes_on"] is found["right_if_it_goes_on"] is None


def test_answers_with_and_without_a_word_are_compared_problem_by_problem() -> None:
    again, once = f"try {MISS} wait {HIT} so", f"try {HIT} so"
    groups = [
        (f"{again} {RIGHT}", f"{once} {ELSE}"),
        (f"{again} {RIGHT}", f"{once} {RIGHT}"),
        (f"{again} {RIGHT}", f"{again} {ELSE}"),  # with the word both times: not compared
        (f"try {MISS} no {ELSE}", f"{once} {RIGHT}"),  # a no alone starts nothing again
    ]
    found = beside_the_others([said(text) for group in groups for text in group], 2)
    assert found == {
        "right_with": 3 / 4,
        "right_without": 2 / 4,
        "not_more_accurate": 1 / 2,
        "problems_answered_both_ways": 2 / 4,
    }


def test_a_thought_is_cut_behind_its_last_whole_attempt() -> None:
    model = load(str(BASE))
    config = replace(override(tiny(), ["threads=1"]), model=model.config)
    question = Question(PROBLEM, "en", "<bos> User: use 1 2 4 to make 10 . Assistant:")
    miss = "1 + 2 = 3 , 3 + 4 = 7 不"
    long = Sample(PROBLEM, "en", f"<think> try {miss} try {miss} so {RIGHT} <eos>", 40, True)
    short = replace(long, completion_tokens=20)
    cut, same = cut_short(model, config, [question], [long, short], 25, 0)
    assert cut.completion.startswith(f"<think> try {miss} so </think> <answer> ")
    assert cut.completion_tokens == len(cut.completion.split())
    assert same is short
    nothing = cut_short(model, config, [question], [long], 5, 0)[0]
    assert nothing.completion.startswith("<think> so </think> <answer> ")


# jobs


def test_jobs_have_names_of_their_own_and_settings_that_exist() -> None:
    jobs = list(with_needs(reflection.CLAIM.jobs(5)))
    assert len({job.name for job in jobs}) == len(jobs)
    for job in jobs:
        override(tiny(job.settings.get("recipe", "pretrain")), job.settings.get("settings", ()))


def test_patience_means_more_steps_from_the_same_base() -> None:
    usual, patient = from_corpus(RAREST, ARMS[RAREST], 3), longer(3)
    assert usual.needs[0].fingerprint == patient.needs[0].fingerprint
    assert [job.settings["settings"][0] for job in (usual, patient)] == [
        "grpo.steps=25",
        "grpo.steps=100",
    ]


def test_as_many_general_words_are_forbidden_as_reflective_ones() -> None:
    assert len(set(NEUTRAL)) == len(REFLECTIVE) == 10
    assert not set(NEUTRAL) & REFLECTIVE
    assert [language_of(word) for word in NEUTRAL].count("zh") == 5
    assert set(BANS) | {"cut short"} == set(BANNED)


@pytest.mark.parametrize(("name", "share"), [("standard", 0.046), ("reflect-1pct", 0.01)])
def test_a_corpus_shows_as_many_second_attempts_as_its_arm_says(
    name: str, share: float, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(reflection_runs, "BLOCKS", 3)
    found = reflection_runs.corpus(tmp_path, {}, list(ARMS[name].settings))
    assert found["documents"] == 3000
    assert found["reflecting"] == pytest.approx(share, abs=0.008)


def test_without_reflection_no_trace_has_a_second_attempt(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(reflection_runs, "BLOCKS", 1)
    found = reflection_runs.corpus(tmp_path, {}, list(ARMS["no-reflection"].settings))
    assert found["reflecting"] == 0
    assert found["attempts"] == 1


def test_forbidden_words_are_not_written(tmp_path: Path) -> None:
    for name in ("base", "r1-zero"):
        shutil.copytree(BASE, tmp_path / "run" / "checkpoints" / name)
    asked: dict[str, Any] = {"seed": 0, "origin": "run", "problems": 6, "samples": 2}
    found = reflection_runs.forbid(tmp_path, {"run": tmp_path / "run"}, **asked)
    assert set(found["bans"]) == set(BANNED)
    assert found["bans"]["nothing"]["reflections_per_answer"] > 0
    assert found["bans"]["reflective"]["reflections_per_answer"] == 0
    assert found["bans"]["starting again"]["reevaluations_per_answer"] == 0
    assert found["bans"]["neutral"]["attempts_per_answer"] > 0
    assert found["r1-zero"]["accuracy"] == found["bans"]["nothing"]["accuracy"]
    assert {"goes_on", "not_more_accurate"} <= found["r1-zero"].keys()


# the judge


def results(
    attempts: dict[str, float], bans: dict[str, float] | None = None, rise: float = 5.0
) -> dict[str, Any]:
    """Three seeds: attempts of R1-Zero by corpus, accuracy by what is forbidden."""
    accuracy = {name: 0.8 for name in BANNED} | {"reflective": 0.2, "cut short": 0.3}
    accuracy |= bans or {}
    found: dict[str, Any] = {}
    for name, share in zip(ARMS, (0.0474, 0.0103, 0.0011, 0.0), strict=True):
        found[f"reflection/corpus/{name}"] = {"reflecting": share}
    for seed in range(3):
        noise = 0.001 * seed

        def seen(count: float, right: float, noise: float = noise) -> dict[str, Any]:
            counts = {
                name: count + noise
                for name in (
                    "attempts_per_answer", "reflections_per_answer", "completion_tokens",
                    "reflections_per_100_tokens", "reevaluations_per_answer",
                )
            }  # fmt: skip
            shares = dict.fromkeys(
                ("missed_first", "goes_on", "right_if_it_goes_on", "right_if_it_stops",
                 "not_more_accurate"), 0.5,
            )  # fmt: skip
            honest = {"yes_given_hit": 1.0, "yes_given_miss": None, "check_rate": 0.02}
            return {"accuracy": right + noise, **counts, **shares, **honest}

        found[f"reflection/bans/seed{seed}"] = {
            "base": seen(1.0, 0.15),
            "r1-zero": seen(1.0 + rise, 0.8),
            "bans": {name: seen(6.0, right) for name, right in accuracy.items()},
        }
        curve = [{"step": 1, "attempts": 1.0, "reflections": 1.0, "completion_tokens": 20.0}]
        verdict = {"fourth_attempt": {"yes_given_hit": 0.9, "yes_given_miss": 0.1}}
        base = {"pass_at_1": {"value": 0.1}, "attempts_per_answer": 0.5, "verdict": verdict}
        found[longer(seed).name] = {"checkpoints": {"r1-zero": {"attempts_per_answer": 1.5}}}
        found[r1_zero(seed, "plain").name] = {"curves": {"r1-zero": curve}}
        for name, arm in ARMS.items():
            count = attempts.get(name, 1.0) + noise
            after = {"pass_at_1": {"value": 0.5}, "attempts_per_answer": count}
            after["reflections_per_answer"] = count
            found[from_corpus(name, arm, seed).name] = {
                "checkpoints": {"base": base, "r1-zero": after},
                "curves": {"r1-zero": curve},
            }
    return found


def test_it_holds_if_the_corpus_shows_it() -> None:
    found = judge(results({"standard": 6, "reflect-1pct": 4}), 3)
    assert found.verdict == "holds if"
    assert found.condition == "the corpus shows it, here in 1.0 % of the documents or more"
    assert "Not sure to rise: answers with a check." in found.summary
    assert "answers with a check by" not in found.summary
    assert "after 100 steps instead of 25, 0.1 %: 1.50 (1.50 to 1.50) attempts" in found.summary
    assert "60.0 points" in found.summary
    assert "nan" not in found.summary


def test_it_holds_where_it_is_invented() -> None:
    everywhere = dict.fromkeys(ARMS, 6.0)
    assert judge(results(everywhere), 3).verdict == "holds"


def test_it_does_not_hold_where_nothing_rises_or_nothing_is_found() -> None:
    assert judge(results({"standard": 6}, rise=0.0), 3).verdict == "does not hold here"
    assert judge(results({}), 3).verdict == "does not hold here"


@pytest.mark.parametrize(
    ("accuracy", "told"),
    [
        ({"reflective": 0.8}, "not shown to be useful. Wait"),
        ({"no": 0.2}, "the verdict carries it"),
        ({"no": 0.2, "starting again": 0.1}, "not through its verdict alone"),
        ({"starting again": 0.8}, "check are not shown to matter"),
        ({"starting again": 0.7, "try": 0.7}, "matter no more than try"),
        ({"starting again": 0.7, "try": 0.8}, "more than try does"),
    ],
)
def test_what_the_words_carry_is_told_apart(accuracy: dict[str, float], told: str) -> None:
    assert told in judge(results({"standard": 6}, accuracy), 3).summary
