"""Which planted faults harm a run, and does the doctor name them, and no others?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minir1.claims.claim import Chart, Figure, Finding, Line, Results, Table, Verdict
from minir1.claims.faults_arms import (
    EXAMINED,
    MOST_SEEDS,
    PLAIN,
    broken,
    control,
    healthy,
    healthy_runs,
)
from minir1.claims.figures import below, curve, difference, number, over_seeds, text
from minir1.faults.catalogue import FAULTS

Row = Mapping[str, Any]
GROUPS = {  # the faults that share a chart
    "the KL and the clip": ("kl-sign", "kl-inverted", "k1-loss", "clip-side"),
    "baseline, weights, steps": (
        "batch-baseline", "mask-in-place", "eos-untrained", "learning-rate-high",
    ),
    "sampler and scorer": (
        "prompt-missing", "truncated-sampling", "left-padding", "stale-logprobs",
    ),
    "the pay": ("truncation-rewarded", "lenient-grader"),
}  # fmt: skip
CURVES = {
    "accuracy": "right answers in training",
    "completion_tokens": "tokens an answer",
    "entropy": "entropy a token, nats",
    "kl": "KL to the base a token, nats",
}
HEADER = (
    "fault",
    "seen in",
    "settings of both",
    "pass@1",
    "healthy",
    "difference",
    "tokens",
    "entropy",
    "KL",
    "harms",
    "stopped by the run's own checks",
    "named by the doctor",
)


@dataclass(frozen=True)
class Case:
    """A fault, how its runs ended beside healthy ones, and what the doctor said of each."""

    name: str
    loss: Figure  # pass@1, less that of the healthy run with the same seed and settings
    runs: Sequence[Row]
    controls: Sequence[Row]
    said: Sequence[Sequence[Row]]  # what was found, seed by seed

    @classmethod
    def read(cls, name: str, results: Results, seeds: int) -> "Case":
        """Read the runs of a fault."""
        arm, found = control(FAULTS[name]), results[EXAMINED]
        made = [broken(name, seed) for seed in range(seeds)]
        beside = [healthy(arm, seed) for seed in range(seeds)]
        runs, others = ([results[job.name] for job in jobs] for jobs in (made, beside))
        loss = difference(f"pass@1 with {name}, less without", ends(runs), ends(others), "%")
        return cls(name, loss, runs, others, [found[job.name] for job in made])

    @property
    def harms(self) -> bool:
        """Say whether the whole interval lies below nothing lost."""
        return below(self.loss)

    @property
    def named(self) -> int:
        """Count the seeds at which the doctor named it."""
        return sum(any(one["fault"] == self.name for one in found) for found in self.said)

    @property
    def caught(self) -> bool:
        """Say whether the doctor named it at every seed."""
        return self.named == len(self.said)


def ends(runs: Sequence[Row]) -> list[float]:
    """Return pass@1 at the end, seed by seed."""
    return [run["checkpoints"]["r1-zero"]["pass_at_1"]["value"] for run in runs]


def judge(results: Results, seeds: int) -> Finding:
    """Say which faults harm, and whether the doctor is right about all of them."""
    few = min(seeds, MOST_SEEDS)
    cases = [Case.read(name, results, few) for name in FAULTS]
    examined = results[EXAMINED]
    runs = [job.name for job in healthy_runs(seeds)]
    alarms = {name: examined[name] for name in runs if examined[name]}
    plain = [results[healthy(PLAIN, seed).name] for seed in range(seeds)]
    return Finding(
        decide(cases, alarms),
        "",
        summary(cases, alarms, len(runs), few),
        tuple(case.loss for case in cases),
        (over_seeds("pass@1 without a fault", ends(plain), "%"),),
        (table(cases), evidence(cases), *accused(alarms)),
        tuple(chart(group, name, cases) for group in GROUPS for name in CURVES),
    )


def decide(cases: Sequence[Case], alarms: Mapping[str, Any]) -> Verdict:
    """Every fault that harms is named at every seed, and no healthy run is accused."""
    right = all(case.caught for case in cases if case.harms)
    return "holds" if right and not alarms else "does not hold here"


def summary(cases: Sequence[Case], alarms: Mapping[str, Any], runs: int, seeds: int) -> str:
    """Tell what harms, what does not, what the doctor named, and whom it accused."""
    harmful = [case for case in cases if case.harms]
    worst = min(cases, key=lambda case: case.loss.value)
    unseen = [case.name for case in harmful if not case.caught]
    harmless = [case for case in cases if not case.harms]
    also = [case.name for case in harmless if case.caught]
    return (
        f"Of {len(cases)} planted faults {len(harmful)} harm within the steps of a run: "
        f"{_listed(case.name for case in harmful)}; most of all {worst.name}, "
        f"{text(worst.loss)} in pass@1. No harm could be shown of "
        f"{_listed(case.name for case in harmless)}. The doctor named all of the harmful at "
        f"all {seeds} seeds but {_listed(unseen)}, and of the harmless {_listed(also)}. "
        f"It accused {len(alarms)} of {runs} healthy runs."
    )


def _listed(names: Any) -> str:
    return ", ".join(names) or "none"


# tables and charts


def table(cases: Sequence[Case]) -> Table:
    """Lay out every fault: its end, the healthy end, the harm, who saw it."""
    return Table("What every fault does", HEADER, tuple(_row(case) for case in cases))


def _row(case: Case) -> tuple[str, ...]:
    fault = FAULTS[case.name]
    arm = control(fault)
    last = [run["curves"]["r1-zero"][-1] for run in case.runs]
    shown = [
        number(sum(row[name] for row in last) / len(last))
        for name in ("completion_tokens", "entropy", "kl")
    ]
    return (
        case.name,
        fault.seen,
        "" if arm == PLAIN else arm.removeprefix(PLAIN).strip(),
        text(over_seeds("", ends(case.runs), "%")),
        text(over_seeds("", ends(case.controls), "%")),
        text(case.loss),
        *shown,
        "yes" if case.harms else "not shown",
        "yes" if fault.caught else "no",
        f"{case.named} of {len(case.said)}",
    )


def evidence(cases: Sequence[Case]) -> Table:
    """Quote what the doctor said of the first seed of every fault."""
    rows = [
        (case.name, one["fault"], one["evidence"], one["mend"])
        for case in cases
        for one in case.said[0]
    ]
    header = ("planted", "named", "evidence", "mend")
    return Table("What the doctor says, first seed", header, tuple(rows))


def accused(alarms: Mapping[str, Sequence[Row]]) -> list[Table]:
    """Show every false alarm, if there was any."""
    rows = [(name, one["fault"], one["evidence"]) for name in alarms for one in alarms[name]]
    return [Table("False alarms", ("run", "named", "evidence"), tuple(rows))] if rows else []


def chart(group: str, name: str, cases: Sequence[Case]) -> Chart:
    """Draw a metric of the faults of a group by step, beside the healthy runs."""
    chosen = [case for case in cases if case.name in GROUPS[group]]
    lines = [_line("healthy", chosen[-1].controls, name)]
    lines += [_line(case.name, case.runs, name) for case in chosen]
    ended = "; ".join(f"{line.label} ends at {number(line.points[-1][1])}" for line in lines)
    return Chart(
        f"faults-{group.replace(', ', '-').replace(' ', '-')}-{name.replace('_', '-')}",
        f"{CURVES[name]}: faults of {group}",
        f"Mean over seeds, with bands. {ended}.",
        "step",
        CURVES[name],
        tuple(lines),
    )


def _line(label: str, runs: Sequence[Row], name: str) -> Line:
    return curve(
        label, [{r["step"]: r[name] for r in run["curves"]["r1-zero"]} for run in runs]
    )
