"""Does a real model go through R1's stages, and does it learn from what it should?"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from talkative_model import ASKED, QUICK, TASK, write_model, write_task

from minir1 import backend, commands, real_run
from minir1.checkpoint_commands import chat, evaluate_checkpoint, sample
from minir1.config import override
from minir1.errors import UserError
from minir1.exercises import Attempt, TaskWorld
from minir1.objectives import OBJECTIVES
from minir1.pretrained import open_model
from minir1.real_commands import is_real, settled
from minir1.real_config import RealConfig, real
from minir1.real_data import all_different, as_texts, good_rows, one_each, read_own, teach
from minir1.real_models import memory_plan, prepare
from minir1.resampling import Resampling
from minir1.runfolder import RunFolder
from minir1.scripts import script_consistency
from minir1.tasks import Exercise

STAGES = ("r1-zero", "dev1", "dev2", "dev3", "r1")


@pytest.fixture(scope="module", autouse=True)
def numpy_engine() -> None:
    backend.use("numpy")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, a task, and a run of the recipe r1."""
    folder = tmp_path_factory.mktemp("real")
    write_model(folder / "model")
    write_task(folder / "task.py")
    train(folder, "run")
    return folder


def train(folder: Path, out: str, *settings: str, seed: int = 0) -> dict[str, Any]:
    commands.start_real(
        str(folder / "model"), str(folder / "task.py"), recipe="r1", seed=seed, tune="full",
        out=str(folder / out), backend="numpy", settings=(*QUICK, *settings), quiet=True,
    )  # fmt: skip
    return json.loads((folder / out / "results.json").read_text())


def weights(folder: Path, name: str) -> dict[str, np.ndarray]:
    return open_model(folder / "checkpoints" / name)[0]


def attempt(**changes: Any) -> Attempt:
    good = Attempt(Exercise("say 1", "7"), "say 1", "7", 2, True, "7", 1.0, True, 1.0)
    return replace(good, **changes)


# the recipe


def test_every_stage_is_made_and_measured(place: Path) -> None:
    results = json.loads((place / "run/results.json").read_text())
    assert list(results["checkpoints"]) == ["base", *STAGES]
    assert set(STAGES) <= set(results["seconds"])
    lines = [json.loads(t) for t in (place / "run/metrics.jsonl").read_text().splitlines()]
    assert list(dict.fromkeys(line["stage"] for line in lines)) == list(STAGES)
    assert "loss" in next(line for line in lines if line["stage"] == "dev1")


