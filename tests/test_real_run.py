"""Does the run of a real model leave what it should, go on as it was, and teach anything?"""

import json
import shutil
import signal
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from safetensors.numpy import load_file
from small_run import differences, left_behind, lines, minir1
from talkative_model import write_model, write_task

from minir1 import backend, commands, machine, rl, training
from minir1.cli import cli
from minir1.errors import UserError
from minir1.pretrained import open_model
from minir1.report import write_report
from minir1.runfolder import RunFolder
from minir1.storage.state import read_state

SETTINGS = (
    "grpo.steps=3", "grpo.prompts=4", "grpo.group=4", "grpo.warmup=0",
    "grpo.learning_rate=1e-3", "grpo.tokens_per_microbatch=128", "sample.max_tokens=8",
    "sample.rows_per_chunk=8", "prompt.template=plain", "prompt.answer=last",
    "evaluation.problems=6", "evaluation.samples=2", "evaluation.every=2",
    "evaluation.validation_problems=4", "save_every=2", "keep_every=2", "threads=1",
)  # fmt: skip
BEYOND_CLOCK = ("config.json",)  # says how many threads


@pytest.fixture(scope="module", autouse=True)
def numpy_engine_of_the_module() -> None:
    backend.use("numpy")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, and a run that nobody stopped."""
    folder = tmp_path_factory.mktemp("real")
    write_model(folder / "model")
    train(folder, "run")
    return folder


def words(folder: Path, out: str, *settings: str, task: str = "arithmetic:small") -> list[str]:
    """What is typed for a run."""
    chosen = [word for setting in (*SETTINGS, *settings) for word in ("--set", setting)]
    named = ["--model", str(folder / "model"), "--task", task, "--out", str(folder / out)]
    return ["train", "--quiet", "--backend", "numpy", *named, *chosen]


def train(folder: Path, out: str, *settings: str, task: str = "arithmetic:small") -> Path:
    typed(*words(folder, out, *settings, task=task))
    return folder / out


def typed(*arguments: str) -> None:
    """Do what a command does, in this process."""
    cli(list(arguments), prog_name="minir1", standalone_mode=False)


def refused(*arguments: str) -> str:
    """Return the one line with which a command is refused."""
    with pytest.raises(UserError) as told:
        typed(*arguments)
    assert "\n" not in str(told.value)
    return str(told.value)


# what a run leaves


def test_the_folder_has_what_every_run_has(place: Path) -> None:
    run = place / "run"
    assert {path.name for path in run.iterdir()} >= {
        "config.json", "metrics.jsonl", "samples.jsonl", "checkpoints", "state",
        "results.json", "report.html",
    }  # fmt: skip
    assert {path.name for path in (run / "checkpoints").iterdir()} == {
        "r1-zero", "r1-zero-step2"
    }  # fmt: skip
    described = json.loads((run / "config.json").read_text())
    assert described["engine"] == "numpy" and described["config"]["task"] == "arithmetic:small"
    assert described["config"]["model"] == str(place / "model")


def test_the_metrics_are_those_of_the_tiny_world(place: Path) -> None:
    steps = lines(place / "run" / "metrics.jsonl")
    assert [(line["stage"], line["step"]) for line in steps] == [
        ("r1-zero", n) for n in (1, 2, 3)
    ]
    names = {
        "seconds", "reward", "accuracy", "format_rate", "completion_tokens", "reflections",
        "language_consistency", "entropy", "kl", "clip_fraction", "flat_groups", "truncated",
        "grad_norm", "rollout_seconds", "update_seconds", "logprob_gap", "trained_tokens",
    }  # fmt: skip
    assert all(names <= line.keys() for line in steps)
    assert [("validation_accuracy" in line) for line in steps] == [False, True, True]
    assert steps[0]["kl"] < 1e-9 and steps[2]["kl"] > 0
    assert max(line["logprob_gap"] for line in steps) < 1e-4


def test_the_samples_are_the_same_few_exercises_over_time(place: Path) -> None:
    looks = lines(place / "run" / "samples.jsonl")
    assert [look["step"] for look in looks] == [n for n in (0, 2, 3) for _ in range(48)]
    asked = [[look["prompt"] for look in looks if look["step"] == n] for n in (0, 2, 3)]
    assert asked[0] == asked[1] == asked[2] and len(set(asked[0])) == 6
    for look in looks:
        assert look["right"] is (look["finished"] and look["answer"] == look["gold"])


def test_the_results_are_measured_on_held_out_exercises(place: Path) -> None:
    results = json.loads((place / "run" / "results.json").read_text())
    assert (results["schema"], results["seed"], results["engine"]) == (1, 0, "numpy")
    assert results["model"] == str(place / "model")
    assert results["task"] == {"name": "arithmetic:small", "dropped": 0}
    assert results["seconds"].keys() == {"evaluation", "r1-zero", "total"}
    parts = results["seconds"]["evaluation"] + results["seconds"]["r1-zero"]
    assert results["seconds"]["total"] >= parts > 0
    assert list(results["checkpoints"]) == ["base", "r1-zero"]
    for told in results["checkpoints"].values():
        passed = told["pass_at_1"]
        assert (passed["problems"], passed["samples"]) == (6, 2)
        assert passed["low"] <= passed["value"] <= passed["high"]
        assert told["pass_at_k"]["1"] == pytest.approx(passed["value"])
        assert {"maj_at_2", "format_rate", "completion_tokens", "truncated"} <= told.keys()


def test_a_checkpoint_is_a_model_that_opens(place: Path) -> None:
    base, shape, tokenizer = open_model(place / "model")
    arrays, info = read_state(place / "run" / "state" / "state.safetensors")
    for name, step in (("r1-zero", 3), ("r1-zero-step2", 2)):
        params, its_shape, its_tokenizer = open_model(place / "run" / "checkpoints" / name)
        assert its_shape == shape and its_tokenizer.fingerprint() == tokenizer.fingerprint()
        assert any(not np.array_equal(params[n], base[n]) for n in base), name
        if step == info["step"]:
            assert all(np.array_equal(params[n], arrays[f"params/{n}"]) for n in params)


class Tags(HTMLParser):
    """The tags of a page, and what they carry."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_report_shows_hostile_text_as_text(place: Path) -> None:
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31m\u202e\0"
    run = place / "<img src=x onerror=alert(3)>"
    shutil.copytree(place / "run", run)
    for name, keys in (("samples.jsonl", ("prompt", "completion", "answer", "gold")),):
        told = [{**line, **{key: evil for key in keys}} for line in lines(run / name)]
        (run / name).write_text("".join(json.dumps(line) + "\n" for line in told))
    for name in ("config.json", "results.json"):
        text = (run / name).read_text().replace("arithmetic:small", json.dumps(evil)[1:-1])
        (run / name).write_text(text.replace(str(place / "model"), json.dumps(evil)[1:-1]))
    page = write_report(run).read_text()
    found = Tags(page).found
    usual = Tags((place / "run" / "report.html").read_text()).found
    count = [[tag for tag, _ in tags].count("script") for tags in (found, usual)]
    assert count[0] == count[1]
    assert not [attrs for _, attrs in found if any(name.startswith("on") for name in attrs)]
    assert "img" not in {tag for tag, _ in found}
    assert "\x1b" not in page


