"""What do the jobs of the claims about runs count? Very many answers, and their languages."""

from pathlib import Path

import numpy as np
import pytest

from minir1.behaviour import Sample
from minir1.claims.often import ask_often, often
from minir1.claims.readability import count, describe, switches
from minir1.claims.standard import r1_zero
from minir1.storage.resolve import ASSETS
from minir1.world.problems import Problem, split

PROBLEM = Problem((1, 3, 7), 11, 2)
THOUGHT = "<think> try 1 + 3 = 4 , 4 - 7 = 3 no </think> <answer> 1 + 3 </answer> <eos>"
MIXED = THOUGHT.replace("no", "不")
SAID = "<answer> ( 1 + 3 ) + 7 </answer> <eos>"


def written(completion: str) -> Sample:
    return Sample(PROBLEM, "en", completion, len(completion.split()), True)


def test_a_switch_is_a_word_of_the_other_language() -> None:
    assert switches("try 1 + 3 = 4 no hmm try") == 0
    assert switches("try 1 + 3 = 4 不") == 1  # numbers speak no language
    assert switches("try 不 hmm 对") == 3
    assert switches("1 + 3 = 4") == 0


def test_only_answers_that_think_have_something_to_mix() -> None:
    told = describe([written(THOUGHT), written(MIXED), written(SAID), written(SAID)])
    assert told["thinking"] == 0.5
    assert told["mixed_of_thinking"] == 0.5
    assert told["switches"] == 0.25
    tokens = sum(len(text.split()) for text in (THOUGHT, MIXED, SAID, SAID))
    assert told["switches_per_100_tokens"] == pytest.approx(100 / tokens)
    with pytest.raises(ValueError, match="thinks"):
        describe([written(SAID)])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder whose checkpoint is the shipped base."""
    folder = tmp_path_factory.mktemp("run") / "checkpoints"
    folder.mkdir()
    (folder / "r1-zero").symlink_to(ASSETS / "base", target_is_directory=True)
    return folder.parent


def test_every_problem_is_asked_as_often_as_said(run: Path, tmp_path: Path) -> None:
    told = ask_often(tmp_path, {"job": run}, 3, "job", "r1-zero", problems=3, tries=16)
    shipped = ask_often(tmp_path, {}, 3, None, "base", problems=3, tries=16)
    assert told == shipped  # a run's checkpoint, and a shipped model by its name
    assert len(told["right"]) == len(told["difficulty"]) == 3
    assert 0 < sum(told["right"]) < 48
    chances = np.array(told["right"]) / 16
    assert told["pass_at_k"]["1"] == pytest.approx(chances.tolist())
    assert told["maj_at_k"]["1"] == pytest.approx(chances.tolist())
    assert told["pass_at_k"]["16"] == (chances > 0).tolist()
    assert told["pass_at_k"].keys() == told["maj_at_k"].keys() == {"1", "2", "4", "8", "16"}
    other = ask_often(tmp_path, {}, 4, None, "base", problems=3, tries=16)
    assert other["right"] != told["right"] or other["tokens"] != told["tokens"]


@pytest.mark.parametrize("part", ["test", "validation"])
def test_the_problems_are_the_first_of_the_part_that_is_named(
    part: str, tmp_path: Path
) -> None:
    told = ask_often(tmp_path, {}, 0, None, "base", part=part, problems=20, tries=1)
    assert told["difficulty"] == [problem.difficulty for problem in split()[part][:20]]


def test_jobs_need_the_run_that_they_ask() -> None:
    run = r1_zero(2, "plain")
    assert often(2, "plain", run, "r1-zero").needs == (run,)
    assert often(2, "base", None, "base").needs == ()
    assert often(2, "base", None, "base").name == "often/base/seed2"


def test_counting_reads_the_checkpoints_that_are_named(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minir1.claims.readability.PROBLEMS", 8)
    told = count(tmp_path, {"job": run}, 0, "job", ["r1-zero"])
    assert told["checkpoints"].keys() == {"r1-zero"}
    assert 0 < told["checkpoints"]["r1-zero"]["thinking"] < 1