def test_each_stage_starts_from_what_the_paper_says(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a step in it, a stage is what it started from."""
    still = "dev1.learning_rate=1e-30", "dev3.learning_rate=1e-30", "dev2.steps=0", "r1.steps=0"
    train(place, "still", *still)
    base, made = open_model(place / "model")[0], place / "still"
    for name in ("dev1", "dev2", "dev3", "r1"):
        for tensor, value in weights(made, name).items():
            assert np.array_equal(value, base[tensor]), (name, tensor)
    moved = weights(made, "r1-zero")
    assert any(not np.array_equal(moved[tensor], base[tensor]) for tensor in base)


def test_a_stage_trains_by_the_method_that_was_chosen(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def trained(learner: Any, config: Any, world: Any, objective: Any) -> Any:
        seen.append((objective, world))
        return iter(())

    monkeypatch.setattr("minir1.real_stages.rl.train", trained)
    train(place, "method", "grpo.objective=cispo", "grpo.extra_draws=2")
    assert len(seen) == 3
    for objective, world in seen:
        assert objective is OBJECTIVES["cispo"]
        assert isinstance(world, Resampling) and world.draws == 2


def test_reinforcement_goes_on_from_the_fine_tuned(place: Path) -> None:
    """Without a step in it, reinforcement is what fine-tuning left, and not the base."""
    train(place, "learnt", "dev1.learning_rate=1e-2", "dev2.steps=0", "r1.steps=0")
    base, made = open_model(place / "model")[0], place / "learnt"
    for before, after in (("dev1", "dev2"), ("dev3", "r1")):
        learnt, same = weights(made, before), weights(made, after)
        assert all(np.array_equal(learnt[tensor], same[tensor]) for tensor in base), after
        assert not all(np.array_equal(learnt[tensor], base[tensor]) for tensor in base), before
    assert not np.array_equal(
        weights(made, "dev1")["lm_head.weight"], weights(made, "dev3")["lm_head.weight"]
    )


def test_a_run_that_is_stopped_between_stages_ends_the_same(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def power_cut(*_: Any) -> Any:
        raise RuntimeError("the power went")

    with monkeypatch.context() as patch:
        patch.setitem(real_run.MAKERS, "dev3", power_cut)
        with pytest.raises(RuntimeError):
            train(place, "stopped")
    commands.train_real(RunFolder.resume(place / "stopped"), quiet=True)
    for name in STAGES:
        whole, again = weights(place / "run", name), weights(place / "stopped", name)
        assert all(np.array_equal(whole[tensor], again[tensor]) for tensor in whole), name
    figures = [
        json.loads((place / out / "results.json").read_text())["checkpoints"]
        for out in ("run", "stopped")
    ]
    assert figures[0] == figures[1]


def test_the_texts_that_were_learnt_can_be_read(place: Path) -> None:
    said = json.loads((place / "run/data/dev1.json").read_text())
    assert said["asked"] == 16 * 4 and 0 < len(said["texts"]) <= 16
    for text in said["texts"]:
        assert text["prompt"].startswith("Question: say ") and text["prompt"].endswith(
            "Answer:"
        )
        assert text["completion"].removesuffix("<|im_end|>")[-1] in "13579"


def test_a_teacher_that_is_never_right_stops_the_run_with_advice(place: Path) -> None:
    hopeless = TASK.replace('"gold": "7"', '"gold": "so"')
    hopeless = hopeless.replace("answer.endswith((", 'answer.endswith(("so", ')
    for digit in "13579":
        hopeless = hopeless.replace(f'"{digit}"', '"so"')
    (place / "hopeless.py").write_text(hopeless)
    with pytest.raises(UserError, match="dev1 has nothing to learn from"):
        commands.start_real(
            str(place / "model"), str(place / "hopeless.py"), recipe="r1", seed=0, tune="full",
            out=str(place / "hopeless"), backend="numpy", settings=QUICK, quiet=True,
        )  # fmt: skip


# the texts


def test_only_good_attempts_are_learnt() -> None:
    attempts = [
        attempt(),
        attempt(score=0.5),
        attempt(well_formed=False),
        attempt(consistency=0.9),
        attempt(consistency=0.96),
    ]
    assert good_rows(attempts) == [0, 4]


def test_the_shortest_of_each_exercise_is_kept_in_the_order_asked() -> None:
    attempts = [
        attempt(prompt="a", completion_tokens=5),
        attempt(prompt="a", completion_tokens=3),
        attempt(prompt="b", completion_tokens=1, score=0.0),
        attempt(prompt="b", completion_tokens=9),
        attempt(prompt="c"),
    ]
    assert one_each(attempts, 9) == [1, 3, 4]
    assert one_each(attempts, 2) == [1, 3]


def test_no_two_texts_say_the_same() -> None:
    attempts = [attempt(), attempt(), attempt(completion="9"), attempt(prompt="other")]
    assert all_different(attempts, 9) == [0, 2, 3]
    assert all_different(attempts, 1) == [0]


def world(place: Path, *settings: str) -> tuple[TaskWorld, dict[str, Any]]:
    config = override(real(str(place / "model"), str(place / "task.py")), (*ASKED, *settings))
    model, task = prepare(config)
    return TaskWorld(config, model.policy, model.tokenizer, task, "dev1"), model.params


def test_texts_are_the_tokens_that_were_drawn(place: Path) -> None:
    asked, params = world(place)
    rollout, attempts = teach(asked, params, 3, 2)
    assert rollout is not None and len(attempts) == 6
    for row, text in enumerate(as_texts(rollout, range(6))):
        assert text.tokens[text.given :].tolist() == rollout.completion(row).tolist()
        decoded = asked.tokenizer.decode(text.tokens[: text.given].tolist())
        assert decoded == attempts[row].prompt


def test_texts_of_ones_own_end_with_the_end_token(place: Path) -> None:
    asked, _ = world(place)
    path = place / "own.jsonl"
    path.write_text('{"question": "say 5", "completion": " 5"}')  # no newline at the end
    (text,) = read_own(str(path), asked)
    assert text.tokens[-1] == asked.tokenizer.eos_id
    whole = asked.tokenizer.decode(text.tokens[:-1].tolist())
    assert whole == "Question: say 5\nAnswer: 5"
    assert read_own("", asked) == []


@pytest.mark.parametrize(
    "line", ["[1]", '{"question": "a"}', '{"question": 1, "completion": "b"}', "no"]
)
def test_a_text_that_is_none_is_named_with_its_line(place: Path, line: str) -> None:
    asked, _ = world(place)
    path = place / "bad.jsonl"
    path.write_text('{"question": "say 5", "completion": " 5"}\n' + line + "\n")
    with pytest.raises(UserError, match=r"bad.jsonl, line 2: wanted"):
        read_own(str(path), asked)
    with pytest.raises(UserError, match="is no file"):
        read_own(str(place / "none.jsonl"), asked)


@pytest.mark.parametrize(
    ("question", "completion", "share"),
    [
        ("How much is 2 + 3?", "It is 5.", 1.0),
        ("How much is 2 + 3?", "5", 1.0),
        ("How much?", "是 ab", 2 / 3),
        ("多少？", "是的 a", 2 / 3),
        ("2 + 3", "abc", 1.0),
        ("Привет", "привет", 1.0),
        ("hi", "привет", 0.0),
    ],
)
def test_scripts_are_told_apart(question: str, completion: str, share: float) -> None:
    assert script_consistency(question, completion) == pytest.approx(share)


# asking


def test_a_checkpoint_is_asked_as_its_run_asked_it(
    place: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config = settled(str(place / "run"), None, 3, ())
    assert isinstance(config, RealConfig) and config.prompt.template == "plain"
    assert config.task == str(place / "task.py") and config.seed == 3
    assert Path(config.model).name == "r1"
    evaluate_checkpoint(
        str(place / "run/checkpoints/dev1"), "test", 6, 2, 0, "numpy", str(tmp_path / "f.json")
    )
    told = json.loads((tmp_path / "f.json").read_text())
    known = json.loads((place / "run/results.json").read_text())["checkpoints"]["dev1"]
    assert told["checkpoints"][str(place / "run/checkpoints/dev1")] == known
    assert "pass@1" in capsys.readouterr().out


def test_a_model_of_no_run_wants_a_task(place: Path) -> None:
    with pytest.raises(UserError, match="comes from no run: add --task"):
        evaluate_checkpoint(str(place / "model"), "test", 6, 2, 0, "numpy", None)
    with pytest.raises(UserError, match="comes from no run: give a PROMPT"):
        sample(str(place / "model"), None, 1, 1.0, 0, "numpy")
    with pytest.raises(UserError, match="lives in the tiny world"):
        evaluate_checkpoint("base", "test", 6, 2, 0, "numpy", None, "arithmetic")
    with pytest.raises(UserError, match="lives in the tiny world"):
        sample("base", "hello", 1, 1.0, 0, "numpy", ("prompt.template=plain",))


def test_samples_are_shown_with_their_verdict(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sample(str(place / "run"), None, 2, 1.0, 1, "numpy")
    said = capsys.readouterr().out
    assert said.count("say 101") == 2 and said.count("verdict") == 2
    sample(str(place / "model"), "hello", 1, 1.0, 0, "numpy", ("sample.max_tokens=5",))
    said = capsys.readouterr().out
    assert "<|im_start|>user" in said and "hello" in said and "verdict" not in said


def test_a_line_of_a_pipe_is_a_question(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import io
    import sys

    monkeypatch.setattr(sys, "stdin", io.StringIO("say 3\n\nsay 4\n"))
    chat(str(place / "run/checkpoints/r1-zero"), 1.0, 0, "numpy")
    said = capsys.readouterr().out
    assert said.count("prompt") == 2 and "say 3" in said and "say 4" in said


def test_what_counts_as_a_real_model(place: Path) -> None:
    assert is_real(str(place / "model")) and is_real("some.gguf") and is_real("org/model")
    assert is_real(str(place / "run")) and not is_real("base") and not is_real("nothing")


# memory


def test_the_plan_grows_with_what_is_asked(place: Path) -> None:
    def total(*settings: str) -> int:
        config = override(
            real(str(place / "model"), str(place / "task.py")), (*ASKED, *settings)
        )
        return memory_plan(config, *prepare(config)).total

    usual = total()
    assert total("grpo.tokens_per_microbatch=4096") > usual
    assert total("sample.rows_per_chunk=8", "sample.max_tokens=100") != usual


def test_a_run_that_cannot_fit_is_refused_before_it_begins(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from minir1 import memory

    monkeypatch.setattr(memory, "free_memory", lambda: 10**6)
    with pytest.raises(UserError, match=r"needs about .* of memory, 1 MB are free"):
        train(place, "large")
    assert not (place / "large").exists()
