"""How do the stages and the arms look, drawn? Two figures: r1.svg and r1-arms.svg."""

from pathlib import Path
from typing import Any

import numpy as np
from publishing import BLUE, GREEN, GREY, ORANGE, PINK, pyplot, save

from r1_page import arms, paper, students
from r1_page.rows import (
    CONSISTENCY,
    FOLLOWING,
    FORMAT,
    GENERAL,
    HARM,
    MIXED,
    PASS,
    PREFERENCE,
    TOKENS,
    VOTES,
    Row,
)
from r1_page.runs import CHECKPOINTS, Runs

PANELS: tuple[tuple[str, tuple[Row, ...]], ...] = (
    ("reasoning, %", (PASS, VOTES)),
    ("readability, %", (CONSISTENCY, FORMAT, MIXED)),
    ("completion length, tokens", (TOKENS,)),
    ("general prompts, %", (GENERAL, FOLLOWING)),
    ("complies with harmful requests, %", (HARM,)),
    ("win-rate over the web's answers, %", (PREFERENCE,)),
)
COLOURS = (BLUE, ORANGE, GREEN)
MARKS = {"distilled": ("s", ORANGE), "distilled-rl": ("D", PINK), "small-rl": ("o", BLUE)}


def draw_stages(runs: Runs, path: Path) -> None:
    """Draw every figure from the base to R1, beside the paper's where it has one."""
    plt = pyplot()
    figure, axes = plt.subplots(2, 3, figsize=(10, 6.2))
    for axis, (title, rows) in zip(axes.flat, PANELS, strict=True):
        for i, (row, colour) in enumerate(zip(rows, COLOURS, strict=False)):
            _draw_line(axis, runs, row, colour, 0.08 * (i - (len(rows) - 1) / 2))
        for published in paper.PUBLISHED:
            if published.row in rows:
                at = [CHECKPOINTS.index(stage) for stage in paper.STAGES]
                label = f"{published.title}, paper"
                axis.plot(at, published.figures, "s:", ms=4, color=GREY, mfc="w", label=label)
        axis.set_title(title, loc="left", fontsize=10)
        axis.set_xticks(range(len(CHECKPOINTS)), CHECKPOINTS, fontsize=8)
        if PREFERENCE in rows:
            axis.axhline(50, color="black", lw=0.8, ls="--", label="as good as the web's")
        _finish(axis, None if rows == (TOKENS,) else 100, columns=1)
    figure.tight_layout()
    save(figure, path)


def _draw_line(axis: Any, runs: Runs, row: Row, colour: str, aside: float) -> None:
    """Draw means with their mean intervals, and a dot for every seed, a little aside."""
    found = [runs.estimate(row, name) for name in CHECKPOINTS]
    at = [i + aside for i, estimate in enumerate(found) if estimate is not None]
    known = [estimate for estimate in found if estimate is not None]
    means = [row.scale(estimate.mean) for estimate in known]
    halves = [row.scale(estimate.half or 0.0) for estimate in known]
    axis.errorbar(at, means, halves, color=colour, lw=1.3, capsize=2, label=row.title)
    for i, estimate in zip(at, known, strict=True):
        values = [row.scale(value) for value in estimate.values]
        axis.plot([i] * len(values), values, "o", ms=2.5, color=colour, alpha=0.6)


def draw_arms(runs: Runs, path: Path) -> None:
    """Draw the language reward, over-training, the mixture, and small-rl by compute."""
    plt = pyplot()
    figure, axes = plt.subplots(2, 2, figsize=(9, 6.2))
    _draw_language(axes[0, 0], runs)
    _draw_overtraining(axes[0, 1], runs)
    _draw_mixture(axes[1, 0], runs)
    _draw_compute(axes[1, 1], runs)
    figure.tight_layout()
    save(figure, path)


