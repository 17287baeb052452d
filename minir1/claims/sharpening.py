"""Does RL only sharpen what the base can do, and does the base overtake with enough tries?"""

from collections.abc import Mapping, Sequence

import numpy as np

from minir1.claims.arms import zero
from minir1.claims.claim import Chart, Claim, Figure, Finding, Results, Table, Verdict
from minir1.claims.figures import above, below, difference, over_seeds, text
from minir1.claims.job import Job
from minir1.claims.measures import Arm, arm, chart, finding, over_ks, table_of
from minir1.claims.often import PASS, PROBLEMS, TRIES, often

HARD = 4  # problems with exactly one solution
TOO_HARD = "training is driven too hard: only then the base overtakes"
# What is asked very often: name -> label, and the arm of R1-Zero, None for the base.
ASKED = {
    "base": ("base", None),
    "plain": ("R1-Zero", "plain"),
    "hot": ("R1-Zero at three times the learning rate", "hot"),
}


def jobs(seeds: int) -> list[Job]:
    """Return the base and two R1-Zeros, asked every problem 256 times."""
    return [_asked(name, seed) for seed in range(seeds) for name in ASKED]


def _asked(name: str, seed: int) -> Job:
    _, trained = ASKED[name]
    if trained is None:
        return often(seed, name, None, name, 1.0)
    return often(seed, name, zero(trained, seed), "r1-zero")


def judge(results: Results, seeds: int) -> Finding:
    """Decide by what RL gains at one try and at 256, problem by problem."""
    asked = {
        name: arm(label, results, [_asked(name, seed) for seed in range(seeds)])
        for name, (label, _) in ASKED.items()
    }
    base, ours, hot = asked.values()
    figures, checks = {**gains(base, ours), **solved_sets(base, ours)}, driven(base, hot)
    overtakes = {one.label: crossing(base, one) for one in (ours, hot)}
    return finding(
        decide(figures, checks),
        summary(figures, checks, overtakes),
        figures,
        checks,
        seeds,
        (by_tries(base, ours, hot),),
        (tries_chart(list(asked.values())),),
    )


def means(one: Arm, k: int, hard: bool = False) -> list[float]:
    """Return pass@k at every seed, of all problems or of the hardest."""
    return [
        float(np.mean(np.array(run["pass_at_k"][str(k)])[_chosen(run, hard)]))
        for run in one.runs
    ]


def _chosen(run: Mapping[str, Sequence[int]], hard: bool) -> np.ndarray:
    difficulty = np.array(run["difficulty"])
    return difficulty == HARD if hard else difficulty > 0


def lead(base: Arm, ours: Arm, k: int, hard: bool = False) -> Figure:
    """Say by how much RL passes the base at k tries."""
    where = ", hardest problems" if hard else ""
    what = f"pass@{k}, {ours.label} less base{where}"
    return difference(what, means(ours, k, hard), means(base, k, hard), "%")


def gains(base: Arm, ours: Arm) -> dict[str, Figure]:
    """Say what RL gains at one try and at many."""
    return {
        "one": lead(base, ours, 1),
        "most": lead(base, ours, TRIES),
        "hard": lead(base, ours, TRIES, hard=True),
        "base one": over_seeds("pass@1, base", means(base, 1), "%"),
        "ours one": over_seeds(f"pass@1, {ours.label}", means(ours, 1), "%"),
        "base most": over_seeds(f"pass@{TRIES}, base", means(base, TRIES), "%"),
        "ours most": over_seeds(f"pass@{TRIES}, {ours.label}", means(ours, TRIES), "%"),
    }


def solved_sets(base: Arm, ours: Arm) -> dict[str, Figure]:
    """Say which problems one solves in 256 tries and the other does not."""
    new, lost = [], []
    for mine, theirs in zip(ours.runs, base.runs, strict=True):
        solved, before = np.array(mine["right"]) > 0, np.array(theirs["right"]) > 0
        new.append(float(np.mean(solved & ~before)))
        lost.append(float(np.mean(before & ~solved)))
    return {
        "new": over_seeds(f"problems solved in {TRIES} tries by R1-Zero alone", new, "%"),
        "lost": over_seeds(f"problems solved in {TRIES} tries by the base alone", lost, "%"),
    }