# the same bits


def test_the_same_seed_gives_the_same_bits_on_any_number_of_threads(place: Path) -> None:
    again = train(place, "again", "threads=2")
    assert differences(place / "run", again, BEYOND_CLOCK) == []
    other = train(place, "other", "seed=1")
    told = differences(place / "run", other)
    assert {"metrics.jsonl", "checkpoints/r1-zero/model.safetensors"} <= set(told)


# stopped, and gone on with


STOPS = (
    ("after", "results.json", 1, signal.SIGKILL),  # the base is measured
    ("after", "append_metrics", 1, signal.SIGKILL),  # a step that no state knows
    ("before", "save_state", 1, signal.SIGKILL),
    ("after", "append_metrics", 2, signal.SIGINT),
    ("before", "save_state", 2, signal.SIGKILL),
    ("before", "results.json", 1, signal.SIGKILL),  # the checkpoint is there, not measured
)
STOP = """
import os, signal
from minir1.runfolder import RunFolder
signal.signal(signal.SIGINT, signal.default_int_handler)
left = {count}
def around(name, method):
    call = getattr(RunFolder, method)
    def wrapped(self, *args):
        global left
        due = {event!r} == (args[0] if method == "write" else method)
        left -= due
        if due and not left and {when!r} == "before":
            os.kill(os.getpid(), {sent})
        result = call(self, *args)
        if due and not left and {when!r} == "after":
            os.kill(os.getpid(), {sent})
        return result
    setattr(RunFolder, method, wrapped)
for method in ("write", "append_metrics", "save_state"):
    around(method, method)
"""


