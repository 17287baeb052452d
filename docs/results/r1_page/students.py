"""Is it better to teach a small model than to reinforce it, for the same arithmetic?"""

from typing import Any

import numpy as np
from publishing import lay_out

from minir1.reporting.formats import power
from r1_page.rows import (
    ANY,
    CONSISTENCY,
    FOLLOWING,
    FORMAT,
    GENERAL,
    HARM,
    MIXED,
    NOTHING,
    PASS,
    TOKENS,
    VOTES,
)
from r1_page.rules import compare
from r1_page.runs import STUDENTS, Run, Runs

ROWS = (PASS, VOTES, ANY, FORMAT, CONSISTENCY, MIXED, TOKENS, GENERAL, FOLLOWING, HARM)
TEACHERS = ("dev2", "dev3")
LINE = {
    "dev2": ("r1-zero", "dev1", "dev2"),
    "dev3": ("r1-zero", "dev1", "dev2", "dev3"),
    "small-base": (),
    "distilled": ("distilled",),
    "small-rl": ("small-rl",),
    "distilled-rl": ("distilled", "distilled-rl"),
}  # the stages whose arithmetic a checkpoint took, pretraining left out


def student_table(runs: Runs) -> str:
    """Lay out students and teachers, and what each took."""
    names = (*STUDENTS, *TEACHERS)
    rows = [[row.label, *(row.cell(runs.estimate(row, n)) for n in names)] for row in ROWS]
    rows.append(["FLOP after pretraining", *(_spent(runs, name) for name in names)])
    return lay_out(["", *STUDENTS, *(f"{name} (teacher's size)" for name in TEACHERS)], rows)


def compute(runs: Runs, name: str) -> list[float]:
    """Return the FLOPs that a checkpoint took after pretraining, of every run."""
    found = []
    for run in runs.normal.values():
        spent = run.results["compute"]
        if LINE[name] and all(stage in spent for stage in LINE[name]):
            found.append(sum(spent[stage] for stage in LINE[name]))
    return found


def _spent(runs: Runs, name: str) -> str:
    found = compute(runs, name)
    return power(float(np.mean(found))) if found else NOTHING


def verdicts(runs: Runs) -> str:
    """Say by the rule what distillation, RL and both do."""
    pairs = (("small-rl", "distilled"), ("distilled", "distilled-rl"), ("dev2", "distilled"))
    lines = []
    for before, after in pairs:
        parts = []
        for row in (PASS, VOTES, ANY):
            change = compare(runs.estimate(row, before), runs.estimate(row, after))
            if change is not None:
                parts.append(f"{row.title} {change.word} ({row.change(change)} points)")
        lines.append(f"* {after} against {before}: {'; '.join(parts) or 'not measured'}.")
    return "\n".join([*lines, f"* {_match(runs)}"])


def _match(runs: Runs) -> str:
    """Say how well the arithmetic of small-rl and distilled matches, teacher included."""
    alone, taught = compute(runs, "small-rl"), compute(runs, "distilled")
    teacher = compute(runs, "dev2")
    if not alone or not taught:
        return "The arithmetic was not measured."
    ratio = np.mean(alone) / np.mean(taught)
    text = f"small-rl took {ratio:.2f} times the arithmetic of distilled"
    if teacher:
        text += f"; making the teacher took {np.mean(teacher) / np.mean(taught):.1f} times"
        text += " that arithmetic before, which is not in the match"
    return f"{text}."


def accuracy_by_compute(run: Run, stage: str = "small-rl") -> tuple[Any, list[float]]:
    """Return FLOPs spent and validation accuracy at every look of a stage.

    A step's share of the stage's arithmetic is that of its tokens: a sampled one is read
    once, a trained one counts three times more, there and back.
    """
    lines = [line for line in run.steps if line["stage"] == stage]
    batch = run.settings["grpo.prompts"] * run.settings["grpo.group"]
    work = np.cumsum([x["completion_tokens"] * batch + 3 * x["trained_tokens"] for x in lines])
    flops = work / work[-1] * run.results["compute"][stage] if lines else work
    looks = [i for i, line in enumerate(lines) if "validation_accuracy" in line]
    return flops[looks], [lines[i]["validation_accuracy"] for i in looks]
