"""Who writes what a stage learns from, about which questions, and what did it cost?"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_run import timeless

from minir1 import backend, datasets, flops, rejection
from minir1.answers import ask
from minir1.checkpoint_commands import load
from minir1.config import RunConfig, override, tiny
from minir1.datasets import (
    Checkpoint,
    Dataset,
    cold_start_set,
    preference_pairs,
    rejection_set,
)
from minir1.errors import UserError
from minir1.finetune import Document
from minir1.rewards import accuracy, format_reward
from minir1.world.demonstrations import demonstrations
from minir1.world.general import general_prompts
from minir1.world.problems import held_out
from minir1.world.questions import read_prompt

SETTINGS = (
    "dev1.problems=80", "dev1.samples=2", "dev3.problems=80", "dev3.samples=2",
    "dev3.general=30", "preference.samples=2", "preference.pairs=60",
    "preference.held_out_pairs=20", "sample.max_tokens=40", "threads=1",
)  # fmt: skip
TEST = {prompt.prompt for prompt in general_prompts("test")}


@pytest.fixture(scope="module")
def teacher() -> Checkpoint:
    backend.use("numpy")
    return load("base")


def config_of(*settings: str) -> RunConfig:
    return override(tiny("all"), (*SETTINGS, *settings))


@pytest.fixture(scope="module")
def made(teacher: Checkpoint) -> dict[str, Dataset]:
    """Real sets, by the shipped base as the teacher."""
    backend.use("numpy")
    return {
        "dev1": cold_start_set(teacher, config_of()),
        "dev3": rejection_set(teacher, config_of()),
    }


# files


def test_a_set_is_read_as_it_was_written(made: dict[str, Dataset], tmp_path: Path) -> None:
    for name, data in made.items():
        path = tmp_path / "data" / f"{name}.json"
        data.write(path)
        assert Dataset.read(path) == data
        said = json.loads(path.read_text("utf-8"))
        assert said["documents"][0] == data.documents[0]._asdict()
        assert "试" not in path.read_text("ascii", "ignore")  # for people: words, not escapes


def test_a_damaged_set_is_named(tmp_path: Path) -> None:
    path = tmp_path / "dev1.json"
    path.write_text('{"documents": [')
    with pytest.raises(UserError, match=r"dev1\.json"):
        Dataset.read(path)


# what is in them


@pytest.mark.parametrize("name", ["dev1", "dev3"])
def test_sets_are_about_train_questions_alone(name: str, made: dict[str, Dataset]) -> None:
    for document in made[name].documents:
        asked = document.prompt.partition(" Assistant:")[0] + " Assistant:"
        problem = read_prompt(asked)[1]
        assert asked not in TEST
        assert problem is None or problem.key not in held_out()


def test_the_cold_start_is_right_well_formed_and_one_to_a_prompt(
    made: dict[str, Dataset],
) -> None:
    documents = made["dev1"].documents
    assert len({d.prompt for d in documents}) == len(documents) == made["dev1"].kept > 5
    for document in documents:
        problem = read_prompt(document.prompt)[1]
        assert accuracy(problem, document.completion, True) == 1
        assert format_reward(document.completion, True) == 1
    assert {"用" in d.prompt for d in documents} == {True, False}


def test_the_set_of_dev3_ends_with_general_answers(made: dict[str, Dataset]) -> None:
    data = made["dev3"]
    traces, general = data.documents[:-30], data.documents[-30:]
    assert len(traces) == data.kept + data.ended
    assert [tuple(d) for d in general] == demonstrations(0, "dev3", 30)
    assert len(traces) > 5 and len(set(traces)) == len(traces)
    assert all(format_reward(d.completion, True) for d in traces)


@pytest.mark.parametrize("name", ["dev1", "dev3"])
def test_what_the_teacher_did_is_counted(name: str, made: dict[str, Dataset]) -> None:
    assert made[name].asked == 80 * 2
    assert 0 < made[name].kept <= made[name].asked and made[name].seconds > 0


def test_the_compute_is_that_of_the_teachers_answers(
    teacher: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the teacher's own shape, whatever the shape of the run."""
    seen: list[Any] = []

    def watched(*args: Any) -> Any:
        rollout, samples = ask(*args)
        seen.append((rollout, args[4]))
        return rollout, samples

    monkeypatch.setattr(datasets, "ask", watched)
    student = dataclasses.replace(
        config_of("dev1.problems=20"), model=load("small-base").config
    )
    data = cold_start_set(teacher, student)
    ((rollout, group),) = seen
    lengths = (rollout.prompt_lengths, rollout.completion_lengths)
    assert group == 2 and data.flops == flops.rollout_flops(teacher.config, *lengths, group)
    assert data.flops > 2 * flops.rollout_flops(student.model, *lengths, group)


