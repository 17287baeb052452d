"""Turn run folders into the published results: r1-zero.json, .md and .svg, dashboard.svg.

    python docs/results/summarise.py RUNS

RUNS holds seed0 to seed4, and the controls random, format and no-reflection, each a run
folder of `minir1 train --tiny --recipe r1-zero`; the commands are in the page that this writes.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from publishing import (
    BLUE,
    GREY,
    ORANGE,
    SEEDS,
    fill,
    lay_out,
    pyplot,
    read_lines,
    read_object,
    save,
    spread,
)

CONTROLS = {
    "random": "random reward",
    "format": "format-only reward",
    "no-reflection": "base without reflective traces",
}
CURVES = {
    "accuracy": "accuracy (train)",
    "completion_tokens": "completion length, tokens",
    "reflections": "reflective words an answer",
    "mixed_language_rate": "answers that mix languages",
}
KEPT = [*CURVES, "step", "seconds", "reward", "format_rate", "entropy", "kl", "truncated"]
KEPT += ["flat_groups", "clip_fraction", "rollout_seconds", "update_seconds"]
ROWS = {
    "pass@1": lambda c: c["pass_at_1"]["value"],
    "pass@1, lenient parsing": lambda c: c["pass_at_1_lenient"]["value"],
    "majority of 16": lambda c: c["maj_at_16"]["value"],
    "pass@16": lambda c: c["pass_at_k"]["16"],
    "right format": lambda c: c["format_rate"],
    "completion length, tokens": lambda c: c["completion_tokens"],
    "length, difficulty 1 (easiest)": lambda c: c["completion_tokens_by_difficulty"]["1"],
    "length, difficulty 4 (hardest)": lambda c: c["completion_tokens_by_difficulty"]["4"],
    "rank correlation of length with difficulty": lambda c: c["length_difficulty_correlation"],
    "length of right answers": lambda c: c["completion_tokens_by_outcome"]["right"],
    "length of wrong answers": lambda c: c["completion_tokens_by_outcome"]["wrong"],
    "reflective words an answer": lambda c: c["reflections_per_answer"],
    "reflective words per 100 tokens": lambda c: c["reflections_per_100_tokens"],
    "useful reflection": lambda c: c["useful_reflection_rate"],
    "answers with a check": lambda c: c["check_rate"],
    "attempts an answer": lambda c: c["attempts_per_answer"],
    "repeated attempts an answer": lambda c: c["repeated_attempts_per_answer"],
    "attempts with a number not given": lambda c: c["illegal_operand_rate"],
    "written arithmetic right": lambda c: c["arithmetic_right"],
    "mixed-language answers": lambda c: c["mixed_language_rate"],
    "language consistency": lambda c: c["language_consistency"],
    "cut off": lambda c: c["truncated"],
    "P(yes, hit), 1st attempt": lambda c: c["verdict"]["first_attempt"]["yes_given_hit"],
    "P(yes, near miss), 1st attempt": lambda c: c["verdict"]["first_attempt"]["yes_given_miss"],
    "P(yes, hit), 4th attempt": lambda c: c["verdict"]["fourth_attempt"]["yes_given_hit"],
    "P(yes, near miss), 4th attempt": lambda c: c["verdict"]["fourth_attempt"][
        "yes_given_miss"
    ],
}


def read_run(folder: Path) -> dict:
    """Read what a finished run measured, and its curves."""
    lines = read_lines(folder / "metrics.jsonl")
    curves = {name: [line.get(name) for line in lines] for name in KEPT}
    looks = [
        [line["step"], line["seconds"], line["validation_accuracy"]]
        for line in lines
        if "validation_accuracy" in line
    ]
    results = read_object(folder / "results.json")
    return {"results": results, "curves": curves, "validation": looks}


def table(runs: dict[str, dict]) -> str:
    """Lay out base, R1-Zero over the seeds, and the controls."""
    controls = [name for name in CONTROLS if name in runs]
    heads = ["", "base", "R1-Zero, mean of 5 seeds (range)"]
    heads += [CONTROLS[name] for name in controls]
    rows = []
    for name, figure in ROWS.items():
        cells = [name]
        for which in ("base", "r1-zero"):
            found = [figure(runs[s]["results"]["checkpoints"][which]) for s in SEEDS]
            cells.append(spread(found))
        for control in controls:
            checkpoints = runs[control]["results"]["checkpoints"]
            after = figure(checkpoints["r1-zero"])
            if control == "no-reflection":
                cells.append(f"{spread([figure(checkpoints['base'])])} → {spread([after])}")
            else:
                cells.append(spread([after]))
        rows.append(cells)
    return lay_out(heads, rows)


def seed_table(runs: dict[str, dict]) -> str:
    """Lay out every seed: accuracy with its interval, votes, and how fast it got there."""
    heads = ["seed", "pass@1", "95 % interval over problems", "majority of 16"]
    heads += ["seconds of training", "validation first ≥ .75 at"]
    rows = []
    for seed in SEEDS:
        results = runs[seed]["results"]
        found = results["checkpoints"]["r1-zero"]
        p = found["pass_at_1"]
        reached = [(step, s) for step, s, v in runs[seed]["validation"] if v >= 0.75]
        first = f"step {reached[0][0]}, {reached[0][1]:.0f} s" if reached else "never"
        rows.append(
            [
                seed[4:],
                f"{p['value']:.3f}",
                f"{p['low']:.3f} to {p['high']:.3f}",
                f"{found['maj_at_16']['value']:.3f}",
                f"{results['seconds']['r1-zero']:.0f}",
                first,
            ]
        )
    return lay_out(heads, rows)


def halfway_table(runs: Path) -> str:
    """Lay out the checkpoints of step 10: what a majority adds in the middle of training."""
    names, rows = ("pass@1", "majority of 16", "pass@16"), []
    for seed in SEEDS:
        (c,) = read_object(runs / f"{seed}-step10.json")["checkpoints"].values()
        rows.append([seed[4:], *(f"{ROWS[name](c):.3f}" for name in names)])
    return lay_out(["seed, step 10", *names], rows)


def draw(runs: dict[str, dict], path: Path) -> None:
    """Draw the curves of all seeds and controls."""
    figure, axes = pyplot().subplots(2, 2, figsize=(9, 6), sharex=True)
    styles = {"random": (GREY, ":"), "format": (GREY, "--")}
    styles["no-reflection"] = (ORANGE, "-.")
    for axis, (name, label) in zip(axes.flat, CURVES.items(), strict=True):
        seeds = np.array([runs[s]["curves"][name] for s in SEEDS], float)
        steps = runs[SEEDS[0]]["curves"]["step"]
        axis.fill_between(steps, seeds.min(0), seeds.max(0), color=BLUE, alpha=0.18, lw=0)
        axis.plot(steps, seeds.mean(0), color=BLUE, label="R1-Zero, 5 seeds, range")
        for control, (colour, line) in styles.items():
            if control in runs:
                curve = runs[control]["curves"]
                axis.plot(
                    curve["step"], curve[name], line, color=colour, label=CONTROLS[control]
                )
        axis.set_title(label, loc="left", fontsize=10)
        axis.set_ylim(bottom=0)
    looks = np.array([[v for _, _, v in runs[s]["validation"]] for s in SEEDS])
    at = [step for step, _, _ in runs[SEEDS[0]]["validation"]]
    axes[0, 0].plot(at, looks.mean(0), "o", ms=3.5, color="black", label="validation, mean")
    for axis in axes[1]:
        axis.set_xlabel("GRPO step (32 prompts × 8)")
    figure.tight_layout(rect=(0, 0.06, 1, 1))
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncol=3, frameon=False, fontsize=8)
    save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    args = parser.parse_args()
    found = [
        name for name in [*SEEDS, *CONTROLS] if (args.runs / name / "results.json").exists()
    ]
    runs = {name: read_run(args.runs / name) for name in found}
    text = json.dumps({"schema": 1, "runs": runs}, ensure_ascii=False)
    (args.out / "r1-zero.json").write_text(text + "\n", encoding="utf-8")
    tables = {
        "table": table(runs),
        "seeds": seed_table(runs),
        "halfway": halfway_table(args.runs),
    }
    page = fill(Path(__file__).parent / "r1-zero.template.md", tables)
    (args.out / "r1-zero.md").write_text(page, encoding="utf-8")
    draw(runs, args.out / "r1-zero.svg")


if __name__ == "__main__":
    main()
