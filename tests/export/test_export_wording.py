"""Do other engines ask what we ask, and pay what we pay?"""

import json
from pathlib import Path

import numpy as np
import pytest
from exports import ENDS, foreign, paid_by_us, run_of, tokenizer
from small_run import BASE

from minir1 import rewards
from minir1.config import override, tiny
from minir1.errors import UserError
from minir1.export.engine import write_common
from minir1.export.source import find, settle
from minir1.export.wording import Payment, TaskWording, WorldWording
from minir1.real_config import real
from minir1.tasks import open_task
from minir1.tokenizer import WordTokenizer
from minir1.world.questions import training_questions

OWN = """
def exercises(part):
    return [{"question": f"{part} {i}", "gold": str(i), "twice": [i, i]} for i in range(20)]

def score(exercise, answer):
    return float(answer == str(exercise["twice"][1]))
"""


def test_the_run_asks_the_same_in_the_same_order() -> None:
    config = override(real("m", "arithmetic:small", 3), ["grpo.prompts=4"])
    wording = TaskWording(config, tokenizer())
    asked = open_task("arithmetic:small").training(3, "r1-zero", 5, 4)
    rows = wording.training(5)
    assert [row.gold for row in rows] == [e.gold for e in asked]
    assert [row.prompt for row in rows] == [wording.world.prompt(e.question) for e in asked]
    assert rows[0].prompt.endswith("assistant\n") and asked[0].question in rows[0].prompt
    held = open_task("arithmetic:small").held_out("validation", 64)
    assert [row.gold for row in wording.validation()] == [e.gold for e in held]


def test_the_tiny_world_asks_the_same_in_the_same_order() -> None:
    config = tiny("r1-zero", 5)
    rows = WorldWording(config, WordTokenizer()).training(2)
    asked = training_questions(5, "r1-zero", 2, 32, config.grpo.zh_prompts)
    assert [row.prompt for row in rows] == [q.prompt for q in asked]


SAID = ["so 12", "12", "it's 7 or 12", "12 or 7", "no", "", "the 12 fox"]


@pytest.mark.parametrize(
    "settings",
    [
        ("prompt.answer=last",),
        ("prompt.answer=last", "reward.kind=format"),
        ("prompt.answer=last", "reward.language=0.3", "reward.format=0"),
        ("prompt.template=r1-zero", "prompt.answer=tags"),
    ],
)
def test_tokens_earn_what_they_earn_in_a_run(settings: tuple[str, ...]) -> None:
    words, task = tokenizer(), open_task("arithmetic:small")
    config = override(real("m", "arithmetic:small"), settings)
    exercises = task.training(0, "r1-zero", 0, 2)
    texts = [s.replace("12", e.gold) for e in exercises for s in SAID]
    texts[-1] = f"<think> hm </think> <answer> {exercises[1].gold} </answer>"
    said = [[*words.encode(text), ENDS[0]] for text in texts]
    said[0], said[3], said[5] = said[0][:-1], [*said[3][:-1], ENDS[5]], [ENDS[0]]  # cut, other
    ours, _ = paid_by_us(config, words, task, exercises, said)
    payment = Payment.of(config, words)
    rows = [TaskWording(config, words)._row(e).exercise for e in exercises for _ in SAID]
    parts = [payment.parts_of_tokens(ids, row) for ids, row in zip(said, rows, strict=True)]
    np.testing.assert_allclose([payment.total(p) for p in parts], ours)
    assert 0 < np.count_nonzero(ours) < len(ours)