def test_a_set_is_the_same_twice_and_another_for_another_seed(
    teacher: Checkpoint, made: dict[str, Dataset]
) -> None:
    again = rejection_set(teacher, config_of())
    assert timeless(dataclasses.asdict(again)) == timeless(dataclasses.asdict(made["dev3"]))
    other = rejection_set(teacher, config_of("seed=1"))
    assert other.documents != again.documents


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("dev1", "dev1.problems=40"), ("dev1", "dev1.samples=1"), ("dev1", "dev1.traces=3"),
        ("dev3", "dev3.problems=40"), ("dev3", "dev3.samples=1"), ("dev3", "dev3.traces=3"),
        ("dev3", "dev3.general=7"), ("dev3", "dev3.zh_prompts=1"),
    ],
)  # fmt: skip
def test_every_setting_of_a_set_is_heeded(
    name: str, setting: str, teacher: Checkpoint, made: dict[str, Dataset]
) -> None:
    make = cold_start_set if name == "dev1" else rejection_set
    data = make(teacher, config_of(setting))
    assert data.documents != made[name].documents
    key, _, _ = setting.partition("=")
    if "traces" in key:
        assert data.kept == 3
    elif "general" in key:
        assert len(data.documents) - data.kept == 7
    elif "zh" in key:
        assert all("用" in d.prompt for d in data.documents[: data.kept])
    else:
        assert data.asked == 80


def test_a_teacher_who_finds_nothing_leaves_general_answers_alone(
    teacher: Checkpoint,
) -> None:
    mute = {name: p * 0 for name, p in teacher.params.items()}
    data = rejection_set(dataclasses.replace(teacher, params=mute), config_of())
    assert data.kept == 0 and len(data.documents) == 30


def test_searches_that_only_teach_to_end_are_counted_apart(
    teacher: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = "<bos> User: use 3 7 1 to make 11 . Assistant:"
    right = Document(asked, "<think> so </think> <answer> 1 </answer> <eos>")
    ended = Document(f"{asked} <think> try 3 + 7 = 10 no", "so </think> <eos>")
    monkeypatch.setattr(datasets, "cold_start", lambda *rest: [right, ended, ended])
    monkeypatch.setattr(datasets, "keep", lambda *rest: [right, right, ended])
    cold = cold_start_set(teacher, config_of("dev1.problems=1"))
    assert (cold.asked, cold.kept, cold.ended) == (2, 1, 2)
    mixed = rejection_set(teacher, config_of("dev3.problems=1"))
    assert (mixed.kept, mixed.ended, len(mixed.documents)) == (2, 1, 3 + 30)


# pairs


@pytest.mark.parametrize("part", ["train", "test"])
def test_pairs_are_about_the_prompts_of_their_part(part: str, teacher: Checkpoint) -> None:
    pairs = preference_pairs((teacher, teacher), config_of(), part)
    prompts = set(general_prompts(part))
    assert {pair.prompt for pair in pairs} <= prompts
    assert 5 < len(pairs) <= (60 if part == "train" else 20)
    assert pairs == preference_pairs((teacher, teacher), config_of(), part)


def test_every_source_answers_every_prompt_by_itself(
    teacher: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two sources that are one model do not say the same: both are worth asking."""
    given: list[Any] = []
    monkeypatch.setattr(
        datasets, "make_pairs", lambda said, *rest: given.append((said, rest)) or ["pair"]
    )
    preference_pairs((teacher, load("small-base")), config_of(), "test")
    preference_pairs((teacher, teacher), config_of("preference.noise=0.2", "seed=3"), "test")
    prompts = [p for p in general_prompts("test") for _ in range(2)]
    for said, _ in given:
        assert [s.prompt for s in said] == prompts * 2
        texts = [s.completion for s in said]
        assert texts[: len(prompts)] != texts[len(prompts) :]
    assert [rest for _, rest in given] == [(20, 0.1, 0), (20, 0.2, 3)]


def test_answers_that_are_all_alike_are_refused_with_what_to_type(teacher: Checkpoint) -> None:
    mute = dataclasses.replace(
        teacher, params={name: np.zeros_like(p) for name, p in teacher.params.items()}
    )
    with pytest.raises(UserError, match=r"test prompt.*--set preference\.samples=4"):
        preference_pairs((mute,), config_of("sample.max_tokens=2"), "test")


def test_a_document_is_a_prompt_and_a_completion(made: dict[str, Dataset]) -> None:
    """The end of a long search is a document too: its prompt has the thinking in it."""
    for document in made["dev1"].documents + made["dev3"].documents:
        assert isinstance(document, Document) and document.completion.endswith(" <eos>")
        assert document.prompt.endswith("Assistant:") or "<think>" in document.prompt
    assert rejection.LONG_SEARCH > 1
