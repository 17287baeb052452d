"""Did the cold start suffice? Decided by intervals over seeds, and told in sentences.

A set suffices where it is no less than the largest one after reinforcement learning: the whole
interval of the difference lies above minus MARGIN, and that of the mixed answers below MARGIN.
"""

from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any

from minir1.claims.claim import Chart, Figure, Finding, Line, Results, Table
from minir1.claims.cold_start_arms import ARMS, LOOKS, MOST, SIZES
from minir1.claims.figures import above, below, curve, difference, number, over_seeds, text

MARGIN = 0.03
ENOUGH = 0.7  # the fixed accuracy that steps of RL are counted to
KEPT = [f"kept-{count}" for count in (*SIZES, MOST)]
CONDITION = "the base has the skill already: an under-trained one gains less from the same set"
PASS, MIXED, FORM = "pass_at_1", "mixed_language_rate", "format_rate"
NAMES = {PASS: "pass@1", MIXED: "answers that mix languages"}


class Measured:
    """The results of all arms, by arm, moment (dev1 before RL, dev2 after) and figure."""

    def __init__(self, results: Results, seeds: int):
        self.results, self.seeds = results, seeds

    def arm(self, name: str) -> list[Mapping[str, Any]]:
        """Return an arm's results, seed by seed."""
        return [self.results[f"cold-start/{name}/seed{s}"] for s in range(self.seeds)]

    def values(self, name: str, when: str, what: str = PASS) -> list[float]:
        """Return a figure of an arm, seed by seed."""
        found = [result[when][what] for result in self.arm(name)]
        return [one["value"] if isinstance(one, Mapping) else one for one in found]

    def figure(self, name: str, when: str, what: str = PASS) -> Figure:
        """Sum up a figure of an arm."""
        said = "after RL" if when == "dev2" else "before RL"
        told = f"{NAMES[what]} {said}: {ARMS[name].told}"
        return over_seeds(told, self.values(name, when, what), "%")

    def apart(self, name: str, other: str, when: str = "dev2", what: str = PASS) -> Figure:
        """Sum up by how much an arm passes another."""
        said = "after RL" if when == "dev2" else "before RL"
        told = f"{NAMES[what]} {said}: {ARMS[name].told}, less {ARMS[other].told}"
        pair = self.values(name, when, what), self.values(other, when, what)
        return difference(told, *pair, "%")

    def added(self, name: str, start: str) -> list[float]:
        """Return what fine-tuning added to the base's pass@1, seed by seed."""
        pairs = zip(self.values(name, "dev1"), self.values(start, "dev1"), strict=True)
        return [after - before for after, before in pairs]


def steps_to(rows: Sequence[Mapping[str, Any]], mark: float) -> int | None:
    """Return the first step whose look at validation problems reached a mark; else None."""
    looked = [row for row in rows if "validation_accuracy" in row]
    return next((row["step"] for row in looked if row["validation_accuracy"] >= mark), None)


def judge(results: Results, seeds: int) -> Finding:
    """Look for the smallest set that suffices, and ask whether the base must know the skill."""
    measured = Measured(results, seeds)
    enough = next((n for n in SIZES if _suffices(measured, f"kept-{n}")), None)
    pair = measured.added("weak-300", "weak-none"), measured.added("kept-300", "none")
    weak = difference("what 300 traces add: under-trained base less base", *pair, "%")
    conditional = enough is not None and below(weak)
    compared = {**_compared(measured), "weak": weak}
    told = [measured.figure(name, w) for name in ("none", *KEPT) for w in ("dev1", "dev2")]
    others = [name for name in ARMS if name not in ("none", *KEPT)]
    return Finding(
        verdict="does not hold here"
        if enough is None
        else "holds if"
        if conditional
        else "holds",
        condition=CONDITION if conditional else "",
        summary=_summary(measured, enough, compared),
        figures=(*told, *(measured.figure(n, "dev2", MIXED) for n in ("none", *KEPT))),
        controls=(*(measured.figure(n, "dev2") for n in others), *compared.values()),
        tables=(_table(measured),),
        charts=(_sizes_chart(measured), _steps_chart(measured)),
    )


def _suffices(measured: Measured, name: str) -> bool:
    """Say whether a set is no less than the largest, and better than none in anything."""
    most = f"kept-{MOST}"
    right = above(measured.apart(name, most), -MARGIN)
    readable = below(measured.apart(name, most, what=MIXED), MARGIN)
    helps = above(measured.apart(name, "none")) or below(
        measured.apart(name, "none", what=MIXED)
    )
    return right and readable and helps


