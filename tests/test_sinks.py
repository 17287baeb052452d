"""Do other tools get every line of metrics once, and can none of them stop a run?"""

import importlib.util
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from exports import foreign
from small_run import BASE, SETTINGS, arguments, lines, minir1

from minir1 import commands, sinks
from minir1.config import tiny
from minir1.errors import UserError
from minir1.runfolder import RunFolder
from minir1.sinks import Reporter

LINE = {"stage": "r1-zero", "step": 1, "reward": 0.5, "entropy": 2.0}


class Kept:
    """A sink that remembers."""

    def __init__(self, fault: str = "") -> None:
        self.lines: list[tuple[str, int, dict[str, float]]] = []
        self.closed, self.fault = 0, fault

    def log(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        if self.fault:
            raise RuntimeError(self.fault)
        self.lines.append((stage, step, dict(values)))

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "run", tiny("r1-zero"))


def test_every_line_of_metrics_goes_to_every_sink(run: RunFolder) -> None:
    one, other = Kept(), Kept()
    run.listeners.append(Reporter({"one": one, "other": other}))
    run.append_metrics(LINE)
    run.append_metrics({**LINE, "step": 2})
    numbers = {"reward": 0.5, "entropy": 2.0}
    assert one.lines == other.lines == [("r1-zero", 1, numbers), ("r1-zero", 2, numbers)]


def test_what_could_not_be_recorded_is_not_sent(run: RunFolder) -> None:
    kept = Kept()
    run.listeners.append(Reporter({"kept": kept}))
    with pytest.raises(UserError):
        run.append_metrics({**LINE, "reward": float("nan")})
    assert not kept.lines


def test_numbers_inside_an_object_have_its_name() -> None:
    line = {"stage": "x", "step": 3, "parts": {"format": 1, "step": 2}}
    assert dict(sinks.numbers(line)) == {"parts/format": 1.0, "parts/step": 2.0}


def test_a_resumed_run_repeats_no_step(run: RunFolder) -> None:
    for step in (1, 2, 3):
        run.append_metrics({**LINE, "step": step})
    kept = Kept()
    run.listeners.append(Reporter({"kept": kept}, run.metrics()))
    run.rewind((), "r1-zero", 1)  # the saved state knew one step only
    for step in (2, 3, 4):
        run.append_metrics({**LINE, "step": step})
    run.append_metrics({**LINE, "stage": "dev1", "step": 1})
    assert [line[:2] for line in kept.lines] == [("r1-zero", 4), ("dev1", 1)]


def test_a_sink_that_fails_is_left_out_with_one_warning(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, good = Kept("no route\nto host"), Kept()
    run.listeners.append(Reporter({"bad": bad, "good": good}))
    with sinks.closed_after(run):
        for step in (1, 2):
            run.append_metrics({**LINE, "step": step})
    assert len(good.lines) == 2 and (good.closed, bad.closed) == (1, 0)
    assert len(run.metrics()) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "bad takes no more metrics (no route to host)" in said


@pytest.mark.parametrize("name", ["tensorboard", "wandb", "trackio"])
def test_what_is_not_installed_is_said_before_the_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = sinks.PACKAGES[name][0]
    for module in sinks.PACKAGES[name]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=f"--report-to {name}: .*pip install {package}"):
        sinks.require([name])
    assert not any(tmp_path.iterdir())


def test_a_whole_run_is_reported_and_then_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = StandIn()
    monkeypatch.setattr(sinks, "require", lambda names: {name: module for name in names})
    chosen = ("grpo.steps=2", "evaluation.every=0", "evaluation.problems=2")
    commands.train(
        "r1-zero", 0, str(BASE), str(tmp_path / "run"), "numpy", False,
        (*SETTINGS, *chosen), True, report_to=["trackio"],
    )  # fmt: skip
    sent = [
        (values["r1-zero/reward"], named["step"]) for (values,), named in module.calls("log")
    ]
    kept = lines(tmp_path / "run" / "metrics.jsonl")
    assert sent == [(line["reward"], line["step"]) for line in kept] and len(sent) == 2
    assert module.said[-1][0] == "finish"


