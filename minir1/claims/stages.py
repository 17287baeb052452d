"""Do R1's four stages mend what R1-Zero lacks, and does the reasoning stay?"""

from collections.abc import Mapping

from minir1.claims.claim import Chart, Claim, Figure, Finding, Results, Table, Verdict
from minir1.claims.figures import above, below, text
from minir1.claims.job import Job
from minir1.claims.measures import (
    ACCURACY,
    MARGIN,
    Arm,
    apart,
    arm,
    chart,
    finding,
    kept,
    over_places,
    table_of,
)
from minir1.claims.readability import readability
from minir1.claims.standard import branch, story

STAGES = ("base", "r1-zero", "dev1", "dev2", "dev3", "r1")
READ = ("base", "r1-zero", "r1")  # where switches of language are counted
MIXED, CONSISTENT, FORM = "mixed_language_rate", "language_consistency", "format_rate"
UNPAID = ("dev2.language=0", "r1.language=0")
FEWER = 3  # seeds of the control
# What the table of the stages shows: title -> where it is, and its unit.
ROWS = {
    "pass@1": (ACCURACY, "%"),
    "majority of 16": ("maj_at_16/value", "%"),
    "right format": (FORM, "%"),
    "words in the question's language": (CONSISTENT, "%"),
    "answers that mix languages": (MIXED, "%"),
    "repeated attempts an answer": ("repeated_attempts_per_answer", ""),
    "answers cut off": ("truncated", "%"),
    "good general answers": ("general/value", "%"),
    "instructions followed": ("instruction_following/value", "%"),
    "win-rate against the web's answers": ("preference/value", "%"),
}


def jobs(seeds: int) -> list[Job]:
    """Return the stories, what was counted in them, and those without a language reward."""
    told = [job for seed in range(seeds) for job in (story(seed), _counting(seed))]
    return [*told, *(_unpaid(seed) for seed in range(min(seeds, FEWER)))]


def _counting(seed: int) -> Job:
    return readability(seed, "story", story(seed), READ)


def _unpaid(seed: int) -> Job:
    return branch(seed, "no-language", "r1", UNPAID)


def judge(results: Results, seeds: int) -> Finding:
    """Decide by R1 beside R1-Zero: language, format and accuracy."""
    whole = arm("R1", results, [story(seed) for seed in range(seeds)])
    few = range(min(seeds, FEWER))
    unpaid = arm("R1 without a language reward", results, [_unpaid(seed) for seed in few])
    counted = arm("R1", results, [_counting(seed) for seed in range(seeds)])
    figures = {**mended(whole), **read_easily(counted)}
    checks = unpaid_figures(whole, unpaid)
    return finding(
        decide(figures, checks),
        summary(figures, checks),
        figures,
        checks,
        seeds,
        (by_stage(whole),),
        (stage_chart(whole),),
    )


def mended(whole: Arm) -> dict[str, Figure]:
    """Say by how much R1 passes R1-Zero, and what the stages between did."""
    return {
        "mixed": whole.gain(
            "answers that mix languages, R1 less R1-Zero", MIXED, "r1", "r1-zero", "%"
        ),
        "mixes": whole.figure("answers that mix languages, R1", "r1", MIXED, "%"),
        "mixed before": whole.figure(
            "answers that mix languages, R1-Zero", "r1-zero", MIXED, "%"
        ),
        "form": whole.gain("right format, R1 less R1-Zero", FORM, "r1", "r1-zero", "%"),
        "reasoning": whole.gain("pass@1, R1 less R1-Zero", ACCURACY, "r1", "r1-zero", "%"),
        "zero": whole.figure("pass@1, R1-Zero", "r1-zero", ACCURACY, "%"),
        "r1": whole.figure("pass@1, R1", "r1", ACCURACY, "%"),
        "dip": whole.gain("pass@1, dev1 less R1-Zero", ACCURACY, "dev1", "r1-zero", "%"),
        "general": whole.gain(
            "good general answers, R1 less R1-Zero", "general/value", "r1", "r1-zero", "%"
        ),
    }


