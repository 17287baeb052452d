"""Is a fault planted where it was asked for, kept by a run that goes on, and told to no log?"""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_run import BASE, SETTINGS, arguments, differences, lines, minir1, timeless

from minir1 import commands, environment, grpo, objective, policy, rl
from minir1.backend import to_numpy
from minir1.checkpoint_commands import load
from minir1.config import override, tiny
from minir1.environment import TinyWorld
from minir1.errors import UserError
from minir1.faults.catalogue import FAULTS, find
from minir1.faults.fault import BrokenWorld, Fault, same_objective, same_policy, same_rollout
from minir1.faults.planted import fault_of, keep_fault, plant
from minir1.objective import GRPO
from minir1.policy import DecoderPolicy
from minir1.rl import Learner
from minir1.runfolder import RunFolder

NAMES = {
    "kl-sign", "kl-inverted", "k1-loss", "clip-side", "eos-untrained", "prompt-missing",
    "batch-baseline", "truncated-sampling", "truncation-rewarded", "mask-in-place",
    "left-padding", "lenient-grader", "stale-logprobs", "learning-rate-high",
}  # fmt: skip
GRADERS = {"truncation-rewarded", "lenient-grader"}  # the small base gives them nothing to pay
START = load(str(BASE))
SHORT = ("grpo.steps=3", "grpo.prompts=3", "evaluation.every=0", "evaluation.problems=2")


def broken(out: Path, fault: str, *settings: str, resume: bool = False) -> Path:
    """A small run with a fault in it, in this process; or going on with one."""
    chosen = (*SETTINGS, *SHORT, *settings)
    named = None if resume else fault
    commands.train(
        "r1-zero", 0, str(BASE), str(out), "numpy", resume, chosen, True, inject=named
    )
    return out


# the catalogue


def test_every_fault_is_there_and_described() -> None:
    assert set(FAULTS) == NAMES
    for name, fault in FAULTS.items():
        assert fault.name == name
        assert fault.bug and fault.seen and "\n" not in fault.told
        assert not fault.bug.endswith(".") and len(fault.bug) < 100
        override(tiny("r1-zero", 0), fault.settings)  # all settings are real ones
        exchanged = [
            fault.objective is not same_objective,
            fault.policy is not same_policy,
            fault.rollout is not same_rollout,
        ]
        assert sum(exchanged) == (name != "learning-rate-high"), name


def test_a_mistyped_fault_is_answered_with_a_guess_and_the_list() -> None:
    with pytest.raises(UserError, match="did you mean kl-sign") as refused:
        find("kl-sing")
    assert all(name in str(refused.value) for name in NAMES)
    with pytest.raises(UserError, match="there is no fault 'zzz'; There are kl-sign"):
        find("zzz")


# what can be typed


@pytest.mark.parametrize(
    "words",
    [
        ("--inject", "kl-sign"),  # the whole story
        ("--recipe", "r1", "--inject", "kl-sign"),
        ("--recipe", "r1-zero", "--inject", "kl-sign", "--from", "elsewhere"),
    ],
)
def test_a_fault_belongs_to_a_new_r1_zero(words: tuple[str, ...], tmp_path: Path) -> None:
    done = minir1("train", "--tiny", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "--recipe r1-zero --inject kl-sign" in done.stderr
    assert not list(tmp_path.iterdir())


def test_real_models_and_resumed_runs_are_given_none(tmp_path: Path) -> None:
    real = minir1("train", "--model", "m", "--task", "arithmetic", "--inject", "kl-sign")
    assert real.returncode == 2 and "R1-Zero alone" in real.stderr
    resumed = minir1("train", "--tiny", "--resume", "--inject", "kl-sign", cwd=tmp_path)
    assert resumed.returncode == 2 and "leave out --inject" in resumed.stderr
    unknown = minir1("train", "--tiny", "--recipe", "r1-zero", "--inject", "kl_sing")
    assert unknown.returncode == 2 and "did you mean kl-sign?" in unknown.stderr


def test_the_screen_says_what_is_planted_and_no_log_does(tmp_path: Path) -> None:
    short = [word for setting in SHORT for word in ("--set", setting)]
    words = arguments("train", str(tmp_path / "run"), "--quiet")[:-2]
    done = minir1(*words, *short, "--quiet", "--inject", "stale-logprobs")
    assert done.returncode == 0, done.stderr
    (line,) = [text for text in done.stderr.splitlines() if "planted" in text]
    assert line == f"minir1: {FAULTS['stale-logprobs'].told}"
    assert "checks" in line and "are off" in line
    assert json.loads((tmp_path / "run" / "injected.json").read_text()) == {
        "fault": "stale-logprobs"
    }
    for path in (tmp_path / "run").rglob("*"):
        if path.is_file() and path.name != "injected.json":
            assert b"stale" not in path.read_bytes(), path
            assert b"inject" not in path.read_bytes(), path
    gaps = [row["logprob_gap"] for row in lines(tmp_path / "run" / "metrics.jsonl")]
    assert gaps[0] < 1e-4 < gaps[1]


def test_a_fault_brings_its_settings_and_those_that_are_typed_come_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "_show", lambda *_: None)
    monkeypatch.setattr(commands, "report", lambda _: None)
    made = RunFolder.resume(broken(tmp_path / "run", "kl-inverted", "grpo.kl_weight=0.2"))
    assert (made.config.grpo.kl_estimator, made.config.grpo.kl_weight) == ("k3", 0.2)
    assert fault_of(made) is FAULTS["kl-inverted"]


