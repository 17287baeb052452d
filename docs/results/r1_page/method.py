"""What was run: commands, settings, seconds, arithmetic. Read from the runs, not typed."""

from collections import defaultdict
from typing import Any

import numpy as np
from publishing import lay_out, spread_to

from minir1.config import flatten, tiny
from minir1.pipeline import RECIPES
from minir1.reporting.formats import count, power
from minir1.reporting.measures import KINDS
from minir1.reward_model import STAGE as REWARD_MODEL
from r1_page.rows import NOTHING
from r1_page.runs import NORMAL, Run, Runs

STARTS = {
    "r1-zero": "base",
    "dev1": "base",
    "dev2": "dev1",
    "dev3": "base",
    REWARD_MODEL: "dev3",
    "r1": "dev3",
    "distilled": "small-base",
    "small-rl": "small-base",
    "distilled-rl": "distilled",
}
# The settings of each stage that a reader asks for first; the rest is in config.json.
SHOWN = {
    "r1-zero": ("grpo.prompts", "grpo.group", "grpo.learning_rate", "reward.format"),
    "dev1": ("dev1.epochs", "dev1.learning_rate"),
    "dev2": ("dev2.learning_rate", "dev2.format", "dev2.language", "dev2.zh_prompts"),
    "dev3": ("dev3.start", "dev3.epochs", "dev3.learning_rate", "dev3.general"),
    REWARD_MODEL: ("preference.noise", "preference.epochs", "preference.learning_rate"),
    "r1": (
        "r1.general_steps", "r1.general_prompts", "r1.learning_rate", "r1.format",
        "r1.language", "r1.preference", "r1.combine", "r1.average",
    ),
    "distilled": ("distilled.epochs", "distilled.learning_rate"),
    "small-rl": ("small.learning_rate", "small.matched"),
    "distilled-rl": ("small.after_learning_rate",),
}  # fmt: skip
UNTYPED = {"recipe", "seed", "backend", "threads"}  # decided by options or by the machine


def commands(runs: Runs) -> str:
    """Write down the commands, one line for all seeds of an arm that were run alike."""
    alike: dict[str, list[int]] = defaultdict(list)
    for arm, found in runs.by_arm.items():
        for seed, run in found.items():
            alike[_command(arm, run)].append(seed)
    return "\n".join(
        f"for seed in {' '.join(map(str, sorted(seeds)))}; do {command}; done"
        for command, seeds in alike.items()
    )


def _command(arm: str, run: Run) -> str:
    preset = flatten(tiny(run.settings["recipe"], run.seed))
    typed = [
        f"--set {key}={_typed(value)}"
        for key, value in run.settings.items()
        if key in preset and value != preset[key] and key not in UNTYPED
    ]
    words = ["minir1 train --tiny --seed $seed"]
    if run.settings["recipe"] != "all":
        words.append(f"--recipe {run.settings['recipe']}")
    if arm == NORMAL:
        return " ".join([*words, *typed, "--out RUNS/seed$seed"])
    if run.results.get("taken_over"):
        words.append("--from RUNS/seed$seed")
    return " ".join([*words, *typed, f"--out RUNS/{arm}-$seed"])


def _typed(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def missing(runs: Runs) -> str:
    """Name what is missing, or say that nothing is."""
    if not runs.missing:
        return "All runs were there when this page was made."
    return f"**Missing when this page was made:** {', '.join(runs.missing)}."


def measured(runs: Runs) -> str:
    """Say on how much was measured."""
    checkpoints = [c for run in runs.normal.values() for c in run.checkpoints.values()]
    if not checkpoints:
        return "No run was found."
    problems, general = checkpoints[-1]["pass_at_1"], checkpoints[-1]["general"]
    seeds = count(len(runs.normal), "seed")
    kinds = ", ".join(KINDS.get(kind, kind) for kind in checkpoints[-1]["general_by_kind"])
    return (
        f"{seeds}; every checkpoint answered {problems['problems']} test problems, "
        f"{problems['samples']} times each, and {general['prompts']} general test prompts "
        f"({kinds}), {general['samples']} times each, at temperature 1."
    )


def cost(runs: Runs) -> str:
    """Lay out every stage: where it starts, settings, steps, seconds, FLOP."""
    heads = ["stage", "starts from", "learns from", "settings", "steps", "seconds", "FLOP"]
    rows = [_stage(runs, stage) for stage in RECIPES["all"]]
    evaluation, total = (_seconds(runs, name) for name in ("evaluation", "total"))
    rows.append(["measuring", "", "", "", "", evaluation, ""])
    rows.append(["**all**", "", "", "", "", total, _flop(_total_flop(runs))])
    return lay_out(heads, rows)


def _stage(runs: Runs, stage: str) -> list[str]:
    if not runs.normal:
        return [stage, STARTS[stage], *[NOTHING] * 5]
    first = next(iter(runs.normal.values()))
    settings = ", ".join(
        f"{key.split('.')[-1].replace('_', ' ')} {_typed(first.settings[key])}"
        for key in SHOWN[stage]
        if key in first.settings
    )
    done = [run for run in runs.normal.values() if stage in run.results["seconds"]]
    steps = [len(run.curve(stage, "step")[0]) for run in done]
    spent = [r.results["compute"][stage] for r in done if stage in r.results["compute"]]
    return [
        stage,
        STARTS[stage],
        _learns_from(runs, stage),
        settings,
        _whole(steps) if any(steps) else NOTHING,
        _seconds(runs, stage),
        _flop(spent),
    ]


def _learns_from(runs: Runs, stage: str) -> str:
    if stage == REWARD_MODEL:
        pairs = [_pairs(run) for run in runs.normal.values()]
        return f"{_whole([p for p in pairs if p])} pairs" if any(pairs) else NOTHING
    name = {"dev1": "dev1", "dev3": "dev3", "distilled": "dev3"}.get(stage)
    if name is None:
        return "its own answers"
    sets = [run.data[name] for run in runs.normal.values() if name in run.data]
    if not sets:
        return NOTHING
    kept, ended, asked = (_whole([s[key] for s in sets]) for key in ("kept", "ended", "asked"))
    if name == "dev1":
        return f"{kept} of {asked} answers by r1-zero, rewritten, and {ended} endings"
    return f"{kept} of {asked} answers by dev2, {ended} endings, and general answers"


def _pairs(run: Run) -> int:
    return run.results.get("reward_model", {}).get("training_pairs", 0)


def _seconds(runs: Runs, name: str) -> str:
    found = [run.results["seconds"].get(name) for run in runs.normal.values()]
    return _whole([s for s in found if s is not None]) if any(found) else NOTHING


def _total_flop(runs: Runs) -> list[float]:
    """Sum up each run's stages; the writing of dev3's set stands in two, and counts once."""
    return [
        sum(run.results["compute"].values())
        - run.data.get("dev3", {}).get("flops", 0) * ("distilled" in run.results["compute"])
        for run in runs.normal.values()
    ]


def _whole(values: list[Any]) -> str:
    return spread_to(values, 0)


def _flop(values: list[float]) -> str:
    return power(float(np.mean(values))) if values else NOTHING
