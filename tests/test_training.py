"""Is nothing of a stage lost, counted twice, or taken for another stage's?"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from full_run import Silent
from small_run import BASE

from minir1 import backend, rl, training
from minir1.checkpoint import load_checkpoint, read_metadata
from minir1.checkpoint_commands import load
from minir1.config import RunConfig, override, tiny
from minir1.datasets import Checkpoint, Dataset
from minir1.finetune import Document
from minir1.objectives import OBJECTIVES
from minir1.resampling import Resampling
from minir1.runfolder import RunFolder
from minir1.training import Stage, fine_tune, keep, reinforce

SETTINGS = (
    "grpo.steps=3", "grpo.prompts=2", "grpo.group=4", "grpo.warmup=0", "grpo.kl_weight=0.1",
    "grpo.reference_refresh=2", "sample.max_tokens=30", "evaluation.every=2", "threads=1",
    "evaluation.validation_problems=2", "dev1.batch=2", "dev1.epochs=2", "dev1.warmup=0",
)  # fmt: skip
DATA = Dataset(
    [Document(f"<bos> User: say tea {n} times . Assistant:", "tea " * n + "<eos>") for n in
     range(1, 6)],
    asked=9, kept=5, ended=0, seconds=1000.0, flops=1e15,
)  # fmt: skip
UPDATES = 2 * 3  # five documents are three batches


@pytest.fixture
def base() -> Checkpoint:
    return load(str(BASE))


@pytest.fixture
def run(tmp_path: Path, base: Checkpoint) -> RunFolder:
    config = override(dataclasses.replace(tiny("all"), model=base.config), SETTINGS)
    return RunFolder.create(tmp_path / "run", config)


def stage(run: RunFolder, name: str, *done: str) -> Stage:
    return Stage(run, name, done, Silent())


def changed(run: RunFolder, *settings: str) -> RunConfig:
    return override(run.config, settings)


def tuned(run: RunFolder, base: Checkpoint, name: str = "dev1") -> rl.Learner:
    return fine_tune(stage(run, name), base, run.config, run.config.dev1, DATA)


def looks(run: RunFolder) -> list[int]:
    return list(dict.fromkeys(line["step"] for line in run.samples()))


def same(one: Any, other: Any) -> bool:
    return all(
        np.array_equal(backend.to_numpy(p), backend.to_numpy(other[n])) for n, p in one.items()
    )


class Power(Exception):
    """What goes at the worst moment."""


def failing(monkeypatch: pytest.MonkeyPatch, name: str, step: int, fault: Any = Power) -> None:
    """Let a run folder fail when it is told a step."""
    call = getattr(RunFolder, name)

    def broken(self: RunFolder, told: Any, *rest: Any) -> None:
        place = rest[0] if rest else told
        if place["step"] == step:
            monkeypatch.undo()
            raise fault
        call(self, told, *rest)

    monkeypatch.setattr(RunFolder, name, broken)


# what is counted


def test_the_teachers_time_and_compute_count_as_the_stages_own(
    run: RunFolder, base: Checkpoint
) -> None:
    learner = tuned(run, base)
    assert run.metrics()[0]["seconds"] > 1000 and learner.seconds < 1100
    alone = dataclasses.replace(DATA, flops=0.0)
    bare = fine_tune(stage(run, "dev3", "dev1"), base, run.config, run.config.dev1, alone)
    assert learner.flops == 1e15 + bare.flops and bare.flops > 0


def test_they_count_once_however_often_the_stage_was_stopped(
    run: RunFolder, base: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "SAVE_FINE_TUNING", 2)
    for step in (1, 4):
        with monkeypatch.context() as patch:
            failing(patch, "append_metrics", step)
            with pytest.raises(Power):
                tuned(run, base)
    stopped = tuned(run, base)
    assert [line["step"] for line in run.metrics()] == list(range(1, UPDATES + 1))
    whole = tuned(run, base, "dev3")
    assert stopped.flops == whole.flops
    assert 1000 < stopped.seconds < 1100
    seconds = [line["seconds"] for line in run.metrics()]
    assert seconds == sorted(seconds)


# what is saved


def test_a_saved_learner_is_restored_bit_for_bit(run: RunFolder, base: Checkpoint) -> None:
    made = reinforce(stage(run, "r1-zero"), base, run.config)
    found = training._restore(run, "r1-zero", base.params)
    assert found is not None and training._restore(run, "dev2", base.params) is None
    for name in ("step", "seconds", "flops"):
        assert getattr(found, name) == getattr(made, name) > 0
    assert same(found.params, made.params) and same(found.ref_params, made.ref_params)
    assert not same(found.params, found.ref_params)  # refreshed after step 2 of 3
    for moment in ("m", "v"):
        assert same(found.optimiser[moment], made.optimiser[moment])
    assert found.optimiser["step"] == made.optimiser["step"]


def test_a_reference_that_is_the_start_is_not_saved_twice(
    run: RunFolder, base: Checkpoint
) -> None:
    tuned(run, base)
    state = run.load_state()
    assert state is not None and not [n for n in state[0] if n.startswith("reference/")]
    found = training._restore(run, "dev1", base.params)
    assert found is not None and found.ref_params is base.params


def test_a_stage_that_was_finished_does_nothing_more(run: RunFolder, base: Checkpoint) -> None:
    made = reinforce(stage(run, "r1-zero"), base, run.config)
    before = run.metrics(), run.samples()
    again = reinforce(stage(run, "r1-zero"), base, run.config)
    assert (run.metrics(), run.samples()) == before
    assert same(again.params, made.params) and again.seconds == made.seconds


def test_the_state_of_another_stage_is_not_ones_own(run: RunFolder, base: Checkpoint) -> None:
    """dev1 is trained from what it is given, not from where r1-zero ended."""
    reinforce(stage(run, "r1-zero"), base, run.config)
    after = tuned(run, base, "dev1")
    alone = RunFolder.create(run.path.parent / "alone", run.config)
    assert same(after.params, tuned(alone, base).params)


def test_lines_of_finished_stages_stay_and_half_told_ones_go(
    run: RunFolder, base: Checkpoint
) -> None:
    run.append_metrics({"stage": "r1-zero", "step": 9})
    run.append_metrics({"stage": "dev1", "step": 9})
    fine_tune(stage(run, "dev1", "r1-zero"), base, run.config, run.config.dev1, DATA)
    told = [(line["stage"], line["step"]) for line in run.metrics()]
    assert told == [("r1-zero", 9), *[("dev1", step) for step in range(1, UPDATES + 1)]]


@pytest.mark.parametrize("fault", [KeyboardInterrupt, SystemExit, BrokenPipeError])
@pytest.mark.parametrize("step", [1, 3])
def test_what_stops_a_stage_saves_its_last_whole_step(
    fault: type, step: int, run: RunFolder, base: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long before the next state is due."""
    failing(monkeypatch, "append_metrics", step, fault)
    with pytest.raises(fault):
        tuned(run, base)
    assert run.saved == f"dev1 step {step - 1}"
    whole = RunFolder.create(run.path.parent / "whole", run.config)
    assert same(tuned(run, base).params, tuned(whole, base).params)


