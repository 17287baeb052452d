"""Does a small model learn more from a large one's answers than from RL of its own?"""

from collections.abc import Mapping

from minir1.claims.arms import LONG_STUDENT, long_student
from minir1.claims.claim import Chart, Claim, Figure, Finding, Results, Table, Verdict
from minir1.claims.figures import above, difference, over_seeds, text
from minir1.claims.job import Job
from minir1.claims.measures import ACCURACY, Arm, arm, chart, finding, over_places, table_of
from minir1.claims.standard import story

TEACHER = ("r1-zero", "dev1", "dev2")  # the stages that make the teacher
FEWER = 3  # seeds of the control
STUDENTS = ("small-base", "small-rl", "distilled", "distilled-rl")
FREE = (
    "the teacher is there already: with its arithmetic too, RL of the student's own is as good"
)
ROWS = {
    "pass@1": (ACCURACY, "%"),
    "majority of 16": ("maj_at_16/value", "%"),
    "right format": ("format_rate", "%"),
    "answers that mix languages": ("mixed_language_rate", "%"),
    "good general answers": ("general/value", "%"),
}


def jobs(seeds: int) -> list[Job]:
    """Return the stories, and students that reinforce themselves for far longer."""
    stories = [story(seed) for seed in range(seeds)]
    return [*stories, *(long_student(seed) for seed in range(min(seeds, FEWER)))]


def judge(results: Results, seeds: int) -> Finding:
    """Decide by the distilled student beside the one that reinforced itself."""
    whole = arm("student", results, [story(seed) for seed in range(seeds)])
    few = range(min(seeds, FEWER))
    long = arm("RL with the teacher's arithmetic", results, [long_student(s) for s in few])
    figures, checks = {**lifts(whole), **costs(whole)}, longer(whole, long)
    return finding(
        decide(figures, checks),
        summary(figures, checks),
        figures,
        checks,
        seeds,
        (by_student(whole),),
        (tries_chart(whole),),
    )


def lifts(whole: Arm) -> dict[str, Figure]:
    """Say how the student did each way."""
    told = {
        "ahead": whole.gain(
            "pass@1, distilled less RL at equal arithmetic",
            ACCURACY,
            "distilled",
            "small-rl",
            "%",
        )
    }
    for name in STUDENTS:
        told[name] = whole.figure(f"pass@1, {name}", name, ACCURACY, "%")
    path = "pass_at_k/16"
    told["ahead at 16"] = whole.gain(
        "pass@16, distilled less RL", path, "distilled", "small-rl", "%"
    )
    told["after"] = whole.gain(
        "pass@1, RL after distillation less distilled",
        ACCURACY,
        "distilled-rl",
        "distilled",
        "%",
    )
    told["teacher"] = whole.gain(
        "pass@1, dev2 (which wrote the set) less distilled", ACCURACY, "dev2", "distilled", "%"
    )
    return told


def costs(whole: Arm) -> dict[str, Figure]:
    """Say what each way cost, in the arithmetic of distillation."""
    spent = [run["compute"] for run in whole.runs]
    own = [one["small-rl"] / one["distilled"] for one in spent]
    taught = [sum(one[stage] for stage in TEACHER) / one["distilled"] for one in spent]
    return {
        "match": over_seeds("arithmetic of the student's RL, of distillation's", own, "×"),
        "making": over_seeds(
            "arithmetic of the teacher's making, of distillation's", taught, "×"
        ),
    }


def longer(whole: Arm, long: Arm) -> dict[str, Figure]:
    """Say how the student does by RL alone, with the teacher's arithmetic too."""
    shared = whole.first(len(long.runs))
    mine = long.values("r1-zero", ACCURACY)
    spent = [
        run["compute"]["r1-zero"] / story["compute"]["distilled"]
        for run, story in zip(long.runs, shared.runs, strict=True)
    ]
    theirs = shared.values("distilled", ACCURACY)
    what = "pass@1, distilled less RL with the teacher's arithmetic"
    return {
        "long": over_seeds("pass@1, RL with the teacher's arithmetic", mine, "%"),
        "long ahead": difference(what, theirs, mine, "%"),
        "spent": over_seeds("arithmetic of that RL, of distillation's", spent, "×"),
    }


def decide(figures: Mapping[str, Figure], checks: Mapping[str, Figure]) -> tuple[Verdict, str]:
    """Say what the intervals say."""
    if not above(figures["ahead"]):
        return "does not hold here", ""
    return ("holds", "") if above(checks["long ahead"]) else ("holds if", FREE)


def summary(figures: Mapping[str, Figure], checks: Mapping[str, Figure]) -> str:
    """Tell the figures in sentences."""
    told = {name: text(figure) for name, figure in {**figures, **checks}.items()}
    after = (
        "RL after distillation adds to it"
        if above(figures["after"])
        else "RL after distillation does not surely add to it"
    )
    return (
        f"From the same small base ({told['small-base']}) distillation reaches "
        f"{told['distilled']}, RL with as much arithmetic ({told['match']}) "
        f"{told['small-rl']}: {told['ahead']} between them, {told['ahead at 16']} at 16 tries. "
        f"{after}: {told['after']}. The student stays {told['teacher']} below the teacher that "
        f"wrote its set. Making that teacher took {told['making']} the arithmetic of "
        f"distillation, which is not in the match: RL of the student's own with "
        f"{told['spent']} reaches {told['long']}, distillation less that is "
        f"{told['long ahead']}."
    )


def by_student(whole: Arm) -> Table:
    """Lay out the student, each way."""
    rows = {
        title: [whole.figure(title, name, path, unit) for name in STUDENTS]
        for title, (path, unit) in ROWS.items()
    }
    return table_of("The student, a quarter of the size", rows, STUDENTS)


def tries_chart(whole: Arm) -> Chart:
    """Draw pass@k of the students."""
    lines = []
    for name in STUDENTS:
        ks = sorted(map(int, whole.runs[0]["checkpoints"][name]["pass_at_k"]))
        found = [whole.figure(name, name, f"pass_at_k/{k}") for k in ks]
        lines.append(over_places(name, [float(k) for k in ks], found))
    return chart(
        "tries",
        "Problems solved by at least one of k answers",
        "k",
        "pass@k",
        lines,
    )


CLAIM = Claim(
    id="distillation",
    letter="i",
    sentence="For small models distillation beats reinforcement learning.",
    source="DeepSeek-R1 (arXiv 2501.12948v2), section F.1: 72.6 against 47.0 % on AIME 2024 "
    "from one base of 32B; DeepScaleR for RL after distillation",
    experiment="A base of a quarter of the size is fine-tuned on the set that made dev3, or "
    "reinforced until it has used as much arithmetic. It holds if distillation is surely ahead "
    "in pass@1; else it is refuted. Control: RL of the student's own for "
    f"{LONG_STUDENT} steps, about the arithmetic that the teacher's making took besides. Where "
    "distillation is not surely ahead of that, the claim holds only for who has a teacher "
    "already.",
    jobs=jobs,
    judge=judge,
)
