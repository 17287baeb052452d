"""Runs that take a second: a base of 27,000 parameters, four steps, ten problems.

The base in fixtures/small-base knows the form of an answer and little else, so its groups
have a spread. Where the vocabulary changes it must be made again:

    minir1 pretrain --tiny --quiet --out made --set threads=1 \\
      --set model.hidden_size=32 --set model.num_hidden_layers=2 \\
      --set model.num_attention_heads=2 --set model.num_key_value_heads=1 \\
      --set model.head_dim=16 --set model.intermediate_size=64 \\
      --set pretrain.steps=400 --set pretrain.tokens_per_step=2048 \\
      --set pretrain.learning_rate=1e-2 --set corpus.fact=0 --set corpus.chat=0 \\
      --set corpus.sheet=0 --set corpus.play=0 --set corpus.chain=0 --set corpus.line=0 \\
      --set corpus.direct=0.5 --set corpus.think=0.5 --set corpus.direct_right=1 \\
      --set corpus.long_think=0 --set corpus.max_attempts=2
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minir1 import commands
from minir1.storage.state import read_state

FIXTURES = Path(__file__).parent / "fixtures"
BASE = FIXTURES / "small-base"
STEPS = 4
# Several chunks of rows and several micro-batches, so that there is something to share out.
SETTINGS = (
    f"grpo.steps={STEPS}", "grpo.prompts=4", "grpo.group=4", "grpo.warmup=0",
    "grpo.tokens_per_microbatch=256", "sample.max_tokens=40", "sample.rows_per_chunk=8",
    "evaluation.problems=10", "evaluation.samples=2", "evaluation.every=2",
    "evaluation.validation_problems=10", "keep_every=2", "threads=1",
)  # fmt: skip
PRETRAINING = (
    "pretrain.steps=4", "pretrain.tokens_per_step=600", "pretrain.tokens_per_microbatch=200",
    "model.hidden_size=16", "model.intermediate_size=24", "model.num_hidden_layers=1",
    "model.num_attention_heads=2", "model.num_key_value_heads=1", "model.head_dim=8",
    "sample.max_tokens=20", "evaluation.problems=10", "evaluation.samples=2", "threads=1",
)  # fmt: skip
CLOCK = ("seconds", "tokens_per_second")  # what the endings of a measured time are


def train(out: Path, *settings: str, resume: bool = False) -> Path:
    """Run R1-Zero in this process, or go on with it."""
    commands.train(
        "r1-zero", 0, str(BASE), str(out), "numpy", resume, (*SETTINGS, *settings), True
    )
    return out


def pretrain(out: Path, *settings: str, resume: bool = False) -> Path:
    """Make a base in this process, or go on with it."""
    commands.pretrain(0, str(out), "numpy", resume, (*PRETRAINING, *settings), True)
    return out


def arguments(verb: str, out: Path | str, *settings: str) -> list[str]:
    """What to type for the same run."""
    usual = SETTINGS if verb == "train" else PRETRAINING
    chosen = [word for setting in (*usual, *settings) for word in ("--set", setting)]
    start = ["--recipe", "r1-zero", "--base", str(BASE)] if verb == "train" else []
    return [verb, "--tiny", "--backend", "numpy", "--out", str(out), *start, *chosen]


def command(*words: str, code: str = "") -> list[str]:
    """A process that is `minir1 WORDS`, after some code of the test's own."""
    program = f"from minir1.cli import main\n{code}\nsys.argv[0] = 'minir1'\nmain()"
    return [sys.executable, "-c", f"import sys\n{program}", *words]


def environment(**more: str) -> dict[str, str]:
    """The environment of such a process."""
    package = str(Path(__file__).parents[1])
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    usual = {"PYTHONUTF8": "1", "PYTHONUNBUFFERED": "", "OPENBLAS_NUM_THREADS": "1"}
    return {**os.environ, "PYTHONPATH": path, **usual, **more}


def minir1(
    *words: str, code: str = "", cwd: Path | None = None, **more: str
) -> subprocess.CompletedProcess[str]:
    """Type a command at a terminal of our own, and wait."""
    return subprocess.run(
        command(*words, code=code),
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=cwd,
        env=environment(**more),
        timeout=120,
    )


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def timeless(value: Any) -> Any:
    """A value without what a clock said."""
    if isinstance(value, dict):
        return {k: timeless(v) for k, v in value.items() if not k.endswith(CLOCK)}
    return [timeless(v) for v in value] if isinstance(value, list) else value


def left_behind(run: Path) -> dict[str, Any]:
    """Everything that a run leaves on the disk, bit for bit, but for clocks and the report."""
    arrays, info = read_state(run / "state" / "state.safetensors")
    found: dict[str, Any] = {f"state {name}": a.tobytes() for name, a in arrays.items()}
    found["state"] = timeless(info)
    for path in sorted(run.rglob("*")):
        name = str(path.relative_to(run))
        if path.suffix == ".jsonl":
            found[name] = timeless(lines(path))
        elif path.suffix == ".json":
            found[name] = timeless(json.loads(path.read_text("utf-8")))
        elif path.is_file() and name not in ("state/state.safetensors", "report.html"):
            found[name] = path.read_bytes()
    return found


def differences(one: Path, other: Path, ignoring: Sequence[str] = ()) -> list[str]:
    """The names of what two runs left that is not the same."""
    a, b = left_behind(one), left_behind(other)
    names = sorted(a.keys() | b.keys())
    return [name for name in names if name not in ignoring and a.get(name) != b.get(name)]


def final_parameters(run: Path) -> dict[str, np.ndarray]:
    arrays, _ = read_state(run / "state" / "state.safetensors")
    return {n.removeprefix("params/"): a for n, a in arrays.items() if n.startswith("params/")}
