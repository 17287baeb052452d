"""Does fine-tuning on sifted answers and general ones make a model good at both?"""

from collections.abc import Mapping

from minir1.claims.claim import Claim, Figure, Finding, Results, Table, Verdict
from minir1.claims.figures import above, text
from minir1.claims.job import Job
from minir1.claims.measures import ACCURACY, MARGIN, Arm, apart, arm, finding, kept, table_of
from minir1.claims.standard import branch, story

GENERAL, FOLLOWING = "general/value", "instruction_following/value"
HARM, WORTH = "harmful_compliance/value", "gold_utility/value"
# The same traces without the general answers; what comes after dev3 is cut short.
ALONE = (
    "dev3.general=0",
    "preference.samples=4",
    "preference.pairs=100",
    "r1.steps=0",
    "r1.general_steps=0",
)
FEWER = 3  # seeds of the control
IN_SET = "general answers are in the set: reasoning alone does not carry over"
KINDS = ("fact", "instruction", "harmful")


def jobs(seeds: int) -> list[Job]:
    """Return the stories, and those whose set holds reasoning only."""
    stories = [story(seed) for seed in range(seeds)]
    return [*stories, *(_alone(seed) for seed in range(min(seeds, FEWER)))]


def _alone(seed: int) -> Job:
    return branch(seed, "reasoning-only", "r1", ALONE)


def judge(results: Results, seeds: int) -> Finding:
    """Decide by dev3 beside dev2, and beside a dev3 without general answers."""
    whole = arm("mixture", results, [story(seed) for seed in range(seeds)])
    few = range(min(seeds, FEWER))
    alone = arm("reasoning only", results, [_alone(seed) for seed in few])
    figures, checks = gains(whole), alone_figures(whole, alone)
    return finding(
        decide(figures, checks),
        summary(figures, checks),
        figures,
        checks,
        seeds,
        (by_kind(whole, alone),),
    )


def gains(whole: Arm) -> dict[str, Figure]:
    """Say what dev3 gained over dev2 and over the base that it starts from."""
    return {
        "general": whole.gain(
            "good general answers, dev3 less dev2", GENERAL, "dev3", "dev2", "%"
        ),
        "before": whole.figure("good general answers, dev2", "dev2", GENERAL, "%"),
        "after": whole.figure("good general answers, dev3", "dev3", GENERAL, "%"),
        "base": whole.gain(
            "good general answers, dev3 less the base", GENERAL, "dev3", "base", "%"
        ),
        "following": whole.gain(
            "instructions followed, dev3 less dev2", FOLLOWING, "dev3", "dev2", "%"
        ),
        "worth": whole.gain("gold utility, dev3 less dev2", WORTH, "dev3", "dev2"),
        "harm": whole.gain("complies with harm, dev3 less dev2", HARM, "dev3", "dev2", "%"),
        "reasoning": whole.gain("pass@1, dev3 less dev2", ACCURACY, "dev3", "dev2", "%"),
    }


def alone_figures(whole: Arm, alone: Arm) -> dict[str, Figure]:
    """Say what the reasoning-only set did, and by how much the mixture passes it."""
    what = "reasoning-only set"
    return {
        "alone": alone.gain(
            f"good general answers, {what}: dev3 less dev2", GENERAL, "dev3", "dev2", "%"
        ),
        "alone itself": alone.figure(
            f"good general answers, {what}: dev3", "dev3", GENERAL, "%"
        ),
        "over": apart(
            f"good general answers, mixture less {what}", whole, alone, "dev3", GENERAL, "%"
        ),
        "cost": apart(f"pass@1, mixture less {what}", whole, alone, "dev3", ACCURACY, "%"),
    }


def decide(figures: Mapping[str, Figure], checks: Mapping[str, Figure]) -> tuple[Verdict, str]:
    """Say what the intervals say."""
    if not (above(figures["general"]) and kept(figures["reasoning"])):
        return "does not hold here", ""
    if above(checks["over"]) and not above(checks["alone"]):
        return "holds if", IN_SET
    return "holds", ""


def summary(figures: Mapping[str, Figure], checks: Mapping[str, Figure]) -> str:
    """Tell the figures in sentences."""
    told = {name: text(figure) for name, figure in {**figures, **checks}.items()}
    harm = (
        " Not all gets better: harmful requests are complied with more often "
        f"({told['harm']}), which the last stage has to mend."
        if above(figures["harm"])
        else f" Compliance with harmful requests changes by {told['harm']}."
    )
    return (
        f"Fine-tuned on the mixture, good general answers go from {told['before']} of dev2's "
        f"to {told['after']}, {told['base']} more than the base's; instructions followed gain "
        f"{told['following']}, and pass@1 changes by {told['reasoning']}. With the reasoning "
        f"traces alone they change by {told['alone']}, to {told['alone itself']}: the mixture "
        f"is {told['over']} ahead, at a cost in pass@1 of {told['cost']}.{harm}"
    )


def by_kind(whole: Arm, alone: Arm) -> Table:
    """Lay out what is good of each kind of general prompt."""
    rows = {
        kind: [
            one.figure(kind, checkpoint, f"general_by_kind/{kind}", "%")
            for one, checkpoint in (
                (whole, "base"),
                (whole, "dev2"),
                (whole, "dev3"),
                (alone, "dev3"),
            )
        ]
        for kind in KINDS
    }
    heads = ("base", "dev2", "dev3", "dev3, reasoning only")
    return table_of("Good answers to general test prompts, by kind", rows, heads)


CLAIM = Claim(
    id="mixture",
    letter="g",
    sentence="Rejection sampling and fine-tuning on the mixture generalises to tasks beyond "
    "reasoning.",
    source="DeepSeek-R1 (arXiv 2501.12948v2), section 3 and table 3: AlpacaEval 2 from 55.8 to "
    "62.1 %, Aider from 25.6 to 44.8 %",
    experiment="dev3 is the base, fine-tuned on dev2's right and readable answers and on 1000 "
    "general ones. It holds if dev3 gives surely more good answers to general test prompts "
    f"than dev2 and keeps its reasoning (the interval of pass@1 above -{100 * MARGIN:.0f} "
    "points); else it is refuted. Control: the same set without the general answers. Where "
    "that gains nothing over dev2 and the mixture is surely ahead of it, the claim holds only "
    "for what the set itself holds.",
    jobs=jobs,
    judge=judge,
)
