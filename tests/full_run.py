"""A run of the whole story in a few seconds, and a hand that can stop it at any point.

Every stage of the recipe with two or three steps, from the shipped models. What a run does is
a chain of events, such as "metrics dev1 2" or "ask evaluate/test 0"; `overhear` says when each
begins and ends, and `stop_at` sends a signal there. `told` is a run that nobody stopped, made
once for all tests, with a record of what was asked and what was trained.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_run import minir1

from minir1 import answers, backend, commands, reward_model, rl, sft, training
from minir1.datasets import Dataset
from minir1.runfolder import RunFolder
from minir1.tokenizer import WordTokenizer

SETTINGS = (
    "grpo.steps=2", "grpo.prompts=4", "grpo.group=4", "grpo.warmup=0",
    "grpo.tokens_per_microbatch=512", "sample.max_tokens=60",
    "dev1.problems=50", "dev1.samples=4", "dev1.epochs=2", "dev1.batch=8",
    "dev1.learning_rate=1e-4",
    "dev2.steps=2", "dev3.problems=40", "dev3.samples=3", "dev3.general=20",
    "dev3.epochs=1", "dev3.batch=8", "dev3.warmup=0",
    "preference.samples=2", "preference.pairs=40", "preference.batch=10",
    "preference.epochs=1", "r1.steps=3", "r1.general_steps=2", "r1.general_prompts=5",
    "distilled.epochs=1", "distilled.batch=8",
    "distilled.learning_rate=1e-4", "small.after_steps=2", "evaluation.problems=4",
    "evaluation.samples=2", "evaluation.validation_problems=4", "evaluation.every=2",
    "threads=1",
)  # fmt: skip
R1_LINE = ("r1-zero", "dev1", "dev2", "dev3", "r1")
CHECKPOINTS = ("base", "small-base", *R1_LINE, "distilled", "small-rl", "distilled-rl")
STAGES = ("r1-zero", "dev1", "dev2", "dev3", "reward-model", *CHECKPOINTS[6:])
SAVE_FINE_TUNING = 2  # so that even a short stage has a state in its middle

Heard = Callable[[str, str], None]  # ("before" or "after", event)


def train(out: Path) -> Path:
    """Run the whole recipe in this process."""
    commands.train("all", 0, "base", str(out), "numpy", False, SETTINGS, True)
    return out


def overhear(heard: Heard, patch: pytest.MonkeyPatch) -> None:
    """Call heard before and after all that a run asks of models and puts on the disk."""

    def around(owner: Any, name: str, event: Callable[..., str]) -> None:
        call = getattr(owner, name)

        def wrapped(*args: Any, **more: Any) -> Any:
            told = event(*args, **more)
            heard("before", told)
            result = call(*args, **more)
            heard("after", told)
            return result

        patch.setattr(owner, name, wrapped)

    around(answers, "sample", lambda *args, **_: f"ask {args[5][1]} {args[5][2]}")
    around(RunFolder, "append_metrics", lambda _, m: f"metrics {m['stage']} {m['step']}")
    around(RunFolder, "append_samples", lambda _, s: f"look {s[0]['stage']} {s[0]['step']}")
    around(RunFolder, "rewind", lambda _, done, stage, step: f"rewind {stage} {step}")
    around(RunFolder, "save_state", lambda _, a, info: f"state {info['stage']} {info['step']}")
    around(RunFolder, "save_checkpoint", lambda _, name, *rest, **more: f"checkpoint {name}")
    around(RunFolder, "keep_base", lambda _, folder, name="base": f"keep {name}")
    around(RunFolder, "write", lambda _, name, value: f"{name} {_newest(value)}")
    around(Dataset, "write", lambda data, path: f"data {path.stem}")
    around(reward_model, "save", lambda *args: "judge")


def _newest(value: dict[str, Any]) -> str:
    """Name what was added last to results.json or answers.json."""
    if "config" in value:
        return ""
    return list({**value.get("answers", {}), **value.get("checkpoints", {})})[-1]


def often_saved(patch: pytest.MonkeyPatch) -> None:
    """Save fine-tuning every few steps: a run of a thousand steps in a nutshell."""
    patch.setattr(training, "SAVE_FINE_TUNING", SAVE_FINE_TUNING)


def stop_at(when: str, event: str, sent: int) -> None:
    """Send this process a signal where an event comes for the first time."""
    patch, due = pytest.MonkeyPatch(), [(when, event)]
    often_saved(patch)

    def heard(*moment: str) -> None:
        if due == [moment]:
            due.clear()
            os.kill(os.getpid(), sent)

    overhear(heard, patch)


def run_until(out: Path, when: str, event: str, sent: int) -> Any:
    """Start or resume a run in a process of its own, and stop it at an event."""
    words = ["--out", str(out), "--resume"]
    if not (out / "config.json").exists():
        chosen = [word for setting in SETTINGS for word in ("--set", setting)]
        words = ["--out", str(out), "--backend", "numpy", *chosen]
    code = (
        f"import signal; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"from full_run import stop_at; stop_at({when!r}, {event!r}, {int(sent)})"
    )
    return minir1("train", "--tiny", "--quiet", *words, code=code)


# the run that the tests share


def told(factory: pytest.TempPathFactory) -> Path:
    """Return a folder with "run", "events.json" and "learnt.json", made once a session."""
    return once(factory, "told", _tell)


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Make a folder in the first test process that needs it; the others wait for it."""
    shared = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    place, ending = shared / name, shared / f"{name}.ended"
    try:
        place.mkdir()
    except FileExistsError:
        until = time.monotonic() + 600
        while not ending.exists() and time.monotonic() < until:
            time.sleep(0.1)
    else:
        try:
            make(place)
            ending.write_text("well")
        except BaseException:
            ending.write_text("badly")
            raise
    assert ending.read_text() == "well", f"{name} could not be made"
    return place


def _tell(place: Path) -> None:
    backend.use("numpy")
    events: list[tuple[str, str]] = []
    with pytest.MonkeyPatch.context() as patch:
        often_saved(patch)
        learnt = _watched(patch)
        overhear(lambda *moment: events.append(moment), patch)
        train(place / "run")
    (place / "events.json").write_text(json.dumps(events))
    (place / "learnt.json").write_text(json.dumps(learnt))


def _watched(patch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """Write down the texts that models are asked, by address, and that they learn from."""
    words, found = WordTokenizer(), {"rl": [], "sft": [], "reward-model": []}
    sample, improve, gradients = answers.sample, rl.improve, sft.next_token_gradients
    compared = reward_model.preference_gradients

    def texts(rows: Any) -> list[str]:
        return [words.decode([t for t in row if t != words.pad_id]) for row in rows]

    def sampled(*args: Any, **more: Any) -> Any:
        found.setdefault(f"ask {args[5][1]}", []).append(texts(args[2]))
        return sample(*args, **more)

    def improved(*args: Any) -> Any:
        found["rl"].append([question.prompt for question in args[3].questions])
        return improve(*args)

    def fitted(*args: Any) -> Any:
        found["sft"].append(texts(args[2].tolist()))
        return gradients(*args)

    def judged(*args: Any, **more: Any) -> Any:
        found["reward-model"].append(texts([row.tolist() for row in args[2]]))
        return compared(*args, **more)

    patch.setattr(answers, "sample", sampled)
    patch.setattr(rl, "improve", improved)
    patch.setattr(sft, "next_token_gradients", fitted)
    patch.setattr(reward_model, "preference_gradients", judged)
    return found


class Silent:
    """A dashboard that nobody looks at."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args, **more: None
