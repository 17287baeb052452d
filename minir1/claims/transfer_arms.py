"""Which corpora, which training and which controls tell whether the methods reach programs?"""

from dataclasses import dataclass

from minir1.claims.job import Job
from minir1.claims.standard import short_base

RUNS = "minir1.claims.transfer_runs"
STEPS = 25
FEWER = 3  # seeds of what the verdict does not rest on
MEASURED = ("evaluation.problems=150", "evaluation.samples=4", "evaluation.every=0")


@dataclass(frozen=True)
class Exposure:
    """A corpus with so many documents about programs, and the name of its base."""

    share: float
    base: str

    @property
    def settings(self) -> tuple[str, ...]:
        """Return the settings that make the corpus."""
        return (f"corpus.programs={self.share}",) if self.share else ()

    @property
    def told(self) -> str:
        """Write the share of documents in per cent."""
        return f"{100 * self.share:g} %"


NONE = Exposure(0.0, "standard")
MOST = Exposure(0.1, "programs-10pct")
EXPOSURES = (
    NONE,
    Exposure(0.001, "programs-0.1pct"),
    Exposure(0.01, "programs-1pct"),
    MOST,
)


@dataclass(frozen=True)
class Training:
    """What R1-Zero is asked, and how it is paid."""

    name: str
    programs: float  # share of the questions
    reward: str = "rule"


PROGRAMS = Training("programs", 1.0)
PUZZLES = Training("puzzles", 0.0)
BOTH = Training("both", 0.5)
RANDOM = Training("random", 1.0, "random")
# Every training from every exposure would take an hour more.
WITH_FEWER = (
    *((PUZZLES, exposure) for exposure in EXPOSURES),
    *((BOTH, exposure) for exposure in EXPOSURES[2:]),
    (RANDOM, MOST),
)


def jobs(seeds: int) -> list[Job]:
    """Return the measurements of the bases, and the runs of every training and seed."""
    main = [run(PROGRAMS, exposure, s) for exposure in EXPOSURES for s in range(seeds)]
    others = [run(*which, s) for which in WITH_FEWER for s in range(min(seeds, FEWER))]
    return [*(measured(exposure) for exposure in EXPOSURES), *main, *others]


def measured(exposure: Exposure) -> Job:
    """Measure the base of an exposure on both kinds of problem."""
    base = short_base(exposure.base, exposure.settings)
    asked = {"base": base.name}
    return Job(f"transfer/base/{exposure.base}", f"{RUNS}:measure", asked, (base,), 1.0)


def run(training: Training, exposure: Exposure, seed: int) -> Job:
    """Train from the base of an exposure, and measure on both kinds of problem."""
    base = short_base(exposure.base, exposure.settings)
    settings = [
        f"grpo.steps={STEPS}",
        f"grpo.program_prompts={training.programs}",
        f"reward.kind={training.reward}",
        *MEASURED,
    ]
    asked = {"seed": seed, "base": base.name, "settings": settings}
    name = f"transfer/{training.name}/{exposure.base}/seed{seed}"
    return Job(name, f"{RUNS}:train", asked, (base,), 1.2)
