"""Does a run of all stages end with the same bits, wherever and how often it was stopped?"""

import json
import signal
from pathlib import Path

import pytest
from full_run import STAGES, run_until, told
from small_run import differences

KILL, CTRL_C = signal.SIGKILL, signal.SIGINT
# In every stage, while data are made and while a checkpoint is measured, and between two files.
STOPS = (
    ("before", "state r1-zero 1", KILL),
    ("before", "ask r1-zero/time machine 2", KILL),
    ("after", "answers.json r1-zero", KILL),
    ("after", "ask dev1/answers 0", KILL),
    ("after", "metrics dev1 3", KILL),
    ("before", "checkpoint dev1", KILL),
    ("before", "ask dev2 1", CTRL_C),
    ("after", "look dev2 2", KILL),
    ("after", "ask evaluate/test 0", KILL),
    ("before", "data dev3", KILL),
    ("after", "state dev3 2", KILL),
    ("before", "metrics dev3 4", CTRL_C),
    ("after", "ask preference/test 1", KILL),
    ("after", "metrics reward-model 3", KILL),
    ("before", "judge", KILL),
    ("after", "rewind r1 -1", KILL),
    ("before", "metrics r1 2", KILL),
    ("after", "checkpoint r1", KILL),
    ("before", "results.json r1", KILL),
    ("before", "state distilled 2", KILL),
    ("after", "metrics small-rl 1", KILL),
    ("before", "state small-rl 4", CTRL_C),
    ("before", "metrics distilled-rl 1", KILL),
    ("after", "results.json distilled-rl", KILL),
)
SAVED = {  # where Ctrl-C leaves a run: after its last whole step, whatever saves how often
    "ask dev2 1": "dev2 step 1", "metrics dev3 4": "dev3 step 3",
    "state small-rl 4": "small-rl step 4",
}  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nobody stopped."""
    return told(tmp_path_factory) / "run"


def stopped(out: Path, when: str, event: str, sent: int) -> None:
    """Go on with a run until it is stopped, as it must be."""
    done = run_until(out, when, event, sent)
    if sent == CTRL_C:
        assert (done.returncode, done.stdout) == (130, ""), done.stderr
        said = f"minir1: stopped; saved at {SAVED[event]}; go on with: minir1 train --tiny"
        assert done.stderr.strip() == f"{said} --out {out} --resume"
    else:
        assert done.returncode == -sent, (when, event, done.stderr)


def finished(whole: Path, out: Path) -> None:
    """Go on with a run to its end, which must be that of the whole one."""
    done = run_until(out, "never", "", 0)
    assert done.returncode == 0, done.stderr
    assert differences(whole, out) == []


def test_stopped_in_every_stage_a_run_ends_with_the_same_bits(
    whole: Path, tmp_path: Path
) -> None:
    """One run, stopped two dozen times: metrics, samples, sets, figures, checkpoints."""
    assert all(any(stage in event.split() for _, event, _ in STOPS) for stage in STAGES)
    out = tmp_path / "run"
    for when, event, sent in STOPS:
        stopped(out, when, event, sent)
    finished(whole, out)


@pytest.mark.slow
def test_killed_before_and_after_every_event_a_run_ends_with_the_same_bits(
    whole: Path, tmp_path: Path
) -> None:
    """About 300 kills of one run: each process gets one event further than the last one."""
    events = json.loads((whole.parent / "events.json").read_text())
    for when, event in events[events.index(["after", "keep base"]) :]:
        stopped(tmp_path / "run", when, event, KILL)
    finished(whole, tmp_path / "run")
