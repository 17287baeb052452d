"""Does the whole recipe leave every checkpoint, figure and set, and keep its papers apart?"""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from full_run import CHECKPOINTS, SETTINGS, STAGES, Silent, told
from small_run import lines

from minir1 import conversation, evaluate, pipeline, reward_model
from minir1.checkpoint import load_checkpoint, read_metadata, resolve
from minir1.checkpoint_commands import load
from minir1.config import RunConfig, flatten, override, tiny
from minir1.datasets import Checkpoint, Dataset
from minir1.errors import UserError
from minir1.finetune import Document
from minir1.runfolder import RunFolder
from minir1.showcase import questions
from minir1.story import Story
from minir1.training import Stage
from minir1.world.general import general_prompts
from minir1.world.problems import held_out, split
from minir1.world.questions import read_prompt

MADE = tuple(name for name in CHECKPOINTS if name not in ("base", "small-base"))
STUDENTS = ("small-base", "distilled", "small-rl", "distilled-rl")
RL = ("r1-zero", "dev2", "r1", "small-rl", "distilled-rl")
FINE_TUNED = ("dev1", "dev3", "distilled")


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nobody stopped."""
    return told(tmp_path_factory) / "run"


@pytest.fixture(scope="session")
def results(run: Path) -> dict[str, Any]:
    return json.loads((run / "results.json").read_text())


def of_stage(run: Path, stage: str, name: str = "metrics.jsonl") -> list[dict[str, Any]]:
    return [line for line in lines(run / name) if line["stage"] == stage]


# what is left


def test_every_checkpoint_is_there_and_says_what_it_cost(run: Path, results: Any) -> None:
    assert {p.name for p in (run / "checkpoints").iterdir()} == set(CHECKPOINTS)
    for name in MADE:
        params, config, _ = load_checkpoint(run / "checkpoints" / name)
        assert (
            config == load_checkpoint(resolve(STUDENTS[0] if name in STUDENTS else "base"))[1]
        )
        assert all(np.isfinite(p).all() for p in params.values())
        said, last = read_metadata(run / "checkpoints" / name), of_stage(run, name)[-1]
        assert (said["stage"], said["seed"]) == (name, 0)
        assert (said["step"], said["seconds"]) == (last["step"], last["seconds"])
        assert results["compute"][name] == said["flops"] > 0
        assert results["seconds"][name] == said["seconds"] > 0


def test_the_bases_are_copied_and_the_judge_can_be_loaded(run: Path) -> None:
    for name in ("base", "small-base"):
        for path in resolve(name).iterdir():
            assert (run / "checkpoints" / name / path.name).read_bytes() == path.read_bytes()
    judge = reward_model.load(run / "reward-model")
    assert judge.std > 0
    assert not (run / "checkpoints" / "reward-model").exists()


def test_every_stage_tells_every_step_in_the_order_of_the_recipe(run: Path) -> None:
    metrics = lines(run / "metrics.jsonl")
    assert list(dict.fromkeys(line["stage"] for line in metrics)) == list(STAGES)
    for stage in STAGES:
        steps = [line["step"] for line in of_stage(run, stage)]
        assert steps == list(range(1, len(steps) + 1)) and len(steps) >= 2
        seconds = [line["seconds"] for line in of_stage(run, stage)]
        assert seconds == sorted(seconds)
    keys = {"loss", "grad_norm", "learning_rate", "update_tokens_per_second", "seconds"}
    for stage in (*FINE_TUNED, "reward-model"):
        assert all(line.keys() >= keys for line in of_stage(run, stage))
    assert all("pair_accuracy" in line for line in of_stage(run, "reward-model"))


def test_general_prompts_come_in_the_last_steps_of_r1_alone(run: Path) -> None:
    general = {"preference_reward", "gold_utility", "general_good"}
    for stage in RL:
        told = [general <= line.keys() for line in of_stage(run, stage)]
        none = [general.isdisjoint(line) for line in of_stage(run, stage)]
        assert told == ([False, True, True] if stage == "r1" else [False] * len(told))
        assert none == [not here for here in told]


def test_looks_are_taken_at_the_start_every_few_steps_and_at_the_end(run: Path) -> None:
    for stage in RL:
        last = of_stage(run, stage)[-1]["step"]
        due = [step for step in range(last + 1) if step % 2 == 0 or step == last]
        seen = [line["step"] for line in of_stage(run, stage, "samples.jsonl")]
        assert seen == [step for step in due for _ in range(48)]
        validated = [m["step"] for m in of_stage(run, stage) if "validation_accuracy" in m]
        assert validated == due[1:]
    assert {line["stage"] for line in lines(run / "samples.jsonl")} == set(RL)


def test_results_hold_every_figure_of_every_checkpoint(results: Any) -> None:
    assert (results["schema"], results["seed"], results["engine"]) == (1, 0, "numpy")
    assert list(results["checkpoints"]) == list(CHECKPOINTS)
    for name, figures in results["checkpoints"].items():
        assert (figures["pass_at_1"]["problems"], figures["pass_at_1"]["samples"]) == (4, 2)
        intervals = ["pass_at_1", "maj_at_2", "pass_at_1_lenient", "general", "preference"]
        for key in (*intervals, "instruction_following", "harmful_compliance"):
            told = figures[key]
            assert 0 <= told["low"] <= told["value"] <= told["high"] <= 1, (name, key)
        assert figures["general"]["prompts"] == len(general_prompts("test"))
        kinds = {prompt.kind for prompt in general_prompts("test")}
        assert figures["general_by_kind"].keys() == kinds
        assert -2 <= figures["gold_utility"]["value"] <= 1
        assert ("preference_over" in figures) == (name == "r1")
        assert figures["verdict"].keys() == {"first_attempt", "fourth_attempt"}
    assert results["checkpoints"]["r1"]["preference_over"].keys() == {"dev3"}


def test_results_tell_time_compute_and_the_judge(results: Any) -> None:
    seconds = dict(results["seconds"])
    assert seconds.keys() == {*STAGES, "evaluation", "total"}
    assert seconds.pop("total") > sum(seconds.values())  # looks and files take time too
    assert results["compute"].keys() == set(MADE)
    judge = results["reward_model"]
    assert judge["training_pairs"] == 40 and 0 < judge["held_out_pairs"] <= 500
    assert 0.5 < judge["label_ceiling"] <= 1
    told = judge["pair_accuracy"]
    assert 0 <= told["low"] <= told["value"] <= told["high"] <= 1


def test_results_are_those_of_the_saved_checkpoints(run: Path, results: Any) -> None:
    """Measured again from the folders: the students have a shape of their own."""
    config = RunConfig.from_dict(json.loads((run / "config.json").read_text())["config"])
    said = {}
    for name in ("dev3", "r1", "distilled"):
        loaded = load(str(run / "checkpoints" / name))
        mine = dataclasses.replace(config, model=loaded.config)
        asked = (loaded.params, mine, loaded.tokenizer)
        said[name] = evaluate.general_answers(*asked)
        again = evaluate.held_out_figures(*asked)[0] | conversation.figures(said[name], 2, 0)
        figures = dict(results["checkpoints"][name])
        figures.pop("preference_over", None)
        assert json.loads(json.dumps(again)) == figures
    wins = conversation.win_rate(said["r1"], said["dev3"], 2, 0)
    assert results["checkpoints"]["r1"]["preference_over"] == {"dev3": wins}


def test_every_checkpoint_answers_the_same_questions(run: Path) -> None:
    told = json.loads((run / "answers.json").read_text())
    asked = questions()
    assert [q["prompt"] for q in told["questions"]] == [q.prompt for q in asked]
    assert list(told["answers"]) == list(CHECKPOINTS)
    for answers in told["answers"].values():
        assert len(answers) == len(asked)
        assert all(isinstance(answer["right"], bool) for answer in answers)
    texts = [[a["completion"] for a in answers] for answers in told["answers"].values()]
    assert len(set(map(tuple, texts))) > len(CHECKPOINTS) / 2


def test_what_was_learnt_is_kept_where_anyone_can_read_it(run: Path, results: Any) -> None:
    assert {p.name for p in (run / "data").iterdir()} == {"dev1.json", "dev3.json"}
    for name, asked in (("dev1", 50 * 4), ("dev3", 40 * 3)):
        data = Dataset.read(run / "data" / f"{name}.json")
        assert data.asked == asked and 0 < data.kept <= len(data.documents)
        assert 0 < data.flops < results["compute"][name]
        assert 0 < data.seconds < of_stage(run, name)[0]["seconds"]


def test_the_student_pays_for_its_teacher_in_compute_and_is_matched(results: Any) -> None:
    """Else its rival would be asked to beat an answer sheet that cost nothing."""
    spent = results["compute"]
    assert spent["small-rl"] >= spent["distilled"] > spent["dev3"] / 4


# papers


def learnt(run: Path) -> dict[str, list[str]]:
    batches = json.loads((run.parent / "learnt.json").read_text())
    return {name: [text for batch in rows for text in batch] for name, rows in batches.items()}


def asked_in(text: str) -> tuple[Any, str]:
    """The problem that a text begins with, if it is one, and its prompt."""
    question, _, _ = text.partition(" Assistant:")
    prompt = f"{question} Assistant:"
    return read_prompt(prompt)[1], prompt


@pytest.mark.parametrize("kind", ["rl", "sft", "reward-model"])
def test_nothing_is_ever_learnt_from_a_validation_or_test_question(
    kind: str, run: Path
) -> None:
    """Not in any of the nine stages: not a problem, not a general prompt."""
    test = {prompt.prompt for prompt in general_prompts("test")}
    seen = {"problems": 0, "general": 0}
    for text in learnt(run)[kind]:
        problem, prompt = asked_in(text)
        seen["problems" if problem else "general"] += 1
        assert prompt not in test, prompt
        assert problem is None or problem.key not in held_out(), prompt
    assert seen["general"] > 0 and (seen["problems"] > 0) == (kind != "reward-model")


def test_every_paper_is_put_where_it_belongs(run: Path) -> None:
    """All questions that any model was asked, by what they were asked for."""
    parts = {part: {p.key for p in problems} for part, problems in split().items()}
    general = {part: {p.prompt for p in general_prompts(part)} for part in ("train", "test")}
    asked = {name: rows for name, rows in learnt(run).items() if name.startswith("ask ")}
    papers = {
        **{f"ask {stage}": "train" for stage in RL},
        **{f"ask {stage}/{what}": "validation" for stage in RL for what in ("validation",
           "time machine")},
        "ask dev1/answers": "train", "ask dev3/answers": "train",
        "ask preference/train": "train", "ask preference/test": "test",
        "ask evaluate/test": "test", "ask evaluate/general": "test",
        "ask showcase": "validation",
    }  # fmt: skip
    assert asked.keys() == papers.keys()
    for name, part in papers.items():
        for prompt in asked[name]:
            problem, _ = asked_in(prompt)
            if problem is not None:
                assert problem.key in parts[part], (name, prompt)
            else:
                assert prompt in general["train" if part == "train" else "test"], (name, prompt)


# how a stage is set


@pytest.fixture
def story(run: Path, tmp_path: Path) -> Story:
    """The run as it stands at its end, in a copy that can be written to."""
    copy = RunFolder.resume(shutil.copytree(run, tmp_path / "run"))
    begun = Story.begin(copy, Silent(), load("base"))
    for name in CHECKPOINTS[1:]:
        begun.take(name)
    return begun


def test_what_is_there_is_not_made_or_measured_again(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **more: Any) -> Any:
        raise AssertionError("this was done before")

    for owner, name in (
        (pipeline, "reinforce"), (pipeline, "fine_tune"), (pipeline, "fit_judge"),
        (pipeline, "cold_start_set"), (pipeline, "rejection_set"), (Story, "_figures"),
    ):  # fmt: skip
        monkeypatch.setattr(owner, name, refuse)
    copy = RunFolder.resume(shutil.copytree(run, tmp_path / "run"))
    before = copy.read("results.json")
    again = pipeline.run_recipe(copy, load("base"), Silent())
    assert 0 < again["seconds"].pop("total") - before["seconds"].pop("total") < 10
    assert again == before


def test_measuring_twice_asks_once(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    del story.results["checkpoints"]["distilled"]
    before, figures, asked = dict(story.results["seconds"]), Story._figures, []
    monkeypatch.setattr(
        Story, "_figures", lambda self, name: asked.append(name) or figures(self, name)
    )
    story.measure("distilled")
    story.measure("distilled")
    assert asked == ["distilled"]
    after = story.run.read("results.json")["seconds"]
    assert after["evaluation"] > before["evaluation"] and after["dev1"] == before["dev1"]
    asking = after["evaluation"] - before["evaluation"]
    assert asking < after["total"] - before["total"] < asking + 10


def test_a_set_that_was_written_is_read(story: Story) -> None:
    made = Dataset([Document("p", "c")], 3, 1, 2, 0.5, 7.0)
    path = story.run.path / "data" / "dev9.json"
    assert story.data("dev9", lambda: made) == made == Dataset.read(path)

    def never() -> Dataset:
        raise AssertionError("the set was there")

    assert story.data("dev9", never) == made


def test_an_empty_set_ends_the_run_with_advice(story: Story) -> None:
    nothing = Dataset([], 40, 0, 0, 0.5, 7.0)
    with pytest.raises(UserError, match=r"dev8 has nothing .* 40 answers .* dev8\.problems"):
        story.data("dev8", lambda: nothing)
    assert not (story.run.path / "data" / "dev8.json").exists()


Call = tuple[str, Checkpoint, RunConfig, Any, dict[str, Any]]


def called(story: Story, name: str, monkeypatch: pytest.MonkeyPatch) -> Call:
    """What a stage hands to the function that carries it through, and what it starts from."""
    calls: list[Call] = []

    def reinforce(stage: Stage, start: Checkpoint, config: RunConfig, *rest: Any, **more: Any):
        calls.append((stage.name, start, config, rest, more))

    monkeypatch.setattr(pipeline, "reinforce", reinforce)
    monkeypatch.setattr(pipeline, "fine_tune", reinforce)
    _, start = pipeline.MAKERS[name](story, Stage(story.run, name, (), story.ui))
    (call,) = calls
    assert call[0] == name and call[1] is start
    return call


STARTS = {
    "r1-zero": "base", "dev1": "base", "dev2": "dev1", "dev3": "base", "r1": "dev3",
    "distilled": "small-base", "small-rl": "small-base", "distilled-rl": "distilled",
}  # fmt: skip


@pytest.mark.parametrize("name", STARTS)
def test_every_stage_starts_from_the_right_model(
    name: str, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, start, config, _, _ = called(story, name, monkeypatch)
    assert start is story.checkpoints[STARTS[name]]
    assert config.model == start.config


def test_dev3_starts_from_dev2_where_that_is_asked_for(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.run.config = override(story.config, ["dev3.start=dev2"])
    assert called(story, "dev3", monkeypatch)[1] is story.checkpoints["dev2"]


GIVEN = (
    "dev2.steps=6", "dev2.learning_rate=0.11", "dev2.language=0.21", "dev2.format=0.71",
    "dev2.zh_prompts=0.81", "r1.steps=7", "r1.learning_rate=0.12", "r1.language=0.22",
    "r1.format=0.72", "r1.preference=2", "r1.zh_prompts=0.82", "r1.temperature=0.5",
    "r1.combine=normalise", "r1.average=constant", "small.matched=false", "small.steps=8",
    "small.after_steps=9", "small.learning_rate=0.13", "small.after_learning_rate=0.14",
)  # fmt: skip
TAKEN: dict[str, dict[str, str]] = {  # where a stage finds a setting -> which one that is
    "r1-zero": {},
    "dev2": {
        "grpo.steps": "dev2.steps", "grpo.learning_rate": "dev2.learning_rate",
        "grpo.zh_prompts": "dev2.zh_prompts", "reward.language": "dev2.language",
        "reward.format": "dev2.format",
    },
    "r1": {
        "grpo.steps": "r1.steps", "grpo.learning_rate": "r1.learning_rate",
        "grpo.zh_prompts": "r1.zh_prompts", "grpo.combine": "r1.combine",
        "grpo.average": "r1.average", "reward.language": "r1.language",
        "reward.format": "r1.format",
        "reward.preference": "r1.preference", "sample.temperature": "r1.temperature",
    },
    "small-rl": {"grpo.steps": "small.steps", "grpo.learning_rate": "small.learning_rate"},
    "distilled-rl": {
        "grpo.steps": "small.after_steps", "grpo.learning_rate": "small.after_learning_rate",
        "grpo.zh_prompts": "dev2.zh_prompts", "reward.language": "dev2.language",
        "reward.format": "dev2.format",
    },
}  # fmt: skip
ELSEWHERE = {"small.matched", "r1.general_steps", "r1.general_prompts"}  # or test_rl_stages.py


def test_every_setting_of_a_stage_of_reinforcement_learning_is_tried() -> None:
    tried = {setting for found in TAKEN.values() for setting in found.values()}
    sections = (tiny().dev2, tiny().r1, tiny().small)
    there = {s.key(field.name) for s in sections for field in dataclasses.fields(s)}
    assert tried | ELSEWHERE == there


@pytest.mark.parametrize("name", TAKEN)
def test_a_stage_of_reinforcement_learning_is_set_by_its_own_section(
    name: str, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.run.config = override(story.config, GIVEN)
    given, config = flatten(story.config), called(story, name, monkeypatch)[2]
    for key, value in flatten(config).items():
        if not key.startswith("model."):
            assert value == given[TAKEN[name].get(key, key)], key


@pytest.mark.parametrize("name", FINE_TUNED)
def test_a_fine_tuning_is_set_by_its_own_section(
    name: str, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, _, (settings, data), _ = called(story, name, monkeypatch)
    assert settings is getattr(story.config, name)
    kept = Dataset.read(
        story.run.path / "data" / ("dev1.json" if name == "dev1" else "dev3.json")
    )
    assert data.documents == kept.documents and data.flops == kept.flops
    assert data.seconds == (0 if name == "distilled" else kept.seconds)


def test_only_r1_has_a_judge_and_only_the_matched_student_a_budget(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in RL:
        _, _, config, rest, more = called(story, name, monkeypatch)
        assert [type(judge) for judge in rest] == [reward_model.RewardModel] * (name == "r1")
        spent = story.results["compute"]["distilled"]
        assert more == ({"budget": spent} if name == "small-rl" else {})
    story.run.config = override(story.config, ["small.matched=false"])
    _, _, config, _, more = called(story, "small-rl", monkeypatch)
    assert (more, config.grpo.steps) == ({"budget": None}, 40)


# recipes


def test_a_recipe_is_a_beginning_of_the_longer_ones() -> None:
    assert pipeline.RECIPES["all"] == STAGES
    assert pipeline.RECIPES["r1"] == STAGES[:6] and pipeline.RECIPES["r1-zero"] == STAGES[:1]
    assert {*pipeline.MAKERS, "reward-model"} == set(STAGES)


def test_the_settings_of_this_run_are_settings() -> None:
    assert override(tiny("all"), SETTINGS).recipe == "all"