def _finish(axis: Any, top: float | None = None, columns: int = 2) -> None:
    """Start at nought, end at `top` if given, and put the legend above the lines."""
    entries = len(axis.get_legend_handles_labels()[0])
    highest = top or axis.get_ylim()[1]
    rows = -(-entries // columns) if entries > 1 else 0
    lowest = min(0, axis.get_ylim()[0]) if top is None else 0
    axis.set_ylim(lowest, highest * (1.04 + 0.09 * rows))
    if top is not None:
        axis.set_yticks(range(0, round(top) + 1, 20))
    if rows:
        legend = axis.legend(
            fontsize=7, loc="upper left", ncol=columns, columnspacing=1, frameon=False,
            borderpad=0,
        )  # fmt: skip
        legend.set_in_layout(False)


def _draw_language(axis: Any, runs: Runs) -> None:
    axis.set_title("dev2: answers that mix languages, % (train)", loc="left", fontsize=10)
    axis.set_xlabel("GRPO step")
    for arm, colour, label in (("seed", BLUE, "with"), ("no-language", ORANGE, "without")):
        curves = [r.curve("dev2", MIXED.name) for r in runs.by_arm[arm].values()]
        _draw_band(axis, [(s, v) for s, v in curves if s], colour, f"{label} the reward", 100)
    _finish(axis)


def _draw_overtraining(axis: Any, runs: Runs) -> None:
    axis.set_title("r1: reward model's score and gold utility (train)", loc="left", fontsize=10)
    axis.set_xlabel("step with general prompts (mean of five)")
    for row, colour in ((arms.SCORE, ORANGE), (arms.WORTH, BLUE)):
        for arm, style in (("long", "-"), ("seed", "--")):
            found = [arms.general_steps(r, row.name) for r in runs.by_arm[arm].values()]
            label = f"{row.title}{', normal r1' * (arm == 'seed')}"
            _draw_band(axis, [(s, v) for s, v in found if s], colour, label, 1, style)
    _finish(axis)


def _draw_mixture(axis: Any, runs: Runs) -> None:
    axis.set_title("dev3, %: what it learns from, where it starts", loc="left", fontsize=10)
    names = {"seed": "normal", "reasoning-only": "problems only", "from-dev2": "from dev2"}
    rows = (PASS, GENERAL, FOLLOWING)
    for place, (row, colour) in enumerate(zip(rows, COLOURS, strict=True)):
        for i, arm in enumerate(names):
            found = runs.estimate(row, "dev3", arm)
            if found is not None:
                bar = axis.bar(i + 0.26 * (place - 1), 100 * found.mean, 0.24, color=colour)
                bar.set_label(row.title if i == 0 else None)
                half = 100 * (found.half or 0.0)
                axis.errorbar(
                    i + 0.26 * (place - 1), 100 * found.mean, half, color="black", capsize=2
                )
    axis.set_xticks(range(len(names)), names.values())
    _finish(axis, 100)


def _draw_compute(axis: Any, runs: Runs) -> None:
    axis.set_title("students: accuracy by arithmetic, %", loc="left", fontsize=10)
    axis.set_xlabel("TFLOP after pretraining")
    for i, run in enumerate(runs.normal.values()):
        if "small-rl" in run.results["compute"]:
            flops, accuracy = students.accuracy_by_compute(run)
            label = "small-rl, validation, each seed" if i == 0 else None
            axis.plot(
                flops / 1e12, 100 * np.array(accuracy), "-", color=BLUE, lw=1, alpha=0.6,
                label=label,
            )  # fmt: skip
    for name, (mark, colour) in MARKS.items():
        found, spent = runs.estimate(PASS, name), students.compute(runs, name)
        if found is not None and spent:
            axis.errorbar(
                np.mean(spent) / 1e12, 100 * found.mean, 100 * (found.half or 0.0), fmt=mark,
                color=colour, capsize=2, label=f"{name}, test pass@1",
            )  # fmt: skip
    start = runs.estimate(PASS, "small-base")
    if start is not None:
        label = "small-base, test pass@1"
        axis.plot([0], [100 * start.mean], "o", color=GREY, clip_on=False, label=label)
    budget = students.compute(runs, "distilled")
    if budget:
        at = float(np.mean(budget)) / 1e12
        axis.plot([at, at], [0, 100], ":", color=GREY, label="distillation's budget")
    axis.set_xlim(left=0)
    _finish(axis, 100)


def _draw_band(
    axis: Any,
    curves: list[tuple[list[int], Any]],
    colour: str,
    label: str,
    scale: float,
    style: str = "-",
) -> None:
    """Draw the mean over the seeds, and the range around it."""
    if not curves:
        return
    length = min(len(steps) for steps, _ in curves)
    values = scale * np.array([np.asarray(v)[:length] for _, v in curves])
    steps = curves[0][0][:length]
    axis.fill_between(steps, values.min(0), values.max(0), color=colour, alpha=0.15, lw=0)
    axis.plot(steps, values.mean(0), style, color=colour, lw=1.3, label=label)
