"""Does pure reinforcement learning lift accuracy several-fold, and does a vote add to it?"""

from collections.abc import Mapping

import numpy as np

from minir1.claims.arms import zero, zero_arm, zeros
from minir1.claims.claim import Chart, Claim, Figure, Finding, Results, Table, Verdict
from minir1.claims.figures import above, difference, over_seeds, text
from minir1.claims.job import Job
from minir1.claims.measures import ACCURACY, Arm, arm, chart, finding, over_ks
from minir1.claims.often import often

SEVERAL = 3.0  # times: what "several-fold" asks for
VOTES = 16
LENIENT = "pass_at_1_lenient/value"
CONTROLS = ("random", "format")
# Problems by how often a single answer is right.
BINS = ((0.0, 0.1), (0.1, 0.3), (0.3, 0.5), (0.5, 0.8), (0.8, 1.0))


def jobs(seeds: int) -> list[Job]:
    """Return R1-Zero, its controls, and what very many answers say."""
    asked = [often(s, "base", None, "base", 1.0) for s in range(seeds)]
    asked += [often(s, "plain", zero("plain", s), "r1-zero") for s in range(seeds)]
    return [*zeros(("plain", *CONTROLS), seeds), *asked]


def judge(results: Results, seeds: int) -> Finding:
    """Decide by how many times pass@1 rose, and by what a vote of 16 added."""
    plain = zero_arm("plain", results, seeds)
    controls = {name: zero_arm(name, results, seeds) for name in CONTROLS}
    base, ours = (
        arm(name, results, [often(s, name, None, name) for s in range(seeds)])
        for name in ("base", "plain")
    )
    figures = {**lifts(plain), **votes(base, ours)}
    checks = gains(plain, controls)
    return finding(
        decide(figures, checks),
        summary(figures, checks),
        figures,
        checks,
        seeds,
        (by_chance("base", base), by_chance("R1-Zero", ours)),
        (vote_chart(base, ours), lift_chart(plain, controls)),
    )


def lifts(plain: Arm) -> dict[str, Figure]:
    """Say how right the base and R1-Zero are, strictly and leniently read."""
    return {
        "ratio": plain.ratio(
            "pass@1 of R1-Zero, times the base's", ACCURACY, "r1-zero", "base"
        ),
        "before": plain.figure("pass@1 of the base", "base", ACCURACY, "%"),
        "after": plain.figure("pass@1 of R1-Zero", "r1-zero", ACCURACY, "%"),
        "lenient": plain.ratio(
            "the same ratio, read leniently: any answer that solves it",
            LENIENT,
            "r1-zero",
            "base",
        ),
        "form": plain.figure("right format, base", "base", "format_rate", "%"),
        "formed": plain.figure("right format, R1-Zero", "r1-zero", "format_rate", "%"),
    }


def votes(base: Arm, ours: Arm) -> dict[str, Figure]:
    """Say what a majority of 16 adds to one answer, on problems asked 256 times."""
    k = str(VOTES)
    found = {}
    for name, told, asked in (("base", "the base", base), ("vote", "R1-Zero", ours)):
        voted, one = (
            [float(np.mean(run["maj_at_k"][n])) for run in asked.runs] for n in (k, "1")
        )
        found[name] = difference(f"a majority of {k} over one answer, {told}", voted, one, "%")
        found[f"{name} itself"] = over_seeds(f"majority of {k}, {told}", voted, "%")
    return found


def gains(plain: Arm, controls: Mapping[str, Arm]) -> dict[str, Figure]:
    """Say what the controls did to pass@1, strictly and leniently read."""
    told = {}
    for name, control in controls.items():
        label = control.label
        told[name] = control.gain(f"pass@1, {label}: gain", ACCURACY, "r1-zero", "base", "%")
        told[f"{name} form"] = control.figure(
            f"right format, {label}", "r1-zero", "format_rate", "%"
        )
    told["lenient base"] = plain.figure("pass@1 of the base, lenient", "base", LENIENT, "%")
    told["lenient"] = plain.figure("pass@1 of R1-Zero, lenient", "r1-zero", LENIENT, "%")
    return told