def _compared(measured: Measured) -> dict[str, Figure]:
    """Sum up the differences that the summary speaks of."""
    against_300 = {n: f"{n}-300" for n in ("in-vain", "raw", "no-search")}
    return {
        "none": measured.apart("kept-300", "none"),
        "longer": measured.apart("kept-300", "none-longer"),
        "longer, mixed": measured.apart("kept-300", "none-longer", what=MIXED),
        **{
            f"{name}, {when}": measured.apart(arm, "kept-300", when)
            for name, arm in against_300.items()
            for when in ("dev1", "dev2")
        },
        "raw, mixed": measured.apart("raw-300", "kept-300", what=MIXED),
    }


def direction(figure: Figure) -> str:
    """Say what an interval of a difference says."""
    return "more" if above(figure) else "less" if below(figure) else "undecided"


def points(figure: Figure) -> str:
    """Write a difference of shares in points, with its interval and its direction."""
    low, value, high = (f"{100 * x:+.1f}" for x in (figure.low, figure.value, figure.high))
    interval = "" if isnan(figure.low) else f" ({low} to {high})"
    return f"{value} points{interval}, {direction(figure)}"


def _summary(measured: Measured, enough: int | None, compared: Mapping[str, Figure]) -> str:
    """Tell the finding in a few sentences, what goes the other way included."""
    most = measured.figure(f"kept-{MOST}", "dev2")
    if enough is None:
        first = f"No set of at most {SIZES[-1]} traces is surely both within "
        first += f"{100 * MARGIN:.0f} points of {MOST} ({text(most)}) and better than none."
    else:
        own = measured.figure(f"kept-{enough}", "dev2")
        first = f"{enough} traces are enough: pass@1 {text(own)} after {ARMS['none'].steps} "
        first += f"steps of RL, with {MOST} traces {text(most)}."
    return " ".join(
        (
            first,
            f"300 traces against none, after RL: pass@1 {points(compared['none'])}; against "
            f"none and RL for {ARMS['none-longer'].steps} steps: "
            f"{points(compared['longer'])}, mixed answers "
            f"{points(compared['longer, mixed'])}.",
            f"Searches that end in a wrong answer, against right ones: "
            f"{points(compared['in-vain, dev1'])} before RL, "
            f"{points(compared['in-vain, dev2'])} after; raw answers: "
            f"{points(compared['raw, dev2'])}, mixed answers "
            f"{points(compared['raw, mixed'])}; no search left: "
            f"{points(compared['no-search, dev2'])}.",
            f"What 300 traces add to an under-trained base, less what they add to the base: "
            f"{points(compared['weak'])}.",
        )
    )


def _table(measured: Measured) -> Table:
    """Lay out every arm: before and after RL, and how fast it gets to a fixed accuracy."""
    columns = [(w, what) for w in ("dev1", "dev2") for what in (PASS, MIXED, FORM)]
    names = ("pass@1", "mixed", "format")
    header = ("start", *(f"{n} {w} RL" for w in ("before", "after") for n in names))
    rows = []
    for name, arm in ARMS.items():
        told = [text(over_seeds("", measured.values(name, *c), "%")) for c in columns]
        found = [steps_to(result["curve"], ENOUGH) for result in measured.arm(name)]
        reached = ", ".join("not" if step is None else str(step) for step in found)
        rows.append((arm.told, *told, reached))
    last = f"step at which {ENOUGH:.0%} of the validation problems are right, seed by seed"
    title = f"Every way to start; looks at the validation problems every {LOOKS} steps"
    return Table(title, (*header, last), tuple(rows))


def _sizes_chart(measured: Measured) -> Chart:
    """Draw pass@1 against the number of traces."""
    sizes = {0: "none"} | {ARMS[name].traces: name for name in KEPT}

    def line(label: str, when: str) -> Line:
        found = {n: measured.values(name, when) for n, name in sizes.items()}
        seeds = range(measured.seeds)
        return curve(label, [{n: v[s] for n, v in found.items()} for s in seeds])

    ends = [number(measured.figure(sizes[n], "dev2").value, "%") for n in (0, MOST)]
    return Chart(
        "cold-start-sizes",
        "How many traces are enough?",
        f"After RL pass@1 is {ends[0]} without a cold start and {ends[1]} with {MOST} traces.",
        "traces",
        "pass@1",
        (line("before RL", "dev1"), line("after RL", "dev2")),
    )


def _steps_chart(measured: Measured) -> Chart:
    """Draw how the arms learn in reinforcement learning."""

    def line(name: str) -> Line:
        rows = [result["curve"] for result in measured.arm(name)]
        return curve(ARMS[name].told, [{r["step"]: r["accuracy"] for r in s} for s in rows])

    names = ("none", "kept-30", "kept-300", "in-vain-300", "raw-300")
    ends = [f"{ARMS[n].told} {number(line(n).points[-1][1], '%')}" for n in names]
    return Chart(
        "cold-start-steps",
        "What reinforcement learning adds",
        f"Accuracy on training problems at the last step: {', '.join(ends)}.",
        "step",
        "accuracy",
        tuple(map(line, names)),
    )