def test_a_real_models_run_is_reported_and_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = [StandIn(), StandIn()]
    monkeypatch.setattr(sinks, "require", lambda names: {n: modules[0] for n in names})
    chosen = (
        "grpo.steps=2", "grpo.prompts=2", "grpo.group=2", "sample.max_tokens=8", "threads=1",
        "evaluation.problems=2", "evaluation.samples=1", "evaluation.every=0",
    )  # fmt: skip
    model, out = str(foreign(tmp_path / "model")), str(tmp_path / "run")
    real = (model, "arithmetic:small", "r1-zero", 0, "full", out, "numpy")
    commands.start_real(*real, chosen, True, report_to=["trackio"])
    assert [named["step"] for _, named in modules.pop(0).calls("log")] == [1, 2]
    commands.train("", 0, "", out, "numpy", True, (), True, report_to=["trackio"])
    assert modules[0].calls("init") and not modules[0].calls("log")


def test_train_says_so_and_leaves_nothing_behind(tmp_path: Path) -> None:
    hidden = "import sys; sys.modules['wandb'] = None"
    words = arguments("train", tmp_path / "run")
    done = minir1(*words, "--report-to", "wandb", code=hidden)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "pip install wandb" in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_service_that_refuses_to_begin_is_a_mistake_in_one_line(run: RunFolder) -> None:
    def init(**_: object) -> None:
        raise RuntimeError("api_key not configured")

    with pytest.raises(UserError, match="--report-to wandb: api_key not configured"):
        sinks.attach(run, {"wandb": SimpleNamespace(init=init)})
    assert not run.listeners


# each kind, by a stand-in that remembers what it is told


class StandIn:
    """What the packages have in common, as far as it is used."""

    def __init__(self) -> None:
        self.said: list[tuple[str, tuple, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> "StandIn":
            self.said.append((name, args, named))
            return self

        return call

    def calls(self, name: str) -> list[tuple[tuple, dict[str, Any]]]:
        return [(args, named) for said, args, named in self.said if said == name]


def test_tensorboard_gets_a_curve_a_number(run: RunFolder) -> None:
    module = StandIn()
    sinks.attach(run, {"tensorboard": module})
    with sinks.closed_after(run):
        run.append_metrics(LINE)
    assert module.calls("SummaryWriter") == [((str(run.path / "tensorboard"),), {})]
    points = [(("r1-zero/reward", 0.5, 1), {}), (("r1-zero/entropy", 2.0, 1), {})]
    assert module.calls("add_scalar") == points
    assert module.calls("flush") and module.calls("close")


def test_wandb_gets_an_axis_a_stage_and_the_same_run_again(run: RunFolder) -> None:
    module = StandIn()
    sinks.attach(run, {"wandb": module})
    with sinks.closed_after(run):
        run.append_metrics(LINE)
    first, again = module.calls("init")[0][1], StandIn()
    assert first["config"]["grpo"]["steps"] == 40 and first["resume"] == "allow"
    axis = "r1-zero/step"
    assert module.calls("define_metric") == [(("r1-zero/*",), {"step_metric": axis})]
    assert module.calls("log") == [
        (({axis: 1, "r1-zero/reward": 0.5, "r1-zero/entropy": 2.0},), {})
    ]
    assert module.calls("finish")
    sinks.attach(RunFolder.resume(run.path), {"wandb": again})
    assert again.calls("init")[0][1]["id"] == first["id"]


def test_trackio_gets_the_step(run: RunFolder) -> None:
    module = StandIn()
    sinks.attach(run, {"trackio": module})
    with sinks.closed_after(run):
        run.append_metrics(LINE)
    values = {"r1-zero/reward": 0.5, "r1-zero/entropy": 2.0}
    assert module.calls("log") == [((values,), {"step": 1})]
    assert module.calls("finish")


def test_runs_have_names_of_their_own(tmp_path: Path) -> None:
    runs = [RunFolder.create(tmp_path / f / "run", tiny("r1-zero")) for f in "ab"]
    assert len({sinks.lasting_name(run) for run in runs}) == 2


# the real ones, where they are installed


@pytest.mark.skipif(not importlib.util.find_spec("tensorboardX"), reason="not installed")
@pytest.mark.filterwarnings("ignore")
def test_tensorboard_files_are_written(run: RunFolder) -> None:
    sinks.attach(run, sinks.require(["tensorboard"]))
    with sinks.closed_after(run):
        run.append_metrics(LINE)
    (events,) = (run.path / "tensorboard").glob("events.out.tfevents.*")
    assert b"r1-zero/reward" in events.read_bytes()