def test_a_stage_meets_its_fault_and_without_one_is_as_it_was(tmp_path: Path) -> None:
    config = tiny("r1-zero", 0)
    run = RunFolder.create(tmp_path / "run", config)
    world = TinyWorld(config, START.tokenizer, "r1-zero")
    healthy = plant(run, world, GRPO, config, START)
    assert healthy[0] is world and healthy[1] is GRPO
    keep_fault(run, FAULTS["kl-sign"])
    spoilt, algorithm = plant(run, world, GRPO, config, START)
    assert isinstance(spoilt, BrokenWorld) and spoilt.world is world
    assert algorithm.loss is not GRPO.loss and algorithm.weights is GRPO.weights


# what it does to a run


def steps(fault: Fault | None, *settings: str) -> tuple[list[dict[str, Any]], Any]:
    """Two steps of a small run without a folder: what was reported, and what came of it."""
    config = override(tiny("r1-zero", 0), (*SETTINGS, *SHORT, "grpo.steps=2", *settings))
    config = replace(config, model=START.config)
    world: Any = TinyWorld(config, START.tokenizer, "r1-zero")
    algorithm = GRPO
    if fault is not None:
        world, algorithm = BrokenWorld(fault, world, config, START), fault.objective(GRPO)
    learner = Learner.start(START.params)
    rows = [s.metrics for s in rl.train(learner, config, world, objective=algorithm)]
    return [timeless(row) for row in rows], learner.params


def same(one: Any, other: Any) -> bool:
    return all(np.array_equal(to_numpy(one[n]), to_numpy(other[n])) for n in one)


@pytest.mark.parametrize("name", sorted(NAMES - GRADERS))
def test_every_fault_changes_a_run_that_is_healthy_with_its_settings(name: str) -> None:
    more = (
        "sample.max_tokens=25",
        "grpo.inner_steps=3",
        "grpo.prompts=6",
        "grpo.clip_low=0.01",
    )
    settings = FAULTS[name].settings if name != "learning-rate-high" else ()
    rows, params = steps(FAULTS[name], *FAULTS[name].settings, *more)
    usual, healthy = steps(None, *settings, *more)
    assert not same(params, healthy)
    assert [row.keys() for row in rows] == [row.keys() for row in usual]
    numbers = [value for row in rows for key, value in row.items() if key != "stage"]
    assert np.all(np.isfinite(numbers))


def test_a_broken_run_goes_on_as_if_never_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the fault that must remember how the stage began."""
    name = "stale-logprobs"
    whole = broken(tmp_path / "whole", name)
    improve = rl.improve

    def stopped(learner: Learner, *rest: Any, **more: Any) -> Any:
        if learner.step == 2:
            raise KeyboardInterrupt
        return improve(learner, *rest, **more)

    monkeypatch.setattr(rl, "improve", stopped)
    with pytest.raises(KeyboardInterrupt):
        broken(tmp_path / "part", name)
    monkeypatch.undo()
    broken(tmp_path / "part", name, resume=True)
    assert differences(whole, tmp_path / "part") == []


def test_a_stopped_run_with_a_fault_of_another_version_is_refused(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", tiny("r1-zero", 0))
    run.keep_base(BASE)
    (run.path / "injected.json").write_text('{"fault": "of the future"}')
    with pytest.raises(UserError, match="there is no fault 'of the future'"):
        broken(run.path, "", resume=True)


def test_nothing_is_taken_over_from_a_broken_run(tmp_path: Path) -> None:
    run = tmp_path / "run"
    made = RunFolder.create(run, tiny("r1-zero", 0))
    made.keep_base(BASE)
    made.write("results.json", {})
    (run / "injected.json").write_text('{"fault": "kl-sign"}')
    with pytest.raises(UserError, match="a fault was planted in that run"):
        commands.train(
            "r1-zero", 0, str(BASE), str(tmp_path / "new"), "numpy", False, SETTINGS, True,
            origin=str(run),
        )  # fmt: skip
    assert not (tmp_path / "new").exists()


def test_the_checks_are_off_where_they_would_stop_the_run_and_there_alone() -> None:
    healthy = DecoderPolicy(tiny("r1-zero", 0).model)
    for fault in FAULTS.values():
        world: Any = BrokenWorld(fault, None, tiny("r1-zero", 0), None)  # type: ignore[arg-type]
        assert world.policy.tolerance == (math.inf if fault.caught else healthy.tolerance)


@pytest.mark.parametrize("name", sorted(n for n in NAMES if FAULTS[n].caught))
def test_with_the_checks_on_it_is_stopped_at_once(name: str) -> None:
    with pytest.raises(UserError, match=r"step [12]: sampled and scored"):
        steps(replace(FAULTS[name], caught=False))


def test_the_real_code_is_untouched_after_use() -> None:
    modules = (rl, grpo, objective, policy, environment)
    before = [dict(vars(module)) for module in modules]
    rows, params = steps(None)
    for name in ("clip-side", "truncated-sampling", "left-padding"):
        steps(FAULTS[name])
    assert [dict(vars(module)) for module in modules] == before
    again = steps(None)
    assert again[0] == rows and same(again[1], params)
