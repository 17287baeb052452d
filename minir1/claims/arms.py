"""Which short runs of R1-Zero do the claims about it rest on, and which are their controls?

All have 25 steps and the same questions; an arm differs from the plain one in what its name
says. Named here only, so that claims which need the same runs share them.
"""

from dataclasses import replace

from minir1.claims.claim import Results
from minir1.claims.job import Job
from minir1.claims.measures import Arm, arm
from minir1.claims.standard import r1_zero, short_base

# Each reward, loss or base of R1-Zero that is compared with the plain one.
SETTINGS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "random": ("reward.kind=random",),
    "format": ("reward.kind=format",),
    "constant": ("grpo.average=constant", "grpo.scale=none"),
    "hot": ("grpo.learning_rate=0.0015",),
}
LABELS = {
    "plain": "R1-Zero",
    "random": "random reward",
    "format": "format-only reward",
    "constant": "loss without length bias",
    "hot": "three times the learning rate",
    "no-reflection": "base without second attempts",
    "short-standard": "short base, usual corpus",
    "short-free-mixing": "short base, mixing independent of length",
}
CORPORA: dict[str, tuple[str, ...]] = {
    "standard": (),
    "free-mixing": ("corpus.mixing_long=0.15",),  # as often as in short traces
}

LONG_STUDENT = 180  # steps of RL of the small base: about the arithmetic of teacher and student


def long_student(seed: int) -> Job:
    """Reinforce the small base for far longer, measured as the stories are."""
    measured = ("evaluation.problems=500", "evaluation.samples=16")
    job = r1_zero(seed, "small-long", "small-base", measured, LONG_STUDENT)
    return replace(job, minutes=5.0)  # a small model's steps are short


def zero(name: str, seed: int) -> Job:
    """Return the run of an arm at a seed."""
    if name == "no-reflection":
        return r1_zero(seed, name, base="base-no-reflection")
    corpus = name.removeprefix("short-")
    if corpus in CORPORA:
        base = short_base(corpus, CORPORA[corpus])
        return r1_zero(seed, name, base=base.name, needs=(base,))
    return r1_zero(seed, name, settings=SETTINGS[name])


def zeros(names: tuple[str, ...], seeds: int) -> list[Job]:
    """Return the runs of some arms, one seed after another."""
    return [zero(name, seed) for seed in range(seeds) for name in names]


def zero_arm(name: str, results: Results, seeds: int) -> Arm:
    """Collect the results of an arm."""
    return arm(LABELS[name], results, [zero(name, seed) for seed in range(seeds)])