def read_easily(counted: Arm) -> dict[str, Figure]:
    """Say how often R1-Zero and R1 switch the language."""
    what = "switches of language an answer"
    names = {"base": "base", "r1-zero": "R1-Zero", "r1": "R1"}
    return {
        f"switches {name}": counted.figure(f"{what}, {told}", name, "switches")
        for name, told in names.items()
    }


def unpaid_figures(whole: Arm, unpaid: Arm) -> dict[str, Figure]:
    """Say what the language reward is good for: R1 without it, less R1."""
    what = "without a language reward, less R1"
    return {
        "unpaid mixed": apart(
            f"answers that mix languages, {what}", unpaid, whole, "r1", MIXED, "%"
        ),
        "unpaid dev2": apart(
            f"the same after the first RL stage, {what}", unpaid, whole, "dev2", MIXED, "%"
        ),
        "unpaid reasoning": apart(f"pass@1, {what}", unpaid, whole, "r1", ACCURACY, "%"),
    }


def decide(figures: Mapping[str, Figure], checks: Mapping[str, Figure]) -> tuple[Verdict, str]:
    """Say what the intervals say."""
    better = below(figures["mixed"]) and above(figures["form"])
    if not (better and kept(figures["reasoning"])):
        return "does not hold here", ""
    if above(checks["unpaid mixed"], MARGIN):
        return "holds if", "the language is rewarded"
    return "holds", ""


def summary(figures: Mapping[str, Figure], checks: Mapping[str, Figure]) -> str:
    """Tell the figures in sentences."""
    told = {name: text(figure) for name, figure in {**figures, **checks}.items()}
    return (
        f"Answers that mix languages go from {told['mixed before']} of R1-Zero's to "
        f"{told['mixes']} of R1's, switches of language from {told['switches r1-zero']} an "
        f"answer to {told['switches r1']}; the right format gains {told['form']}, good "
        f"general answers {told['general']}. {beside(figures['reasoning'])}: {told['r1']} "
        f"beside {told['zero']}, a difference of {told['reasoning']}; the cold start alone "
        f"changes it by {told['dip']}. Without the language reward answers that mix differ by "
        f"{told['unpaid mixed']} in the end, and pass@1 by {told['unpaid reasoning']}."
    )


def beside(reasoning: Figure) -> str:
    """Say how R1's accuracy compares with R1-Zero's."""
    if above(reasoning):
        return "R1 passes R1-Zero in accuracy"
    if below(reasoning):
        return "R1 is surely less accurate than R1-Zero"
    return "R1 does not surely pass R1-Zero in accuracy"


def by_stage(whole: Arm) -> Table:
    """Lay out the stages."""
    rows = {
        title: [whole.figure(title, stage, path, unit) for stage in STAGES]
        for title, (path, unit) in ROWS.items()
    }
    return table_of("Every checkpoint on test problems and general test prompts", rows, STAGES)


def stage_chart(whole: Arm) -> Chart:
    """Draw accuracy, mixing and general answers over the stages."""
    asked = ("pass@1", "right format", "answers that mix languages", "good general answers")
    lines = []
    for title in asked:
        found = [whole.figure(title, stage, ROWS[title][0]) for stage in STAGES]
        lines.append(over_places(title, [float(i) for i in range(len(found))], found))
    return chart(
        "stages",
        "From the base to R1",
        "0 base, 1 r1-zero, 2 dev1, 3 dev2, 4 dev3, 5 r1",
        "share",
        lines,
    )


CLAIM = Claim(
    id="stages",
    letter="e",
    sentence="R1's four stages mend R1-Zero's readability and keep its reasoning.",
    source="DeepSeek-R1 (arXiv 2501.12948v2), section 3, tables 3 and B.6",
    experiment="The whole story from the base: R1-Zero, and dev1, dev2, dev3 and r1 after it. "
    "It holds if R1 mixes languages surely less than R1-Zero, has surely more answers in the "
    "right format, and keeps its reasoning: the whole interval of the difference in pass@1 "
    f"above -{100 * MARGIN:.0f} points (the paper's R1 is 4.3 points below R1-Zero on GPQA). "
    "Control: the same stages without the language reward; where they mix surely more, by "
    f"over {100 * MARGIN:.0f} points, the claim holds only with that reward.",
    jobs=jobs,
    judge=judge,
)
