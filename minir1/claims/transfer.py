"""Do the methods reach another domain in which answers can be verified: programs?"""

from collections.abc import Mapping, Sequence

from minir1.claims.claim import Chart, Claim, Figure, Finding, Results, Table, Verdict
from minir1.claims.figures import above, curve, difference, over_seeds, text
from minir1.claims.measures import caution
from minir1.claims.transfer_arms import (
    BOTH,
    EXPOSURES,
    FEWER,
    MOST,
    NONE,
    PROGRAMS,
    PUZZLES,
    RANDOM,
    WITH_FEWER,
    Exposure,
    Training,
    jobs,
    measured,
    run,
)

LEAST = 0.05  # a gain in pass@1 that counts as learning
DOMAINS = ("programs", "puzzles")
ASKED = {
    PROGRAMS: "programs alone",
    PUZZLES: "puzzles alone",
    BOTH: "both in turn",
    RANDOM: "programs, paid at random",
}

Gains = Mapping[tuple[Training, Exposure], Figure]


def judge(results: Results, seeds: int) -> Finding:
    """Decide by what training on programs gains on programs, against the exposure."""
    few = min(seeds, FEWER)
    main = {(PROGRAMS, exposure): seeds for exposure in reversed(EXPOSURES)}
    arms = main | dict.fromkeys(WITH_FEWER, few)
    gains = {which: gained(results, *which, n) for which, n in arms.items()}
    beyond = beyond_luck(results, few)
    verdict, condition = decide(gains, beyond)
    joint = together(results, few)
    return Finding(
        verdict,
        condition,
        summary(results, arms, gains, beyond, joint) + caution(seeds),
        tuple(gains[which] for which in arms if which[0] is not RANDOM),
        (gains[RANDOM, MOST], beyond, *joint.values()),
        (final_table(results, arms), verdict_table(results)),
        (exposure_chart(results, arms), learning_chart(results, seeds)),
    )


def passed(
    results: Results, which: Training, exposure: Exposure, seeds: int, domain: str = "programs"
) -> list[float]:
    """Read pass@1 after a training, at every seed."""
    runs = [results[run(which, exposure, seed).name] for seed in range(seeds)]
    return [float(found[domain]["pass_at_1"]) for found in runs]


def before(results: Results, exposure: Exposure, domain: str = "programs") -> float:
    """Read pass@1 of the base of an exposure."""
    return float(results[measured(exposure).name][domain]["pass_at_1"])


def gained(results: Results, which: Training, exposure: Exposure, seeds: int) -> Figure:
    """Say by how much a training raised pass@1 on programs."""
    what = f"pass@1 on programs, gained by training on {ASKED[which]}, exposure {exposure.told}"
    base = before(results, exposure)
    return over_seeds(what, [p - base for p in passed(results, which, exposure, seeds)], "%")


def beyond_luck(results: Results, seeds: int) -> Figure:
    """Say by how much true rewards pass random ones."""
    true, chance = (passed(results, which, MOST, seeds) for which in (PROGRAMS, RANDOM))
    what = f"pass@1 on programs, true rewards less random ones, exposure {MOST.told}"
    return difference(what, true, chance, "%")


def together(results: Results, seeds: int) -> dict[str, Figure]:
    """Say what is lost or won by training on both kinds, half the questions each."""
    alone = {"programs": PROGRAMS, "puzzles": PUZZLES}
    return {
        domain: difference(
            f"pass@1 on {domain}, trained on both less {ASKED[alone[domain]]}, "
            f"exposure {MOST.told}",
            passed(results, BOTH, MOST, seeds, domain),
            passed(results, alone[domain], MOST, seeds, domain),
            "%",
        )
        for domain in DOMAINS
    }


def decide(gains: Gains, beyond: Figure) -> tuple[Verdict, str]:
    """Hold where programs are learnt from no exposure, or say how much it takes.

    Nothing holds if random rewards do as well.
    """
    learnt = [e for e in EXPOSURES if above(gains[PROGRAMS, e], LEAST)]
    if not learnt or not above(beyond):
        return "does not hold here", ""
    if NONE in learnt:
        return "holds", ""
    return "holds if", f"{learnt[0].told} of the pretraining documents are about the new domain"


def summary(
    results: Results,
    arms: Mapping[tuple[Training, Exposure], int],
    gains: Gains,
    beyond: Figure,
    joint: Mapping[str, Figure],
) -> str:
    """Tell the finding in a few sentences, made from the figures."""
    own = "; ".join(
        f"{e.told}: {before(results, e):.1%} before, gained {text(gains[PROGRAMS, e])}"
        for e in EXPOSURES
    )
    other = "; ".join(f"{e.told}: {text(gains[PUZZLES, e])}" for e in EXPOSURES)
    shown, answers = overfitted(results, arms)
    return (
        f"R1-Zero on programs, by the share of documents about programs: {own}. Training on "
        f"puzzles alone gains on programs: {other}. Trained on both, half the questions each, "
        f"a model has {text(joint['programs'])} more on programs than with programs alone, and "
        f"{text(joint['puzzles'])} more on puzzles than with puzzles alone. True rewards pass "
        f"random ones by {text(beyond)}. Of {answers} test answers after training, {shown} fit "
        "the examples that were shown and fail on a hidden one."
    )


