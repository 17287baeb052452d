"""Which methods are compared, with which settings, and what does each run say?

All have the same base, questions, learning rate, steps and seeds; a method brings its paper's
own settings (`methods.py`) and nothing else is tuned for it. So that the study takes 40 minutes
on two cores, what is asked beside the methods has fewer seeds, and Lite PPO, which differs
from REINFORCE++ and Dr. GRPO by one factor each, is left to `--set grpo.objective=lite-ppo`.
"""

import math

from minir1.claims.claim import Results
from minir1.claims.job import Job
from minir1.claims.measures import Arm, arm
from minir1.claims.standard import r1_zero

STEPS = 20
FEWER = 3  # seeds at most of what is not a method
LOOKED = ("evaluation.every=4",)  # steps between looks at the validation problems
MANY = ("grpo.minibatches=8",)  # updates a rollout, instead of 2: most are off the sampler

METHODS: dict[str, tuple[str, ...]] = {
    "grpo": (),
    "dr-grpo": ("grpo.objective=dr-grpo",),
    "dapo": ("grpo.objective=dapo",),
    "gspo": ("grpo.objective=gspo",),
    "cispo": ("grpo.objective=cispo",),
    "rloo": ("grpo.objective=rloo",),
    "reinforce": ("grpo.objective=reinforce",),
    "reinforce++": ("grpo.objective=reinforce++",),
    "ppo": ("grpo.objective=ppo",),
}
# DAPO's pieces one by one, each on GRPO as DeepSeekMath prints it, then all of them.
PRINTED = ("grpo.average=sequence",)
PIECES: dict[str, tuple[str, ...]] = {
    "printed": PRINTED,
    "clip-higher": (*PRINTED, "grpo.clip_high=0.28"),
    "overlong-filter": (*PRINTED, "grpo.truncated=left-out"),
    "soft-overlong": (*PRINTED, "grpo.overlong=0.2"),
    "dynamic-sampling": (*PRINTED, "grpo.extra_draws=3"),
}
OFF_POLICY: dict[str, tuple[str, ...]] = {
    "grpo-8": MANY,
    "printed-8": (*PRINTED, *MANY),
    "gspo-8": (*METHODS["gspo"], *MANY),
    "rloo-8": (*METHODS["rloo"], *MANY),
}
LABELS = {
    "grpo": "GRPO, token average",
    "dr-grpo": "Dr. GRPO",
    "dapo": "DAPO",
    "gspo": "GSPO",
    "cispo": "CISPO",
    "rloo": "RLOO",
    "reinforce": "REINFORCE",
    "reinforce++": "REINFORCE++",
    "ppo": "PPO, linear critic",
    "printed": "GRPO as printed",
    "clip-higher": "+ clip higher",
    "overlong-filter": "+ overlong filter",
    "soft-overlong": "+ soft overlong charge",
    "dynamic-sampling": "+ dynamic sampling",
    "grpo-8": "GRPO, 8 updates a rollout",
    "printed-8": "GRPO as printed, 8 updates",
    "gspo-8": "GSPO, 8 updates",
    "rloo-8": "RLOO, 8 updates",
}
SETTINGS = {**METHODS, **PIECES, **OFF_POLICY}


def run(name: str, seed: int) -> Job:
    """Return the run of an arm at a seed."""
    return r1_zero(seed, f"variant-{name}", settings=(*LOOKED, *SETTINGS[name]), steps=STEPS)


def runs(seeds: int) -> list[Job]:
    """Return all runs, one seed after another."""
    return [run(name, seed) for seed in range(seeds) for name in SETTINGS if seed < _most(name)]


def arm_of(name: str, results: Results, seeds: int) -> Arm:
    """Collect the results of an arm."""
    asked = [run(name, seed) for seed in range(seeds) if seed < _most(name)]
    return arm(LABELS[name], results, asked)


def _most(name: str) -> float:
    return math.inf if name in METHODS else FEWER