def driven(base: Arm, hot: Arm) -> dict[str, Figure]:
    """Say what RL gains where it is driven too hard."""
    return {"hot one": lead(base, hot, 1), "hot most": lead(base, hot, TRIES)}


def crossing(base: Arm, ours: Arm) -> int | None:
    """Return the fewest tries from which the base is surely ahead; None if it never is."""
    return next((k for k in PASS if below(lead(base, ours, k))), None)


def decide(figures: Mapping[str, Figure], checks: Mapping[str, Figure]) -> tuple[Verdict, str]:
    """Say what the intervals say."""
    if not above(figures["one"]) or above(figures["most"]) or above(figures["new"]):
        return "does not hold here", ""
    if below(figures["most"]):
        return "holds", ""
    return ("holds if", TOO_HARD) if below(checks["hot most"]) else ("does not hold here", "")


def summary(
    figures: Mapping[str, Figure],
    checks: Mapping[str, Figure],
    overtakes: Mapping[str, int | None],
) -> str:
    """Tell the figures in sentences."""
    told = {name: text(figure) for name, figure in {**figures, **checks}.items()}
    crossed = "; ".join(
        f"of {label} from {k} tries on" if k else f"of {label} nowhere up to {TRIES}"
        for label, k in overtakes.items()
    )
    return (
        f"At one try RL goes from {told['base one']} to {told['ours one']}, at {TRIES} from "
        f"{told['base most']} to {told['ours most']}, a difference of {told['most']} "
        f"({told['hard']} on the hardest problems). Solved by R1-Zero alone in {TRIES} tries: "
        f"{told['new']} of the problems, by the base alone: {told['lost']}. The base is surely "
        f"ahead {crossed}. With three times the learning rate RL gains {told['hot one']} at "
        f"one try, and {told['hot most']} at {TRIES}. A problem here has at most 27 attempts, "
        f"so a base that goes on trying finds nearly all of them: this world cannot show RL "
        f"that reaches what its base cannot."
    )


def by_tries(base: Arm, *others: Arm) -> Table:
    """Lay out pass@k, and what RL gains at k tries."""
    rows = {
        str(k): [over_seeds(one.label, means(one, k), "%") for one in (base, *others)]
        + [lead(base, one, k) for one in others]
        for k in PASS
    }
    heads = [one.label for one in (base, *others)] + [f"{one.label}: gain" for one in others]
    return table_of("pass@k by the number of tries", rows, heads)


def tries_chart(arms: Sequence[Arm]) -> Chart:
    """Draw pass@k over k."""
    return chart(
        "tries",
        "Problems solved by at least one of k answers, 100 test problems",
        "k",
        "pass@k",
        [over_ks(one.label, one, "pass_at_k") for one in arms],
    )


CLAIM = Claim(
    id="sharpening",
    letter="j",
    sentence="RL sharpens: it makes likely what the base could already do, and with enough "
    "tries the base overtakes.",
    source="Limit of RLVR (arXiv 2504.13837): pass@256 of the base above that of RL",
    experiment=f"{PROBLEMS} test problems are asked {TRIES} times each, of the base and after "
    "25 steps of R1-Zero; pass@k is the unbiased estimate. It holds if R1-Zero is surely ahead "
    "at one try and the base surely at 256. It is refuted if R1-Zero is surely ahead at 256, "
    "or surely solves problems that the base does not in 256 tries. Control: three times the "
    "learning rate; where the base overtakes that alone, the claim holds only for training "
    "that is driven too hard. Four times the rate was stopped by a run-time check.",
    jobs=jobs,
    judge=judge,
)