def overfitted(
    results: Results, arms: Mapping[tuple[Training, Exposure], int]
) -> tuple[int, int]:
    """Count the answers that fit what was shown and not what was hidden, and all answers."""
    found = [
        results[run(*which, seed).name]["programs"]
        for which, seeds in arms.items()
        for seed in range(seeds)
    ]
    return sum(f["shown_not_hidden"] for f in found), sum(f["answers"] for f in found)


def final_table(results: Results, arms: Mapping[tuple[Training, Exposure], int]) -> Table:
    """Lay out pass@1 after each training, on both kinds of problem."""
    rows = []
    for exposure in EXPOSURES:
        base = [f"{before(results, exposure, domain):.1%}" for domain in DOMAINS]
        rows.append((exposure.told, "nothing (the base)", *base))
        for (which, where), seeds in arms.items():
            if where is exposure:
                told = [
                    text(over_seeds("", passed(results, which, exposure, seeds, domain), "%"))
                    for domain in DOMAINS
                ]
                rows.append((exposure.told, ASKED[which], *told))
    head = ("documents about programs", "trained on", "pass@1 on programs", "pass@1 on puzzles")
    return Table("pass@1 on test problems of both kinds", head, tuple(rows))


def verdict_table(results: Results) -> Table:
    """Lay out what the bases know of programs before any reinforcement learning."""
    rows = []
    for exposure in EXPOSURES:
        figures = results[measured(exposure).name]["programs"]
        said = [
            f"{figures['verdict'][place][name]:.2f}"
            for place in ("first_example", "second_example")
            for name in ("yes_given_hit", "yes_given_miss")
        ]
        rows.append((exposure.told, *said, f"{figures['pass_at_4']:.1%}"))
    places = [
        f"P(yes | {seen}), {place} example"
        for place in ("1st", "2nd")
        for seen in ("hit", "miss")
    ]
    head = ("documents about programs", *places, "pass@4")
    return Table("What the bases know of programs", head, tuple(rows))


def exposure_chart(results: Results, arms: Mapping[tuple[Training, Exposure], int]) -> Chart:
    """Draw pass@1 on programs over the exposures, by training."""
    lines = [curve("no training", [{i: before(results, e) for i, e in enumerate(EXPOSURES)}])]
    for which in (PROGRAMS, PUZZLES):
        seeds = min(arms[which, exposure] for exposure in EXPOSURES)
        by_arm = [passed(results, which, exposure, seeds) for exposure in EXPOSURES]
        by_seed = [
            {float(i): value for i, value in enumerate(values)}
            for values in zip(*by_arm, strict=True)
        ]
        lines.append(curve(ASKED[which], by_seed))
    places = ", ".join(f"{i} is {exposure.told}" for i, exposure in enumerate(EXPOSURES))
    return Chart(
        "transfer-exposure",
        "Programs: pass@1 against the exposure in the corpus",
        f"pass@1 on test programs of the bases and after training; on the x axis {places}.",
        f"share of documents about programs: {places}",
        "pass@1",
        tuple(lines),
    )


def learning_chart(results: Results, seeds: int) -> Chart:
    """Draw the accuracy on training programs over the steps, by exposure."""
    lines = [
        curve(f"{exposure.told} of the documents", _courses(results, exposure, seeds))
        for exposure in EXPOSURES
    ]
    return Chart(
        "transfer-learning",
        "R1-Zero on programs alone",
        "Accuracy on the programs of each step, a line for each exposure in the corpus.",
        "step",
        "accuracy",
        tuple(lines),
    )


def _courses(results: Results, exposure: Exposure, seeds: int) -> Sequence[dict[float, float]]:
    runs = [results[run(PROGRAMS, exposure, seed).name] for seed in range(seeds)]
    return [{row["step"]: row["accuracy"] for row in found["curve"]} for found in runs]


CLAIM = Claim(
    id="transfer",
    letter="k",
    sentence="The same methods reach other domains in which answers can be verified, such as "
    "programs.",
    source="DeepSeek-R1 (arXiv 2501.12948v2), sections 2.2 and 3.1: hidden tests pay for code; "
    "Interplay (2512.07783) for the exposure that transfer needs",
    experiment="Find a program for a stack machine that maps two examples, graded by running "
    "it on hidden ones. Bases are made alike from corpora of which 0, 0.1, 1 or 10 % of the "
    "documents are about programs. Each is given 25 steps of R1-Zero on programs alone, on "
    "puzzles alone (the other domain), from 1 % on also on both. Programs are learnt where "
    f"pass@1 on test problems gains more than {LEAST:.0%} by the whole interval over seeds. "
    "The claim holds if they are learnt from 0 %, holds if the corpus has so many documents "
    "where it takes those, and is refuted if they are not learnt even from 10 %, or if random "
    "rewards (control) do as well.",
    jobs=jobs,
    judge=judge,
)
