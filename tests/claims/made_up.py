"""Results that no run made: what a judge sees, with every figure at will."""

from collections.abc import Mapping
from typing import Any

from minir1.claims.claim import Claim
from minir1.claims.job import Job, with_needs

Changes = Mapping[str, Any]  # "ARM/CHECKPOINT/path": value; "*" stands for any checkpoint

STEPS = 25
CHECKPOINT: dict[str, Any] = {
    "pass_at_1": {"value": 0.8},
    "pass_at_1_lenient": {"value": 0.8},
    "maj_at_8": {"value": 0.9},
    "maj_at_16": {"value": 0.9},
    "pass_at_k": {"1": 0.8, "4": 0.9, "16": 0.95},
    "format_rate": 0.9,
    "truncated": 0.05,
    "completion_tokens": 90.0,
    "completion_tokens_by_difficulty": {"1": 50.0, "2": 70.0, "3": 90.0, "4": 110.0},
    "completion_tokens_by_outcome": {"right": 70.0, "wrong": 120.0, "truncated": 300.0},
    "accuracy_by_difficulty": {"1": 0.95, "2": 0.9, "3": 0.85, "4": 0.75},
    "length_difficulty_correlation": 0.27,
    "repeated_attempts_per_answer": 1.8,
    "language_consistency": 0.7,
    "mixed_language_rate": 0.6,
    "general": {"value": 0.5},
    "general_by_kind": {"fact": 0.4, "harmful": 0.5, "instruction": 0.6},
    "instruction_following": {"value": 0.6},
    "harmful_compliance": {"value": 0.2},
    "gold_utility": {"value": 0.4},
    "preference": {"value": 0.6},
    "switches": 4.0,
    "switches_per_100_tokens": 4.0,
    "mixed_of_thinking": 0.6,
}
# What a base is, where nothing else is said.
BASE: Changes = {
    "pass_at_1/value": 0.17,
    "pass_at_1_lenient/value": 0.17,
    "format_rate": 0.37,
    "completion_tokens": 22.0,
    "completion_tokens_by_difficulty": {"1": 22.0, "2": 22.0, "3": 22.0, "4": 22.0},
    "length_difficulty_correlation": 0.01,
    "mixed_language_rate": 0.08,
    "mixed_of_thinking": 0.15,
    "language_consistency": 0.96,
    "switches": 0.5,
}
CHECKPOINTS = (
    "base", "r1-zero", "dev1", "dev2", "dev3", "r1",
    "small-base", "small-rl", "distilled", "distilled-rl",
)  # fmt: skip


def results(claim: Claim, seeds: int, changes: Changes) -> dict[str, Any]:
    """Make up the result of every job of a claim."""
    return {job.name: _result(job, changes) for job in with_needs(claim.jobs(seeds))}


def _result(job: Job, changes: Changes) -> dict[str, Any]:
    function = job.function.partition(":")[2]
    return {} if function == "pretrain" else MADE[function](*_place(job), changes)


def _place(job: Job) -> tuple[str, int]:
    """Read arm and seed from a name: "r1-zero/plain/seed1" is ("plain", 1)."""
    kind, *arms, seed = job.name.split("/")
    counted = f"{kind}:" if kind in ("often", "readability") else ""
    return counted + (arms[0] if arms else kind), int(seed.removeprefix("seed"))


def _jitter(value: Any, seed: int) -> Any:
    """Let seeds differ by a little."""
    if isinstance(value, Mapping):
        return {key: _jitter(inside, seed) for key, inside in value.items()}
    return value * (1 + 0.004 * ((seed * 7) % 5 - 2))


def _checkpoint(arm: str, name: str, seed: int, changes: Changes) -> dict[str, Any]:
    entry = _jitter(CHECKPOINT, seed)
    for path, value in BASE.items() if name in ("base", "small-base") else ():
        _put(entry, path, _jitter(value, seed))
    for key, value in changes.items():
        which, _, rest = key.partition("/")
        checkpoint, _, path = rest.partition("/")
        if which == arm and checkpoint in (name, "*"):
            _put(entry, path, _jitter(value, seed))
    return entry


def _put(entry: dict[str, Any], path: str, value: Any) -> None:
    *folders, last = path.split("/")
    for folder in folders:
        entry = entry[folder]
    entry[last] = value


def _run(arm: str, seed: int, changes: Changes) -> dict[str, Any]:
    spent = changes.get(f"{arm}/compute", {})
    names = ("r1-zero", "dev1", "dev2", "distilled", "small-rl")
    return {
        "checkpoints": {name: _checkpoint(arm, name, seed, changes) for name in CHECKPOINTS},
        "compute": {name: 1e12 * spent.get(name, 1) for name in names},
        "curves": {stage: _rows(arm, stage, seed, changes) for stage in ("r1-zero", "r1")},
    }


def _rows(arm: str, stage: str, seed: int, changes: Changes) -> list[dict[str, Any]]:
    """Make up rows of training: "ARM/curves/NAME" is (first, last), a straight line."""
    ends = {
        "accuracy": (0.2, 0.8),
        "completion_tokens": (22.0, 90.0),
        "mixed_language_rate": (0.1, 0.6),
        "preference_reward": (0.8, 1.0),
        "gold_utility": (0.9, 0.9),
    }
    prefix = f"{arm}/curves/"
    ends |= {
        key.removeprefix(prefix): v for key, v in changes.items() if key.startswith(prefix)
    }
    return [
        {"step": i + 1, "stage": stage}
        | {name: _jitter(a + (b - a) * i / (STEPS - 1), seed) for name, (a, b) in ends.items()}
        for i in range(STEPS)
    ]


def _often(arm: str, seed: int, changes: Changes) -> dict[str, Any]:
    """Make up counts: "often:ARM/right" gives the right ones of 256 tries of each problem."""
    right = changes.get(f"{arm}/right", [20, 60, 100] if arm.endswith("base") else [200] * 3)
    chance = [r / 256 for r in right]
    solved = changes.get(f"{arm}/pass")
    return {
        "tries": 256,
        "difficulty": [1, 2, 4],
        "right": right,
        "pass_at_k": {
            str(k): [_jitter(p, seed) for p in (solved or [1 - (1 - c) ** k for c in chance])]
            for k in (1, 2, 4, 8, 16, 32, 64, 128, 256)
        }
        | {"1": [_jitter(c, seed) for c in chance]},
        "maj_at_k": {
            str(k): [
                _jitter(c if k == 1 else changes.get(f"{arm}/vote", 0.95), seed) for c in chance
            ]
            for k in (1, 2, 4, 8, 16, 32, 64)
        },
    }


MADE = {"train": _run, "count": _run, "ask_often": _often}
