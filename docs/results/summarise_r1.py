"""Turn run folders into the results of R1's stages: r1.json, r1.md, r1.svg, r1-arms.svg
and the picture of the dashboard.

    python docs/results/summarise_r1.py RUNS

RUNS holds seed0 to seed4, runs of `minir1 train --tiny`, and the arms that branch off them:
no-language-N, reasoning-only-N, from-dev2-N, long-N, normalise-N for seeds 0 to 2. What is
missing is named on the page. The commands are in the page that this writes.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from publishing import fill
from r1_page import arms, method, paper, plots, stages, students, targets
from r1_page.rows import EVERYDAY, REASONING
from r1_page.runs import CHECKPOINTS, NORMAL, STUDENTS, Run, Runs

from minir1.pipeline import R1_LINE, RECIPES
from minir1.storage.jsonlines import read_lines
from minir1.ui import Sample, View, dashboard_svg

TEMPLATE = Path(__file__).parent / "r1.template.md"
CURVES = ["accuracy", "completion_tokens", "language_consistency", "mixed_language_rate"]
CURVES += ["truncated", "validation_accuracy", "preference_reward", "gold_utility"]
CURVES += ["general_good", "harmful_compliance", "trained_tokens"]


def page_parts(runs: Runs) -> dict[str, str]:
    """Make every generated part of the page."""
    return {
        "commands": method.commands(runs),
        "missing": method.missing(runs),
        "measured": method.measured(runs),
        "cost": method.cost(runs),
        "stages": stages.stage_table(runs),
        "paper": paper.mini_table(runs),
        "directions": paper.sentences(runs),
        "tally": targets.tally(runs),
        "targets": targets.target_table(runs),
        **arms.arm_tables(runs),
        **arms.arm_sentences(runs),
        "overtraining": arms.overtraining(runs),
        "overtraining_blocks": arms.block_table(runs),
        "students": students.student_table(runs),
        "student_verdicts": students.verdicts(runs),
        **paper.lists(runs),
    }


def record(runs: Runs) -> dict[str, Any]:
    """Collect all numbers behind the page: of an arm, only what it made itself."""
    names = (*CHECKPOINTS, *STUDENTS)
    figures = {
        name: {
            row.name: {"mean": e.mean, "low": e.low, "high": e.high, "seeds": len(e.values)}
            for row in (*REASONING, *EVERYDAY)
            if (e := runs.estimate(row, name)) is not None
        }
        for name in names
    }
    aims = [
        {"aim": title, "met": o.met, "margin": o.margin, "half": o.half}
        for title, o in targets.outcomes(runs)
    ]
    kept = {
        f"{arm}{'' if arm == NORMAL else '-'}{seed}": _kept(run)
        for arm, found in runs.by_arm.items()
        for seed, run in found.items()
    }
    return {
        "schema": 1,
        "missing": runs.missing,
        "figures": figures,
        "aims": aims,
        "runs": kept,
    }


def _kept(run: Run) -> dict[str, Any]:
    taken = set(run.results.get("taken_over", []))
    known = taken | {"base", "small-base"} if taken else set()
    checkpoints = {n: c for n, c in run.checkpoints.items() if n not in known}
    made = dict.fromkeys(line["stage"] for line in run.steps if line["stage"] not in taken)
    curves = {stage: _curves(run, stage) for stage in made}
    return {"results": {**run.results, "checkpoints": checkpoints}, "curves": curves}


def rounded(value: Any) -> Any:
    """Keep five digits of every number: the intervals are wider than that."""
    if isinstance(value, dict):
        return {name: rounded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def _curves(run: Run, stage: str) -> dict[str, list[Any]]:
    """Return steps and values of what a stage of reinforcement learning logged."""
    found = {name: run.curve(stage, name) for name in CURVES}
    return {name: [steps, values] for name, (steps, values) in found.items() if values}


def dashboard(folder: Path, path: Path) -> None:
    """Draw the dashboard as it stood at the end of stage r1, with one of its last answers."""
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    steps = [m for m in read_lines(folder / "metrics.jsonl") if m["stage"] == "r1"]
    answers = [a for a in read_lines(folder / "samples.jsonl") if a["stage"] == "r1"]
    last = [a for a in answers if a["step"] == steps[-1]["step"] and a["right"]]
    chosen = max(last, key=lambda a: (a["tokens"] < 110) * a["tokens"])
    measured = {n: f for n, f in results["checkpoints"].items() if n in ("base", *R1_LINE[:-1])}
    view = View(
        title=f"R1 and its students · seed {results['seed']} · {results['engine']} · 2 threads",
        done=len(steps),
        total=len(steps),
        history=steps,
        elapsed=steps[-1]["seconds"],
        sample=Sample(chosen["prompt"], chosen["completion"], chosen["reward"], True),
        stages=RECIPES["all"],
        stage="r1",
        measured=measured,
    )
    dashboard_svg(view, path, width=110, height=34)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    args = parser.parse_args()
    runs = Runs.read(args.runs)
    args.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(rounded(record(runs)), ensure_ascii=False)
    (args.out / "r1.json").write_text(text + "\n", encoding="utf-8")
    (args.out / "r1.md").write_text(fill(TEMPLATE, page_parts(runs)), encoding="utf-8")
    plots.draw_stages(runs, args.out / "r1.svg")
    plots.draw_arms(runs, args.out / "r1-arms.svg")
    if (args.runs / "seed0" / "answers.json").exists():
        dashboard(args.runs / "seed0", args.out / "dashboard.svg")


if __name__ == "__main__":
    main()