def decide(figures: Mapping[str, Figure], checks: Mapping[str, Figure]) -> tuple[Verdict, str]:
    """Say what the intervals say."""
    lifted = above(figures["ratio"], SEVERAL) and above(figures["vote"])
    if not lifted or any(above(checks[name]) for name in CONTROLS):
        return "does not hold here", ""
    if not above(figures["lenient"], SEVERAL):
        return "holds if", "learning the format counts as accuracy"
    return "holds", ""


def summary(figures: Mapping[str, Figure], checks: Mapping[str, Figure]) -> str:
    """Tell the figures in sentences."""
    told = {name: text(figure) for name, figure in {**checks, **figures}.items()}
    return (
        f"Without any fine-tuning, pass@1 goes from {told['before']} to {told['after']}: "
        f"{told['ratio']} the base's, and {told['lenient']} where any answer that solves the "
        f"problem counts; the format itself goes from {told['form']} to {told['formed']}. A "
        f"majority of {VOTES} adds {told['vote']} to R1-Zero and {told['base']} to the "
        f"base. By rewards that say nothing of the answer pass@1 changes by {told['random']} "
        f"(random) and {told['format']} (the format alone, which makes {told['format form']} "
        f"of the answers well-formed). The base was pretrained on traces that think: this is "
        f"no reasoning from nothing."
    )


def by_chance(label: str, asked: Arm) -> Table:
    """Lay out what a vote adds to problems that are right by so much chance."""
    rows = []
    for low, high in BINS:
        chances, gained = [], []
        for run in asked.runs:
            chance = np.array(run["right"]) / run["tries"]  # (P,)
            inside = (chance >= low) & (chance < high + (high == 1))
            chances.append(float(inside.sum()))
            gain = np.array(run["maj_at_k"][str(VOTES)]) - chance
            gained += gain[inside].tolist()
        mean = f"{100 * np.mean(gained):+.1f}" if gained else "–"
        rows.append((f"{low:.1f} to {high:.1f}", f"{np.mean(chances):.0f}", mean))
    header = ("chance of one answer", "problems", f"a majority of {VOTES} adds, points")
    return Table(
        f"What a vote adds, by how often one answer is right: {label}", header, tuple(rows)
    )


def vote_chart(base: Arm, ours: Arm) -> Chart:
    """Draw the share of problems that a majority of k solves."""
    lines = [
        over_ks(f"{name}, majority", asked, "maj_at_k") for name, asked in _both(base, ours)
    ]
    return chart(
        "votes",
        "A majority of k answers, on problems asked 256 times",
        "k",
        "problems right",
        lines,
    )


def _both(base: Arm, ours: Arm) -> list[tuple[str, Arm]]:
    return [("base", base), ("R1-Zero", ours)]


def lift_chart(plain: Arm, controls: Mapping[str, Arm]) -> Chart:
    """Draw the accuracy of training rollouts."""
    return chart(
        "lift",
        "Right answers while training, by reward",
        "step",
        "right answers, training problems",
        [one.curve("r1-zero", "accuracy") for one in (plain, *controls.values())],
    )


CLAIM = Claim(
    id="accuracy",
    letter="a",
    sentence="Pure reinforcement learning lifts accuracy several-fold without supervised "
    "fine-tuning, and a majority vote adds to it.",
    source="DeepSeek-R1 (arXiv 2501.12948v2), section 2.3: AIME 2024 from 15.6 to 77.9 %, "
    "86.7 % by majority",
    experiment="25 steps of GRPO from the base, with a reward for right answers and a tenth of "
    "it for the format. It holds if the interval of the ratio of pass@1 lies above 3, and that "
    "of what a majority of 16 adds above 0. It is refuted if not, or if a control gains too: a "
    "random reward, or the format alone. It holds only for who counts the format if the ratio "
    "falls to 3 where any answer that solves the problem counts, tags or not. Votes and "
    "chances are of 100 test problems asked 256 times.",
    jobs=jobs,
    judge=judge,
)
