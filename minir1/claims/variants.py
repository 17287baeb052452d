"""Do policy-gradient methods differ, where everything but the method is the same?

Which runs there are is in `variants_arms.py`, tables and charts in `variants_told.py`.
"""

from collections.abc import Mapping, Sequence

from minir1.claims.claim import Claim, Figure, Finding, Results, Verdict
from minir1.claims.figures import above, below, text
from minir1.claims.job import Job
from minir1.claims.measures import ACCURACY, MARGIN, Arm, apart, caution
from minir1.claims.variants_arms import METHODS, SETTINGS, STEPS, arm_of, runs
from minir1.claims.variants_told import charts, tables

DONE, OURS, OTHERS = "r1-zero", "grpo", tuple(name for name in METHODS if name != "grpo")
BATCH = {"reinforce", "reinforce++"}  # compare an answer with all of the batch
# Arms that differ in one thing: the average, the baseline, what is done off the sampler.
PAIRS = {
    "printed": OURS,
    "rloo": "reinforce",
    "printed-8": "grpo-8",
    "gspo-8": "printed-8",
    "rloo-8": "grpo-8",
}


def jobs(seeds: int) -> Sequence[Job]:
    """Return the runs of all methods, of DAPO's pieces, and of many updates a rollout."""
    return runs(seeds)


def judge(results: Results, seeds: int) -> Finding:
    """Say which methods part from GRPO, which are alike, and what the seeds leave open."""
    arms = {name: arm_of(name, results, seeds) for name in SETTINGS}
    differences = {name: against(arms, name, OURS) for name in OTHERS}
    controls = {name: against(arms, name, other) for name, other in PAIRS.items()}
    verdict, condition = decide(differences, controls)
    ours = arms[OURS].figure("pass@1, GRPO", DONE, ACCURACY, "%")
    return Finding(
        verdict,
        condition,
        summary(ours, differences, controls) + caution(seeds),
        (ours, *differences.values()),
        tuple(controls.values()),
        tables(arms, differences),
        charts(arms),
    )


def against(arms: Mapping[str, Arm], name: str, other: str) -> Figure:
    """By how much an arm's pass@1 passes another's, seed by seed."""
    what = f"pass@1, {arms[name].label} less {arms[other].label}"
    return apart(what, arms[name], arms[other], DONE, ACCURACY, "%")


def far(difference: Figure) -> bool:
    """Say whether a difference is surely more than MARGIN."""
    return above(difference, MARGIN) or below(difference, -MARGIN)


def alike(difference: Figure) -> bool:
    """Say whether a difference is surely less than MARGIN."""
    return above(difference, -MARGIN) and below(difference, MARGIN)


def decide(
    differences: Mapping[str, Figure], controls: Mapping[str, Figure]
) -> tuple[Verdict, str]:
    """Say what the intervals say: far ones first, then what only a control parts."""
    parted = {name for name, figure in differences.items() if far(figure)}
    if parted and parted <= BATCH and far(controls["rloo"]):
        return "holds if", "an answer is compared with others to the same question"
    if parted:
        return "does not hold here", ""
    if any(far(figure) for name, figure in controls.items() if name.endswith("-8")):
        return "holds if", "a rollout is used for few updates"
    if all(alike(figure) for figure in differences.values()):
        return "holds", ""
    return "holds if", "a difference that the seeds leave open counts as little"


def summary(
    ours: Figure, differences: Mapping[str, Figure], controls: Mapping[str, Figure]
) -> str:
    """Tell the figures in sentences."""

    def named(names: Sequence[str]) -> str:
        said = [f"{name} ({100 * differences[name].value:+.1f})" for name in names]
        return ", ".join(said) or "none"

    parted = [name for name, figure in differences.items() if far(figure)]
    close = [name for name, figure in differences.items() if alike(figure)]
    sure = [n for n, figure in differences.items() if above(figure) or below(figure)]
    left = [name for name in differences if name not in parted + close]
    pairs = "; ".join(f"{figure.what}: {text(figure)}" for figure in controls.values())
    return (
        f"GRPO reaches {text(ours)}. In points from it, surely more than "
        f"{100 * MARGIN:.0f}: {named(parted)}; surely less: {named(close)}; left open by these "
        f"seeds: {named(left)}. The interval leaves out zero for {named(sure)}; of "
        f"{len(differences)} intervals of 95 % nearly half a one does so by chance. Where one "
        f"thing alone differs, {pairs}. With two updates a rollout hardly a token reaches "
        f"GRPO's clip, so there the methods are REINFORCE but for the baseline and the weights."
    )


CLAIM = Claim(
    id="variants",
    letter="",
    sentence="The policy-gradient algorithms differ little: none of them is the key.",
    source="Yue et al. 2025 (Limit of RLVR, arXiv 2504.13837), section 4.3: six algorithms",
    experiment=(
        f"R1-Zero from the shipped base, {STEPS} steps, with each method: the same questions, "
        "learning rate, group size and two updates a rollout for all, tuned for GRPO; clip "
        "widths, averages and scales are each paper's own (GSPO 0.0003 and 0.0004, CISPO's cap "
        "of 5 from ScaleRL, DAPO 0.2 and 0.28). The optimiser divides by the size of the "
        "gradient, so that a constant factor between losses counts for nothing. Refuted by a "
        f"method whose pass@1 is surely more than {100 * MARGIN:.0f} points from GRPO's, the "
        "interval of the paired difference wholly beyond. Controls: pairs that differ in one "
        "thing alone, the average over tokens, the baseline, or the clip at eight updates a "
        "rollout, where most are off the sampler's policy. "
        "DAPO's pieces are added one by one to GRPO as DeepSeekMath prints it. PPO's critic "
        "is a linear one, fitted on each rollout."
    ),
    jobs=jobs,
    judge=judge,
)
