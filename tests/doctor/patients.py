"""Runs that never were: healthy curves, and what each fault does to them.

What a fault must do to a number follows from the algorithm; the values are chosen near the
thresholds, so that a test can ask just above and just below.
"""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from minir1.doctor.course import Course
from minir1.rng import generator

STEPS = 25
ASKED = 256  # answers a rollout
Row = dict[str, Any]


def healthy_row(step: int, steps: int = STEPS, seed: int = 0) -> Row:
    """A step of a sound R1-Zero: the books are kept, sampler and scorer agree."""
    noise = generator(seed, "patients", step)
    t = 1 / (1 + math.exp(-10 * (step / steps - 0.3)))
    accuracy = round((0.2 + 0.65 * t) * ASKED + noise.normal(0, 4)) / ASKED
    form = round((0.35 + 0.55 * t) * ASKED) / ASKED
    kl = 0.0 if step == 1 else 0.05 * t * float(np.exp(noise.normal(0, 0.2)))
    return {
        "stage": "r1-zero", "step": step, "seconds": 2.0 * step,
        "reward": accuracy + 0.1 * form, "accuracy": accuracy, "format_rate": form,
        "completion_tokens": 22 + 80 * t, "truncated": 0.1 * t, "paid_truncated": 0.0,
        "entropy": 0.33 + noise.normal(0, 0.01), "surprise": 0.33,
        "kl": kl, "kl_k1": kl * (1 + noise.normal(0, 0.1)), "kl_loss": 0.0,
        "clip_fraction": 0.001, "clip_leak": 0.0, "flat_groups": 0.4 * t, "grad_norm": 0.3,
        "learning_rate": 5e-4, "advantage_level": 1e-16, "weight_sum": 1.0 + 1e-8,
        "eos_trained": 1.0, "logprob_gap": 2e-5, "logprob_bias": 1e-9,
        "logprob_gap_first": 5e-7, "logprob_gap_rest": 2e-7, "ratio_low": 0.93,
        "ratio_high": 1.07, "ratio_low_negative": 0.92, "ratio_high_negative": 1.07,
        **({"validation_accuracy": accuracy} if step % 5 == 0 else {}),
    }  # fmt: skip


def course(
    change: Callable[[Row], Row] | None = None,
    steps: int = STEPS,
    samples: tuple[Row, ...] = (),
    stage: str = "r1-zero",
    seed: int = 0,
    **settings: Any,
) -> Course:
    """A stage, with a change of every row; settings: grpo__kl_weight=0.05 and so on."""
    rows = [healthy_row(step, steps, seed) for step in range(1, steps + 1)]
    changed = [{**row, **(change(row) if change else {})} for row in rows]
    return Course(stage, nested(settings), tuple(changed), samples)


def nested(settings: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Turn grpo__steps=3 into {"grpo": {"steps": 3}}."""
    config: dict[str, dict[str, Any]] = {}
    for key, value in settings.items():
        section, _, name = key.partition("__")
        config.setdefault(section, {})[name] = value
    return config


def always(**values: Any) -> Callable[[Row], Row]:
    """Change the same metrics at every step."""
    return lambda _: values


def from_step(first: int, **values: Any) -> Callable[[Row], Row]:
    """Change metrics from some step on."""
    return lambda row: values if row["step"] >= first else {}


def without(sick: Course, *names: str) -> Course:
    """The same stage from a program that records less."""
    rows = tuple({k: v for k, v in row.items() if k not in names} for row in sick.rows)
    return Course(sick.stage, sick.config, rows, sick.samples)


PROMPT = "<bos> User: use 3 7 1 to make 11 . Assistant:"
RIGHT = (
    "<think> try 7 + 1 = 8 , 8 + 3 = 11 yes so </think> <answer> ( 7 + 1 ) + 3 </answer> <eos>"
)
WRONG = RIGHT.replace("( 7 + 1 ) + 3", "( 7 - 1 ) + 3")
FOREIGN = RIGHT.replace("( 7 + 1 ) + 3", "( 9 + 1 ) + 1")  # right value, other numbers
CUT = RIGHT.removesuffix(" <eos>")


def sample(completion: str, reward: float, right: bool = False, **more: Any) -> Row:
    """A line of samples.jsonl."""
    return {
        "stage": "r1-zero", "step": 5, "prompt": PROMPT, "completion": completion,
        "tokens": len(completion.split()), "right": right, "reward": reward, **more,
    }  # fmt: skip


def write(folder: Path, sick: Course, config: object = None) -> Path:
    """Write a stage as a run folder."""
    folder.mkdir(parents=True, exist_ok=True)
    described = {"schema": 1, "config": sick.config or {"recipe": "r1-zero"}}
    (folder / "config.json").write_text(json.dumps(config or described))
    for name, lines in (("metrics", sick.rows), ("samples", sick.samples)):
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / f"{name}.jsonl").write_text(text)
    return folder