def test_stopped_again_and_again_a_run_ends_with_the_same_bits(place: Path) -> None:
    out = place / "stopped"
    again = ["train", "--quiet", "--resume", "--out", str(out)]
    for when, event, count, sent in STOPS:
        code = STOP.format(when=when, event=event, count=count, sent=int(sent))
        started = (out / "config.json").exists()
        done = minir1(*(again if started else words(place, "stopped")), code=code)
        if sent == signal.SIGKILL:
            assert done.returncode == -sent, (event, done.stderr)
            continue
        assert done.returncode == 130, done.stderr
        said = "minir1: stopped; saved at r1-zero step 1; go on with: "
        assert done.stderr.startswith(said), done.stderr
        command = done.stderr.removeprefix(said).strip()
        assert command == f"minir1 train --out {out} --resume"
    typed(*again)
    assert differences(place / "run", out) == []


def test_a_finished_run_is_left_as_it_is(place: Path) -> None:
    run = place / "finished"
    shutil.copytree(place / "run", run)
    before = left_behind(run)
    typed("train", "--quiet", "--resume", "--out", str(run))
    assert left_behind(run) == before


def test_the_last_run_is_found_without_its_name(
    place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    message = refused("train", "--resume")
    assert "there is no run in runs/ to resume" in message
    shutil.copytree(place / "run", tmp_path / "runs" / "model-arithmetic-small-seed0")
    found: list[Path] = []
    monkeypatch.setattr(commands, "train_real", lambda run, *rest: found.append(run.path))
    typed("train", "--resume")
    assert [path.name for path in found] == ["model-arithmetic-small-seed0"]


@pytest.mark.parametrize(
    "changed",
    [
        ["--set", "grpo.steps=5"], ["--seed", "1"], ["--model", "x"], ["--task", "arithmetic"],
        ["--backend", "numpy"], ["--tune", "full"], ["--recipe", "r1"],
    ],
)  # fmt: skip
def test_a_run_goes_on_with_the_settings_that_it_had(place: Path, changed: list[str]) -> None:
    told = refused("train", "--resume", "--out", str(place / "run"), *changed)
    assert f"leave out {changed[0]}" in told


def test_a_run_whose_model_is_gone_says_so(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "run", tmp_path / "run")
    (tmp_path / "run" / "results.json").unlink()
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    config["config"]["model"] = str(tmp_path / "gone")
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    told = refused("train", "--resume", "--out", str(tmp_path / "run"))
    assert f"there is no model {tmp_path / 'gone'}" in told


def test_a_run_goes_on_from_any_folder(
    place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    task = tmp_path / "task.py"
    write_task(task)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(place / "model", tmp_path / "model")
    typed(*words(Path("."), "run", "grpo.steps=1", task="task.py"))
    config = json.loads((tmp_path / "run" / "config.json").read_text())["config"]
    assert (config["model"], config["task"]) == (str(tmp_path / "model"), str(task))


# the reference


def test_the_reference_is_the_start_and_is_held_once(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a run was stopped or not, and without a second copy of the weights."""
    seen: list[tuple[int, bool, float]] = []
    improve = rl.improve

    def watched(learner: rl.Learner, *rest: Any) -> Any:
        same = learner.ref_params is start[0]
        first = next(iter(learner.ref_params.values()))
        seen.append((learner.step, same, float(np.asarray(first).sum())))
        return improve(learner, *rest)

    start: list[Any] = []
    follow = training.follow

    def following(stage: Any, params: Any, *rest: Any) -> Any:
        start[:] = [params]
        return follow(stage, params, *rest)

    monkeypatch.setattr(rl, "improve", watched)
    monkeypatch.setattr("minir1.real_stages.follow", following)
    settings = "grpo.kl_weight=0.5", "save_every=1"
    whole = train(place, "pulled", *settings)
    assert [step for step, _, _ in seen] == [0, 1, 2] and all(same for _, same, _ in seen)
    arrays, _ = read_state(whole / "state" / "state.safetensors")
    assert not [name for name in arrays if name.startswith("reference/")]
    seen.clear()

    def stop(run: RunFolder, *args: Any) -> None:
        append(run, *args)
        if args[0]["step"] == 2:
            raise KeyboardInterrupt

    append = RunFolder.append_metrics
    with monkeypatch.context() as patch, pytest.raises(click.Abort):
        patch.setattr(RunFolder, "append_metrics", stop)
        train(place, "pulled-again", *settings)
    typed("train", "--quiet", "--resume", "--out", str(place / "pulled-again"))
    assert [step for step, _, _ in seen] == [0, 1, 1, 2]
    assert all(same for _, same, _ in seen) and len({total for _, _, total in seen}) == 1
    assert differences(whole, place / "pulled-again") == []
    free = lines(place / "run" / "metrics.jsonl")[-1]["kl"]
    assert lines(whole / "metrics.jsonl")[-1]["kl"] < free


# refused before there is a run


def test_what_does_not_go_together_is_refused(place: Path, tmp_path: Path) -> None:
    model, out = str(place / "model"), str(tmp_path / "run")
    on = "--out", out, "--backend", "numpy"
    assert "leave out --model" in refused("train", "--tiny", "--model", model, *on)
    assert "add --task" in refused("train", "--model", model, *on)
    assert "add --model" in refused("train", "--task", "arithmetic", *on)
    assert "nothing to train was named" in refused("train", *on)
    named = "--model", model, "--task"
    assert "did you mean arithmetic" in refused("train", *named, "aritmetic", *on)
    assert "no such kind" in refused("train", *named, "arithmetic:smal", *on)
    assert "belongs to the tiny world" in refused(
        "train", *named, "arithmetic", "--base", "base", *on
    )
    for name in ("model", "task", "tune"):
        value = {"model": "x", "task": "countdown", "tune": "lora"}[name]
        told = refused("train", *named, "arithmetic", *on, "--set", f"{name}={value}")
        assert f"type --{name} instead" in told
    assert not (tmp_path / "run").exists()


def test_what_is_no_model_is_refused(place: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    (tmp_path / "empty").mkdir()
    shutil.copytree(place / "model", tmp_path / "endless")
    named = json.loads((tmp_path / "endless/tokenizer_config.json").read_text())
    (tmp_path / "endless/tokenizer_config.json").write_text(
        json.dumps({**named, "eos_token": None})
    )
    config = json.loads((tmp_path / "endless/config.json").read_text())
    (tmp_path / "endless/config.json").write_text(json.dumps({**config, "eos_token_id": None}))
    told = {
        name: refused(
            "train", "--model", str(tmp_path / name), "--task", "arithmetic", "--backend",
            "numpy", "--out", str(tmp_path / "run"),
        )
        for name in ("none", "text", "empty", "endless")
    }  # fmt: skip
    assert "there is no model" in told["none"] and "wanted a folder" in told["none"]
    assert "is no whole GGUF file" in told["text"]
    assert "has no config.json" in told["empty"]
    assert "names no token that ends a text" in told["endless"]
    assert not (tmp_path / "run").exists()


def test_what_would_break_later_is_refused_now(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(*settings: str, task: str = "arithmetic:small") -> str:
        line = refused(*words(place, "never", *settings, task=task))
        assert not (place / "never").exists()
        return line

    assert "the 128 that the model takes; try --set sample.max_tokens=" in told(
        "sample.max_tokens=500"
    )
    room = told("sample.max_tokens=500").rpartition("=")[2]
    own = tmp_path / "own.py"
    own.write_text(
        'def exercises(part):\n    if part == "train":\n'
        '        yield {"question": f"{part}? " * 2, "gold": "1"}\n'
        "def score(exercise, answer):\n    return 1.0\n"
    )
    assert "has no validation exercises" in told(task=str(own))
    own.write_text(own.read_text().replace("* 2", "* 99").replace('== "train"', "> ''"))
    assert "tokens and the model takes 128" in told(task=str(own))
    monkeypatch.setattr("minir1.memory.available_memory", lambda: 1000)
    assert "needs about" in told(f"sample.max_tokens={room}")  # which fits the context
    monkeypatch.setattr(machine, "available_memory", lambda: 1000)
    assert "needs about" in told()  # even to be opened


def test_a_model_without_a_chat_template_is_asked_plainly(tmp_path: Path) -> None:
    write_model(tmp_path / "model")
    named = json.loads((tmp_path / "model/tokenizer_config.json").read_text())
    del named["chat_template"]
    (tmp_path / "model/tokenizer_config.json").write_text(json.dumps(named))
    told = refused(*words(tmp_path, "run", "prompt.template=chat"))
    assert told.endswith("--set prompt.template=plain")


# does it learn?


def test_what_is_paid_for_is_learnt_and_a_coin_teaches_nothing(
    place: Path, tmp_path: Path
) -> None:
    task = write_task(tmp_path / "task.py")  # pays for an odd last digit
    settings = (
        "grpo.steps=25", "grpo.prompts=4", "grpo.group=8", "grpo.learning_rate=2e-2",
        "evaluation.problems=20", "evaluation.every=0",
    )  # fmt: skip
    reached = {}
    for kind in ("rule", "random"):
        run = train(place, f"taught-{kind}", *settings, f"reward.kind={kind}", task=task)
        told = json.loads((run / "results.json").read_text())["checkpoints"]
        reached[kind] = [told[name]["pass_at_1"]["value"] for name in ("base", "r1-zero")]
    before, after = reached["rule"]
    assert after > before + 0.25
    assert reached["random"][0] == before and reached["random"][1] < before + 0.1


# the other engine


@pytest.fixture
def mlx_engine() -> None:
    pytest.importorskip("mlx_lm")
    backend.use("mlx")


@pytest.mark.mlx
@pytest.mark.parametrize("tune", ["full", "lora"])
def test_on_mlx_a_run_is_made_stopped_and_gone_on_with(
    place: Path, mlx_engine: None, tune: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mlx_words(out: str, *settings: str) -> list[str]:
        typed = words(place, out, "save_every=1", *settings)
        return [*typed, "--tune", tune, "--backend", "mlx"]

    def stop(run: RunFolder, *args: Any) -> None:
        append(run, *args)
        if args[0]["step"] == 2:
            raise KeyboardInterrupt

    append = RunFolder.append_metrics
    whole, out = place / f"mlx-{tune}", place / f"mlx-{tune}-stopped"
    typed(*mlx_words(whole.name))
    with monkeypatch.context() as patch, pytest.raises(click.Abort):
        patch.setattr(RunFolder, "append_metrics", stop)
        typed(*mlx_words(out.name))
    typed("train", "--quiet", "--resume", "--out", str(out))
    adapters = [path.relative_to(whole) for path in whole.glob("adapters/*/*.safetensors")]
    assert differences(whole, out, [str(path) for path in adapters]) == []
    for path in adapters:  # their order in the file may differ
        one, other = load_file(whole / path), load_file(out / path)
        assert all(np.array_equal(one[name], other[name]) for name in one | other), path
    params, _, _ = open_model(whole / "checkpoints" / "r1-zero")
    base, _, _ = open_model(place / "model")
    assert any(not np.array_equal(params[name], base[name]) for name in base)
    assert (whole / "adapters" / "r1-zero").exists() is (tune == "lora")
    told = refused(*mlx_words("never", "importance_cap=3"))
    assert "importance_cap=3.0: this model computes in float32" in told
