"""Are all checkpoints of a run asked the same few questions, and is the first answer shown?"""

import dataclasses
from pathlib import Path

import pytest
from small_run import BASE

from minir1 import backend, showcase
from minir1.answers import ask
from minir1.checkpoint_commands import load
from minir1.config import override, tiny
from minir1.conversation import GeneralSample, is_good
from minir1.datasets import Checkpoint
from minir1.evaluate import is_right
from minir1.runfolder import RunFolder
from minir1.world.general import GeneralPrompt, general_prompts
from minir1.world.problems import split


@pytest.fixture
def base() -> Checkpoint:
    return load(str(BASE))


@pytest.fixture
def run(tmp_path: Path, base: Checkpoint) -> RunFolder:
    settings = ["sample.max_tokens=30", "sample.temperature=0.5", "threads=1"]
    config = override(dataclasses.replace(tiny("all"), model=base.config), settings)
    return RunFolder.create(tmp_path / "run", config)


def test_the_questions_are_of_every_difficulty_and_kind_and_none_was_learnt() -> None:
    asked = showcase.questions()
    general = [q for q in asked if isinstance(q, GeneralPrompt)]
    problems = [q for q in asked if not isinstance(q, GeneralPrompt)]
    validation = {p.key for p in split()["validation"]}
    assert len(problems) == 8 and {q.problem.key for q in problems} <= validation
    levels = [q.problem.difficulty for q in problems]
    assert levels == sorted(levels) and set(levels) == {1, 2, 3, 4}
    assert len(general) == 10 and set(general) <= set(general_prompts("test"))
    assert {q.kind for q in general} == {q.kind for q in general_prompts("test")}
    assert len({q.prompt for q in asked}) == len(asked)
    assert showcase.questions() == asked


def test_the_first_answer_at_temperature_one_is_shown(run: RunFolder, base: Checkpoint) -> None:
    showcase.add_answers(run, "base", base.params, run.config, base.tokenizer)
    told, asked = run.read("answers.json"), showcase.questions()
    config = override(run.config, ["sample.temperature=1"])
    seed = (run.config.seed, "showcase", 0)
    _, samples = ask(base.params, config, base.tokenizer, asked, 1, seed)
    for question, said, sample in zip(asked, told["answers"]["base"], samples, strict=True):
        assert said["completion"] == sample.completion
        right = is_good if isinstance(sample, GeneralSample) else is_right
        assert said["right"] is bool(right(sample)), question.prompt
    assert [q["prompt"] for q in told["questions"]] == [q.prompt for q in asked]
    kinds = [q["kind"] for q in told["questions"]]
    assert kinds[:8] == ["problem"] * 8
    assert kinds[8:] == [q.kind for q in asked if isinstance(q, GeneralPrompt)]


def test_answers_are_added_checkpoint_by_checkpoint(run: RunFolder, base: Checkpoint) -> None:
    for name in ("base", "dev1", "base"):
        showcase.add_answers(run, name, base.params, run.config, base.tokenizer)
    answers = run.read("answers.json")["answers"]
    assert list(answers) == ["base", "dev1"] and answers["base"] == answers["dev1"]
    warm = {name: p * 0.5 for name, p in base.params.items()}
    showcase.add_answers(run, "r1", backend.from_numpy(warm), run.config, base.tokenizer)
    told = run.read("answers.json")["answers"]
    assert told["base"] == answers["base"] != told["r1"]
