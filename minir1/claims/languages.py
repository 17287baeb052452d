"""Does R1-Zero mix languages, and is it less readable? And what makes it mix?"""

from collections.abc import Mapping

from minir1.claims.arms import LABELS, zero, zero_arm, zeros
from minir1.claims.claim import Chart, Claim, Figure, Finding, Results, Table, Verdict
from minir1.claims.figures import above, difference, number, over_seeds, text
from minir1.claims.job import Job
from minir1.claims.measures import Arm, arm, chart, finding
from minir1.claims.readability import readability

MIXED, CONSISTENT, THINKING = "mixed_language_rate", "language_consistency", "mixed_of_thinking"
ARMS = ("plain", "format", "no-reflection", "short-standard", "short-free-mixing")
LONGER = "long thoughts of the corpus mix more than short ones"
MOMENTS = ("base", "r1-zero")


def counting(name: str, seed: int) -> Job:
    """Return the job that reads the answers of an arm."""
    return readability(seed, name, zero(name, seed), MOMENTS)


def jobs(seeds: int) -> list[Job]:
    """Return R1-Zero, its controls, and what was counted in their answers."""
    return [
        *zeros(ARMS, seeds),
        *(counting(name, seed) for seed in range(seeds) for name in ARMS),
    ]


def judge(results: Results, seeds: int) -> Finding:
    """Decide by the growth of mixing, here and where long traces mix no more than short."""
    arms = {name: zero_arm(name, results, seeds) for name in ARMS}
    counts = {
        name: arm(LABELS[name], results, [counting(name, seed) for seed in range(seeds)])
        for name in ARMS
    }
    figures = {**mixing(arms["plain"], counts["plain"]), **reading(arms["plain"])}
    checks = controls(arms, counts)
    return finding(
        decide(figures, checks),
        summary(figures, checks),
        figures,
        checks,
        seeds,
        (seed_by_seed(arms),),
        (mixing_chart(arms),),
    )


def mixing(plain: Arm, counted: Arm) -> dict[str, Figure]:
    """Say how much the base and R1-Zero mix."""
    mixed, switched = "answers that mix languages", "switches of language"
    seen = plain.values("r1-zero", MIXED)
    per_100 = "switches_per_100_tokens"
    return {
        "growth": plain.gain(f"{mixed}: growth", MIXED, "r1-zero", "base", "%"),
        "before": plain.figure(f"{mixed}, base", "base", MIXED, "%"),
        "after": plain.figure(f"{mixed}, R1-Zero", "r1-zero", MIXED, "%"),
        "thinking before": counted.figure(
            f"{mixed}, of those that think, base", "base", THINKING, "%"
        ),
        "thinking after": counted.figure(
            f"{mixed}, of those that think, R1-Zero", "r1-zero", THINKING, "%"
        ),
        "fewest": over_seeds(f"{mixed}, R1-Zero, the seed with the fewest", [min(seen)], "%"),
        "most": over_seeds(f"{mixed}, R1-Zero, the seed with the most", [max(seen)], "%"),
        "switches before": counted.figure(f"{switched} an answer, base", "base", "switches"),
        "switches": counted.figure(f"{switched} an answer, R1-Zero", "r1-zero", "switches"),
        "rate before": counted.figure(f"{switched} per 100 tokens, base", "base", per_100),
        "rate": counted.figure(f"{switched} per 100 tokens, R1-Zero", "r1-zero", per_100),
    }


def reading(plain: Arm) -> dict[str, Figure]:
    """Say what else makes answers harder or easier to read."""
    repeats = "repeated_attempts_per_answer"
    asked = (
        ("consistency", "words in the language of the question: growth", CONSISTENT, "%"),
        ("repeats", "repeated attempts an answer: growth", repeats, ""),
        ("cut", "answers cut off: growth", "truncated", "%"),
        ("form", "right format: growth", "format_rate", "%"),
    )
    return {
        name: plain.gain(what, path, "r1-zero", "base", unit)
        for name, what, path, unit in asked
    }


