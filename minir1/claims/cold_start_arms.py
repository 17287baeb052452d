"""Which ways to start are compared? From no answers of R1-Zero to many, good and bad."""

from dataclasses import dataclass, replace
from typing import Any

from minir1.claims import standard
from minir1.claims.job import Job

RUNS = "minir1.claims.cold_start_runs"
QUESTIONS = 1500  # train problems that the teacher is asked
STEPS, LOOKS = 15, 3  # of reinforcement learning, and steps between looks at validation
WEAK = "400-steps"  # the base that was pretrained too little
SIZES, MOST = (30, 100, 300), 1000
EPOCHS = {0: 3, 30: 90, 100: 28, 300: 9, 1000: 3}  # so that all learn for about 190 updates


@dataclass(frozen=True)
class Arm:
    """A way to start: what kind of traces, how many, and which base reads them."""

    told: str
    traces: int = 0
    kind: str = "kept"
    weak: bool = False
    steps: int = STEPS


ARMS = {
    "none": Arm("no cold start"),
    "kept-30": Arm("30 traces", 30),
    "kept-100": Arm("100 traces", 100),
    "kept-300": Arm("300 traces", 300),
    "kept-1000": Arm("1000 traces", 1000),
    "in-vain-300": Arm("300 searches that end in a wrong answer", 300, "in-vain"),
    "raw-300": Arm("300 right answers as R1-Zero wrote them", 300, "raw"),
    "no-search-300": Arm("300 right answers without their search", 300, "no-search"),
    "none-longer": Arm("no cold start, RL for 40 steps", steps=40),
    "weak-none": Arm("under-trained base, no cold start", weak=True),
    "weak-300": Arm("under-trained base, 300 traces", 300, weak=True),
}


def jobs(seeds: int) -> list[Job]:
    """Return the jobs of every arm and seed."""
    return [_job(name, arm, seed) for seed in range(seeds) for name, arm in ARMS.items()]


def _job(name: str, arm: Arm, seed: int) -> Job:
    base = _weak_base() if arm.weak else None
    source = _answers(seed) if arm.traces else None
    settings = [
        "threads=1",
        f"dev1.epochs={EPOCHS[arm.traces]}",
        f"dev2.steps={arm.steps}",
        "evaluation.problems=125",
        "evaluation.samples=8",
        f"evaluation.every={LOOKS}",
        "evaluation.validation_problems=125",
    ]
    asked: dict[str, Any] = {"seed": seed, "settings": settings}
    asked["base"] = base.name if base else "base"
    if source:
        asked |= {"source": source.name, "kind": arm.kind, "traces": arm.traces}
    needs = tuple(job for job in (base, source) if job)
    minutes = 0.4 + 0.04 * arm.steps
    return Job(f"cold-start/{name}/seed{seed}", f"{RUNS}:arm", asked, needs, minutes)


def _weak_base() -> Job:
    return replace(standard.short_base(WEAK, ["pretrain.steps=400"]), minutes=2.5)


def _answers(seed: int) -> Job:
    teacher = standard.r1_zero(seed, "plain")
    asked = {"seed": seed, "teacher": teacher.name, "problems": QUESTIONS}
    name = f"cold-start/answers/seed{seed}"
    return Job(name, f"{RUNS}:answers", asked, (teacher,), minutes=0.3)
