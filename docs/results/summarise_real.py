"""Turn runs of a real model into smollm2.json, .md and .svg.

    python docs/results/summarise_real.py RUNS

RUNS holds seed0 to seed2, the controls random0, random1 and format0; each is a run folder of
`minir1 train --model … --task arithmetic:small`. The commands are in the page that this writes.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from publishing import BLUE, GREEN, GREY, fill, lay_out, pyplot, read_lines, read_object, save

HERE = Path(__file__).parent
ARMS = {
    "seed": ("right answers are paid", BLUE),
    "format": ("only an answer that ends is paid", GREEN),
    "random": ("a coin is paid", GREY),
}
CURVES = {
    "validation_accuracy": "accuracy, validation",
    "completion_tokens": "completion length, tokens",
    "entropy": "entropy, nats a token",
    "kl": "KL to the base, nats a token (cut at 3.5)",
}
KEPT = [*CURVES, "step", "seconds", "accuracy", "reward", "format_rate", "truncated"]
KEPT += ["flat_groups", "grad_norm", "rollout_seconds", "update_seconds", "logprob_gap"]
ROWS = {
    "pass@1": ("pass_at_1", 3),
    "majority of 8": ("maj_at_8", 3),
    "an answer, and an end": ("format_rate", 3),
    "cut off at 32 tokens": ("truncated", 3),
    "completion length, tokens": ("completion_tokens", 1),
}


def read(folder: Path) -> dict[str, Any]:
    """Read what the page needs of a run."""
    lines = read_lines(folder / "metrics.jsonl")
    return {
        "results": read_object(folder / "results.json"),
        "metrics": [{name: line[name] for name in KEPT if name in line} for line in lines],
        "samples": read_lines(folder / "samples.jsonl"),
    }


def said(figures: dict[str, Any], name: str, digits: int) -> str:
    """Write a figure with its interval if it has one."""
    value = figures[name]
    if not isinstance(value, dict):
        return f"{value:.{digits}f}"
    low, high = f"{value['low']:.{digits}f}", f"{value['high']:.{digits}f}"
    return f"{value['value']:.{digits}f} ({low} to {high})"


def table(runs: dict[str, Any]) -> str:
    """Lay out what the base was and what every run became."""
    base = next(iter(runs.values()))["results"]["checkpoints"]["base"]
    rows = [["base", *(said(base, *row) for row in ROWS.values())]]
    for name, run in runs.items():
        figures = run["results"]["checkpoints"]["r1-zero"]
        rows.append([name, *(said(figures, *row) for row in ROWS.values())])
    return lay_out(["", *ROWS], rows)


def ended_of(run: dict[str, Any]) -> list[dict[str, Any]]:
    """Order samples so that the first that ended comes last, and wins in a dict."""
    return sorted(reversed(run["samples"]), key=lambda s: s["finished"])


def examples(runs: dict[str, Any]) -> str:
    """Show an answer to each watched exercise, the first that ended, before and after."""
    run = runs["seed0"]
    last = max(line["step"] for line in run["samples"])
    first = {s["prompt"]: s for s in ended_of(run) if s["step"] == 0}
    after = {s["prompt"]: s for s in ended_of(run) if s["step"] == last}
    other = {s["prompt"]: s for s in ended_of(runs["seed2"]) if s["step"] == last}
    rows = []
    for prompt, sample in after.items():
        question = prompt.partition(": ")[2].partition("\n")[0]
        shown = first[prompt], sample, other[prompt]
        texts = [json.dumps(s["completion"], ensure_ascii=False) for s in shown]
        rows.append(
            [question, *(f"`{text.replace('|', '∣').replace('`', '′')}`" for text in texts)]
        )
    return lay_out(["question", "base", f"seed 0 after {last} steps", "seed 2"], rows)


def draw(runs: dict[str, Any], path: Path) -> None:
    """Draw a panel a curve and a line a run."""
    plt = pyplot()
    figure, axes = plt.subplots(2, 2, figsize=(7.2, 4.6), layout="constrained")
    for axis, (name, title) in zip(axes.flat, CURVES.items(), strict=True):
        labelled = set()
        for run, content in runs.items():
            arm = run.rstrip("0123456789")
            label, colour = ARMS[arm]
            points = [(m["step"], m[name]) for m in content["metrics"] if name in m]
            shown = None if arm in labelled else label
            axis.plot(*zip(*points, strict=True), color=colour, lw=1.3, label=shown)
            labelled.add(arm)
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("step")
        axis.set_ylim(0, 3.5 if name == "kl" else None)  # single answers far off cut
    axes.flat[0].legend(fontsize=7, frameon=False)
    save(figure, path)


def main() -> None:
    """Read the runs, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path)
    folder = parser.parse_args().runs
    names = [f"{arm}{i}" for arm in ARMS for i in range(5)]
    runs = {name: read(folder / name) for name in names if (folder / name).exists()}
    trained = [runs[name] for name in runs if name.startswith("seed")]
    minutes = [run["results"]["seconds"]["total"] / 60 for run in trained]
    updates = [m for run in trained for m in run["metrics"]]
    seconds = [m["rollout_seconds"] + m["update_seconds"] for m in updates]
    parts = {
        "table": table(runs),
        "examples": examples(runs),
        "minutes": f"{min(minutes):.1f} to {max(minutes):.1f}",
        "step_seconds": f"{np.median(seconds):.0f}",
        "gap": f"{max(m['logprob_gap'] for m in updates):.1e}",
    }
    page = fill(HERE / "smollm2.template.md", parts)
    (HERE / "smollm2.md").write_text(page, encoding="utf-8")
    kept = {n: {k: r[k] for k in ("results", "metrics")} for n, r in runs.items()}
    (HERE / "smollm2.json").write_text(json.dumps(kept) + "\n", encoding="utf-8")
    draw(runs, HERE / "smollm2.svg")


if __name__ == "__main__":
    main()