def controls(arms: Mapping[str, Arm], counts: Mapping[str, Arm]) -> dict[str, Figure]:
    """Say how much the controls mix."""
    told = {
        name: one.gain(f"{one.label}: growth of mixing", MIXED, "r1-zero", "base", "%")
        for name, one in arms.items()
        if name != "plain"
    }
    usual, free = counts["short-standard"], counts["short-free-mixing"]
    for name, one in (("usual thinking", usual), ("free thinking", free)):
        what = f"{one.label}: growth among answers that think"
        told[name] = one.gain(what, THINKING, "r1-zero", "base", "%")
    told["apart"] = difference(
        "mixing of R1-Zero, usual corpus less that of mixing independent of length",
        arms["short-standard"].values("r1-zero", MIXED),
        arms["short-free-mixing"].values("r1-zero", MIXED),
        "%",
    )
    return told


def decide(figures: Mapping[str, Figure], checks: Mapping[str, Figure]) -> tuple[Verdict, str]:
    """Say what the intervals say."""
    if not above(figures["growth"]):
        return "does not hold here", ""
    if above(checks["apart"]) and not above(checks["free thinking"]):
        return "holds if", LONGER
    return "holds", ""


def summary(figures: Mapping[str, Figure], checks: Mapping[str, Figure]) -> str:
    """Tell the figures in sentences."""
    told = {name: text(figure) for name, figure in {**figures, **checks}.items()}
    return (
        f"Answers that mix languages go from {told['before']} to {told['after']}, among those "
        f"that think from {told['thinking before']} to {told['thinking after']}; from "
        f"{told['switches before']} switches of language an answer to {told['switches']}, per "
        f"100 tokens from {told['rate before']} to {told['rate']}. Words in the language of "
        f"the question change by {told['consistency']}, repeated attempts by "
        f"{told['repeats']}, answers cut off by {told['cut']}; the right format, which is paid "
        f"for, by {told['form']}, so not everything is less readable. The size of a single "
        f"run's mixing is luck: the seeds span {told['fewest']} to {told['most']}. "
        f"{by_itself(checks)}: with the format alone by {told['format']}, from a base that "
        f"cannot try twice by {told['no-reflection']}. From a short base of the usual corpus "
        f"mixing among answers that think grows by {told['usual thinking']}, from one whose "
        f"mixing has nothing to do with length by {told['free thinking']}; the two R1-Zeros "
        f"are {told['apart']} apart."
    )


def by_itself(checks: Mapping[str, Figure]) -> str:
    """Say whether mixing grows where answers stay short."""
    drifts = above(checks["format"]) or above(checks["no-reflection"])
    grows = "grows too" if drifts else "does not surely grow"
    return f"Where answers stay short mixing {grows}"


def seed_by_seed(arms: Mapping[str, Arm]) -> Table:
    """Lay out the mixing of every seed: one run is no evidence."""
    most = max(len(one.runs) for one in arms.values())
    rows = [
        (one.label, *(number(value, "%") for value in one.values("r1-zero", MIXED)))
        for one in arms.values()
    ]
    header = ("", *(f"seed {seed}" for seed in range(most)))
    return Table("Answers that mix languages after R1-Zero, seed by seed", header, tuple(rows))


def mixing_chart(arms: Mapping[str, Arm]) -> Chart:
    """Draw the mixing of rollouts over the steps."""
    return chart(
        "mixing",
        "Rollouts that mix languages while training",
        "step",
        "answers that mix",
        [one.curve("r1-zero", MIXED) for one in arms.values()],
    )


CLAIM = Claim(
    id="languages",
    letter="d",
    sentence="R1-Zero mixes languages and is less readable.",
    source="DeepSeek-R1 (arXiv 2501.12948v2), sections 2.3, 3 and B.6",
    experiment="Answers with a word that is not of the question's language, before and after "
    "25 steps of R1-Zero; it is refuted if the interval of their growth does not lie above 0. "
    "Also counted: switches of language, words in the question's language, repeated attempts, "
    "answers cut off, the right format. Controls, where answers stay short: the format-only "
    "reward, and a base without second attempts; and a short base of a corpus whose long "
    "traces mix no more often than its short ones, beside a short base of the usual corpus. "
    "The claim holds only where long thoughts mix more if R1-Zero from the first mixes surely "
    "less than from the second, and not surely more than its own base among answers that "
    "think.",
    jobs=jobs,
    judge=judge,
)
