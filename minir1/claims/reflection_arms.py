"""Which corpora and which bans tell whether reflection emerges, and whether it helps?"""

from dataclasses import dataclass, replace

from minir1.claims import standard
from minir1.claims.job import Job

RUNS = "minir1.claims.reflection_runs"
STEPS, LONGER = 25, 100  # of R1-Zero from the short bases; of the rarest again
RAREST = "reflect-0.1pct"


@dataclass(frozen=True)
class Arm:
    """A corpus in which traces with a second attempt are so rare, and the base made of it."""

    told: str  # the share of its documents that hold a second attempt
    settings: tuple[str, ...] = ()


ARMS = {
    "standard": Arm("4.6 %"),
    "reflect-1pct": Arm("1 %", ("corpus.reflecting=0.218",)),
    "reflect-0.1pct": Arm("0.1 %", ("corpus.reflecting=0.0218",)),
    "no-reflection": Arm("0", ("corpus.reflect=false",)),
}


def jobs(seeds: int) -> list[Job]:
    """Return the jobs of every corpus, base and seed."""
    audits = [_audit(name, arm) for name, arm in ARMS.items()]
    bans = [_bans(seed) for seed in range(seeds)]
    runs = [from_corpus(name, arm, seed) for seed in range(seeds) for name, arm in ARMS.items()]
    return [*audits, *bans, *runs, *(longer(seed) for seed in range(seeds))]


def from_corpus(name: str, arm: Arm, seed: int) -> Job:
    """Run R1-Zero from the base of a corpus."""
    base = standard.short_base(name, arm.settings)
    return standard.r1_zero(seed, f"short-{name}", base.name, needs=(base,))


def longer(seed: int) -> Job:
    """Run R1-Zero from the base that saw a second attempt most rarely, and be patient."""
    base = standard.short_base(RAREST, ARMS[RAREST].settings)
    arm = f"short-{RAREST}-longer"
    made = standard.r1_zero(seed, arm, base.name, (), LONGER, (base,))
    return replace(made, minutes=1.5)  # short answers


def _audit(name: str, arm: Arm) -> Job:
    asked = {"settings": list(arm.settings)}
    return Job(f"reflection/corpus/{name}", f"{RUNS}:corpus", asked, minutes=0.5)


def _bans(seed: int) -> Job:
    run = standard.r1_zero(seed, "plain")
    asked = {"seed": seed, "origin": run.name}
    return Job(f"reflection/bans/seed{seed}", f"{RUNS}:forbid", asked, (run,), minutes=1.5)