def test_the_tiny_world_pays_the_same() -> None:
    settings = ["reward.language=0.5", "grpo.zh_prompts=0.0", "grpo.prompts=2"]
    config, words = override(tiny("r1-zero"), settings), WordTokenizer()
    payment = Payment.of(config, words)
    question, _ = training_questions(0, "r1-zero", 0, 2, 0.0)
    row, _ = WorldWording(config, words).training(0)
    thought = "<think> 1 + 1 = 2 no 等等 wait </think> <answer> 1 + 1 </answer> <eos>"
    earned = []
    for said in (thought, "<answer> 1 + 1 </answer> <eos>", "<answer> <eos>"):
        ids = words.encode(said)
        asked = question.problem, said, True, question.language
        wanted, _ = rewards.reward(*asked, config.reward)
        assert payment.total(payment.parts_of_tokens(ids, row.exercise)) == pytest.approx(
            wanted
        )
        assert payment.total(payment.parts_of_tokens(ids[:-1], row.exercise)) == 0
        earned.append(wanted)
    assert earned[0] > earned[1] == 0


def test_text_that_fills_the_room_was_cut_off() -> None:
    config = override(
        real("m", "arithmetic:small"), ["prompt.answer=last", "sample.max_tokens=6"]
    )
    payment = Payment.of(config, tokenizer())
    exercise = json.dumps({"question": "What is 2 * 3?", "gold": "6", "data": {}})
    short, long = "6", "1 2 3 6"
    assert len(tokenizer().encode(short)) < 6 <= len(tokenizer().encode(long))
    assert payment.parts_of_text(short, exercise)["accuracy"] == 1
    assert payment.total(payment.parts_of_text(long, exercise)) == 0


def test_the_files_of_a_task_go_along(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN)
    run = run_of(tmp_path / "run", str(tmp_path / "mine.py"))
    source = find(str(run.path))
    config = settle(source, None, ["prompt.answer=last", "grpo.prompts=2"])
    words = write_common(source, config, tmp_path / "out", "float32")
    rows = words.training(0)
    (tmp_path / "mine.py").unlink()
    (tmp_path / "out").rename(tmp_path / "moved")
    payment = Payment.load(tmp_path / "moved")
    right = payment.parts_of_text(rows[0].gold, rows[0].exercise)
    assert right["accuracy"] == 1 and payment.weights == {"accuracy": 1.0, "format": 0.1}
    assert payment.parts_of_text(rows[0].gold + "1", rows[0].exercise)["accuracy"] == 0


def test_a_task_whose_data_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN.replace("[i, i]}", "{i, -1}}").replace("[1]", ""))
    text = (tmp_path / "mine.py").read_text()
    (tmp_path / "mine.py").write_text(text.replace('== str(exercise["twice"])', "!= ''"))
    config = real("m", str(tmp_path / "mine.py"))
    with pytest.raises(UserError, match="no JSON"):
        TaskWording(config, tokenizer()).training(0)


# what is exported


def test_a_run_says_what_is_asked_and_settings_may_change(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run")
    config = settle(find(str(run.path)), None, ["grpo.group=4"])
    assert (config.task, config.seed, config.grpo.group) == ("arithmetic:small", 3, 4)
    assert settle(find(str(run.path)), "countdown", ()).task == "countdown"


def test_a_model_of_no_run_wants_a_task(tmp_path: Path) -> None:
    place = str(foreign(tmp_path / "theirs"))
    with pytest.raises(UserError, match="comes from no run: add --task"):
        settle(find(place), None, ())
    assert settle(find(place), "countdown", ()).task == "countdown"


def test_the_tiny_world_takes_no_task() -> None:
    with pytest.raises(UserError, match="leave it out"):
        settle(find(str(BASE)), "arithmetic", ())


@pytest.mark.parametrize("kind", ["random", "noise-30"])
def test_coins_are_not_exported(kind: str) -> None:
    with pytest.raises(UserError, match=rf"reward\.kind={kind} pays"):
        settle(find(str(BASE)), None, [f"reward.kind={kind}"])


@pytest.mark.parametrize("name", ["bases", "runs/nothing", "no.gguf"])
def test_what_does_not_exist_is_guessed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    with pytest.raises(UserError, match="there is no"):
        find(name)
