"""Which runs are there, and what did each measure? Missing ones are named, not invented."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from publishing import SEEDS, read_lines, read_object

from minir1.pipeline import RECIPES
from minir1.reporting.formats import Figure
from r1_page.rows import Row
from r1_page.rules import Estimate

NORMAL = "seed"
ARMS = {
    "no-language": "without the language reward",
    "reasoning-only": "dev3 learns from problems only",
    "from-dev2": "dev3 starts from dev2, not from the base",
    "long": "r1 trained on against the reward model",
    "normalise": "each reward normalised, then summed",
}
ARM_SEEDS = range(3)
CHECKPOINTS = ("base", "r1-zero", "dev1", "dev2", "dev3", "r1")
STUDENTS = ("small-base", "distilled", "small-rl", "distilled-rl")


@dataclass(frozen=True)
class Run:
    """One run folder: its settings under dotted keys, its results, its steps, its sets."""

    seed: int
    settings: dict[str, Any]
    results: dict[str, Any]
    steps: list[dict[str, Any]]
    data: dict[str, dict[str, float]]  # dev1, dev3: asked, kept, ended, flops

    @classmethod
    def read(cls, folder: Path) -> "Run":
        """Read a run folder."""
        settings = dict(flat(read_object(folder / "config.json")["config"]))
        steps = read_lines(folder / "metrics.jsonl")
        data = {}
        for path in sorted((folder / "data").glob("*.json")):
            found = read_object(path)
            documents = found["documents"]
            ended = sum("<think>" in document["prompt"] for document in documents)
            general = sum("<think>" not in document["completion"] for document in documents)
            kept = len(documents) - general
            counts = {"asked": found["asked"], "kept": kept, "ended": ended}
            data[path.stem] = {**counts, "flops": found["flops"]}
        return cls(
            settings["seed"], settings, read_object(folder / "results.json"), steps, data
        )

    @property
    def checkpoints(self) -> dict[str, Any]:
        """The figures of every checkpoint that was measured."""
        return self.results["checkpoints"]

    def curve(self, stage: str, name: str) -> tuple[list[int], list[float]]:
        """Return steps and values of a stage where a figure was logged."""
        found = [
            (line["step"], line[name])
            for line in self.steps
            if line["stage"] == stage and line.get(name) is not None
        ]
        return [step for step, _ in found], [value for _, value in found]


@dataclass(frozen=True)
class Runs:
    """All runs of the page, by arm and seed, and what is missing."""

    by_arm: Mapping[str, dict[int, Run]]
    missing: list[str]

    @classmethod
    def read(cls, folder: Path) -> "Runs":
        """Read every run that is there."""
        by_arm: dict[str, dict[int, Run]] = {arm: {} for arm in (NORMAL, *ARMS)}
        missing = []
        for name, arm in _names().items():
            path = folder / name
            if not all((path / n).exists() for n in ("results.json", "metrics.jsonl")):
                missing.append(name)
                continue
            run = Run.read(path)
            by_arm[arm][run.seed] = run
            wanted = {"base", *RECIPES[run.settings["recipe"]]} - {"reward-model"}
            lacking = sorted(wanted - set(run.checkpoints))
            if lacking:
                missing.append(f"{name} ({', '.join(lacking)} not measured)")
        return cls(by_arm, missing)

    @property
    def normal(self) -> dict[int, Run]:
        """The runs without an arm, by seed."""
        return self.by_arm[NORMAL]

    def estimate(self, row: Row, checkpoint: str, arm: str = NORMAL) -> Estimate | None:
        """Collect one figure of one checkpoint; None if no run has it."""
        figures: dict[int, Figure] = {}
        for seed, run in self.by_arm[arm].items():
            found = row.read(run.checkpoints.get(checkpoint, {}))
            if found is not None:
                figures[seed] = found
        return Estimate(figures) if figures else None


def flat(nested: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Put nested settings under one dotted key each."""
    pairs: list[tuple[str, Any]] = []
    for name, value in nested.items():
        if isinstance(value, Mapping):
            pairs += flat(value, f"{prefix}{name}.")
        else:
            pairs.append((prefix + name, value))
    return pairs


def _names() -> dict[str, str]:
    """Name every folder that is wanted, with its arm."""
    names = dict.fromkeys(SEEDS, NORMAL)
    return names | {f"{arm}-{seed}": arm for arm in ARMS for seed in ARM_SEEDS}