def test_states_are_saved_every_few_steps_and_at_the_end(
    run: RunFolder, base: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[int] = []
    save = RunFolder.save_state
    monkeypatch.setattr(
        RunFolder,
        "save_state",
        lambda self, arrays, info: saved.append(info["step"]) or save(self, arrays, info),
    )
    monkeypatch.setattr(training, "SAVE_FINE_TUNING", 4)
    tuned(run, base)
    assert saved == [4, UPDATES]
    saved.clear()
    reinforce(stage(run, "r1-zero"), base, changed(run, "save_every=2"))
    assert saved == [2, 3]


# looks


def test_looks_come_before_the_first_step_every_few_and_after_the_last(
    run: RunFolder, base: Checkpoint
) -> None:
    reinforce(stage(run, "r1-zero"), base, run.config)
    assert looks(run) == [0, 2, 3]
    assert ["validation_accuracy" in line for line in run.metrics()] == [False, True, True]


def test_a_stage_that_ends_by_its_compute_looks_when_it_ends(
    run: RunFolder, base: Checkpoint
) -> None:
    """Which step is the last one, nobody knows before."""
    config = changed(run, "grpo.steps=1000", "evaluation.every=500")
    learner = reinforce(stage(run, "small-rl"), base, config, budget=3e8)
    assert 1 < learner.step < 100
    assert looks(run) == [0, learner.step]
    assert "validation_accuracy" in run.metrics()[-1]


def test_who_never_looks_looks_at_the_start_alone(run: RunFolder, base: Checkpoint) -> None:
    reinforce(stage(run, "r1-zero"), base, changed(run, "evaluation.every=0", "grpo.steps=1"))
    assert looks(run) == [0] and "validation_accuracy" not in run.metrics()[0]


def test_looking_changes_no_parameter(run: RunFolder, base: Checkpoint) -> None:
    often = reinforce(stage(run, "r1-zero"), base, changed(run, "evaluation.every=1"))
    other = RunFolder.create(run.path.parent / "other", run.config)
    never = reinforce(stage(other, "r1-zero"), base, changed(run, "evaluation.every=0"))
    assert same(often.params, never.params) and often.flops == never.flops


# checkpoints


def test_a_checkpoint_is_the_policy_and_says_what_it_cost(
    run: RunFolder, base: Checkpoint
) -> None:
    config = changed(run, "keep_every=2")
    learner = reinforce(stage(run, "r1-zero"), base, config)
    kept = keep(run, "r1-zero", "r1-zero", learner, base)
    assert kept.params is learner.params and kept.config == base.config
    params, shape, _ = load_checkpoint(run.checkpoint_path("r1-zero"))
    assert shape == base.config and same(params, learner.params)
    said = read_metadata(run.checkpoint_path("r1-zero"))
    assert said["step"] == 3 and said["stage"] == "r1-zero" and said["flops"] == learner.flops
    between = read_metadata(run.checkpoint_path("r1-zero-step2"))
    assert between["step"] == 2 and between["flops"] < learner.flops


def test_the_screen_is_shown_an_answer_to_a_problem(run: RunFolder, base: Checkpoint) -> None:
    shown: list[tuple[Any, ...]] = []

    class Screen(Silent):
        def sample(self, *told: Any) -> None:
            shown.append(told)

    reinforce(Stage(run, "r1-zero", (), Screen()), base, run.config)
    assert len(shown) == 3
    for prompt, completion, reward, right in shown:
        assert prompt.startswith("<bos> User: ") and "Assistant:" in prompt
        assert isinstance(right, bool) and reward >= 0 and completion


@pytest.mark.parametrize("method", ["rloo", "gspo"])
def test_a_stage_trains_by_the_method_that_was_chosen(
    run: RunFolder, base: Checkpoint, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def train(learner: rl.Learner, config: Any, world: Any, budget: Any, objective: Any) -> Any:
        seen.append((objective, world))
        return iter(())

    monkeypatch.setattr(training.rl, "train", train)
    config = changed(run, f"grpo.objective={method}", "grpo.kl_weight=0", "grpo.extra_draws=2")
    reinforce(stage(run, "r1-zero"), base, config)
    ((objective, world),) = seen
    assert objective is OBJECTIVES[method]
    assert isinstance(world, Resampling) and world.draws == 2
