"""Which broken and which healthy runs are compared, and who makes them?

A fault is compared with healthy runs that have the same settings and seeds. All runs are
examined in one job: the doctor sees their folders, and is not told which is which.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minir1.claims import standard
from minir1.claims.job import Job
from minir1.claims.standard import MEASURED, can_go_on, r1_zero, read_run
from minir1.faults.catalogue import FAULTS
from minir1.faults.fault import Fault

STEPS = 25
MOST_SEEDS = 3  # of a fault
PLAIN = "plain"
EXAMINED = "faults/examined"
ITSELF = "learning-rate-high"  # the setting is the fault: it is compared with a plain run


def control(fault: Fault) -> str:
    """Name the arm of healthy runs that a fault is compared with, after its settings."""
    if not fault.settings or fault.name == ITSELF:
        return PLAIN
    return "plain " + " ".join(setting.partition(".")[2] for setting in fault.settings)


def controls() -> dict[str, tuple[str, ...]]:
    """Return the settings of every healthy arm."""
    arms = {control(fault): fault.settings for fault in FAULTS.values()}
    return {**arms, PLAIN: ()}


def healthy(arm: str, seed: int) -> Job:
    """Return the job of a run without a fault."""
    return r1_zero(seed, arm.replace(" ", "-"), settings=controls()[arm], steps=STEPS)


def broken(name: str, seed: int) -> Job:
    """Return the job of a run with a fault."""
    asked = {"fault": name, "seed": seed, "settings": [f"grpo.steps={STEPS}", *MEASURED]}
    return Job(f"fault/{name}/seed{seed}", f"{__name__}:train", asked, minutes=1.3)


def healthy_runs(seeds: int) -> list[Job]:
    """List the runs without a fault: plain ones at every seed, the others at three at most."""
    few = range(min(seeds, MOST_SEEDS))
    tuned = [healthy(arm, seed) for arm in controls() if arm != PLAIN for seed in few]
    return [healthy(PLAIN, seed) for seed in range(seeds)] + tuned


def runs(seeds: int) -> list[Job]:
    """List all runs."""
    few = range(min(seeds, MOST_SEEDS))
    return healthy_runs(seeds) + [broken(name, seed) for seed in few for name in FAULTS]


def jobs(seeds: int) -> Sequence[Job]:
    """List the runs, and the examination of them all."""
    made = runs(seeds)
    return [*made, Job(EXAMINED, f"{__name__}:examined", {}, tuple(made), minutes=0.2)]


# what the jobs do


def train(
    folder: Path, needs: dict[str, Path], fault: str, seed: int, settings: standard.Settings
) -> dict[str, Any]:
    """Train as `minir1 train --tiny --recipe r1-zero --inject` does, or go on."""
    from minir1 import commands

    going_on = can_go_on(folder)
    commands.train(
        "r1-zero",
        seed,
        "base",
        str(folder),
        "numpy",
        going_on,
        [*settings, "threads=1"],
        True,
        inject=None if going_on else fault,
    )
    return read_run(folder)


def examined(folder: Path, needs: dict[str, Path]) -> dict[str, Any]:
    """Ask the doctor about every run; return what it found, by the name of the job."""
    from minir1.doctor import examine

    return {
        name: [
            {"fault": found.fault, "evidence": found.evidence, "mend": found.mend}
            for found in examine(run).findings
        ]
        for name, run in needs.items()
    }
