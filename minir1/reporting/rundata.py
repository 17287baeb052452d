"""What did a run leave behind, as far as it came?

Reads a run folder and nothing else. Only config.json must be there: a run that is still
going, or was stopped, or knows less than later ones do, has a report too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minir1.errors import UserError
from minir1.reporting import cast
from minir1.reporting.formats import figure, listing, mapping, number
from minir1.storage.files import read_json
from minir1.storage.jsonlines import read_lines

Line = Mapping[str, Any]


@dataclass(frozen=True)
class RunData:
    """The files of a run as they were found; what is missing is empty."""

    name: str
    described: Mapping[str, Any] = field(default_factory=dict)  # config.json
    results: Mapping[str, Any] = field(default_factory=dict)
    metrics: tuple[Line, ...] = ()
    samples: tuple[Line, ...] = ()
    answers: Mapping[str, Any] = field(default_factory=dict)
    saved: tuple[str, ...] = ()  # folders under checkpoints/

    @property
    def checkpoints(self) -> dict[str, Mapping[str, Any]]:
        """Return what was measured, a checkpoint at a time, in the order of the story."""
        found = mapping(self.results.get("checkpoints"))
        measured = {name: mapping(found[name]) for name in cast.in_order(found)}
        return {name: figures for name, figures in measured.items() if figures}

    @property
    def planned(self) -> list[str]:
        """Return the checkpoints that the recipe makes, and those that are there besides."""
        recipe = str(self.described.get("recipe"))
        kept = [name for name in self.saved if name in cast.PLAYERS]
        return cast.in_order([*cast.RECIPES.get(recipe, ()), *self.checkpoints, *kept])

    @property
    def unfinished(self) -> bool:
        """Say whether a planned checkpoint still waits to be measured."""
        return any(name not in self.checkpoints for name in self.planned)

    @property
    def stages(self) -> dict[str, list[Line]]:
        """Return the lines of metrics.jsonl by stage, in the order of the run."""
        found: dict[str, list[Line]] = {}
        for line in self.metrics:
            if number(line.get("step")) is not None:
                found.setdefault(str(line.get("stage")), []).append(line)
        return found

    @property
    def settings(self) -> Mapping[str, Any]:
        """Return the configuration that the run was started with."""
        return mapping(self.described.get("config"))

    @property
    def seconds(self) -> dict[str, float]:
        """Return what every stage took, and "total"."""
        took = mapping(self.results.get("seconds"))
        known = {name: number(took[name]) for name in cast.in_order(took)}
        return {name: seconds for name, seconds in known.items() if seconds is not None}

    @property
    def measured(self) -> tuple[int, int]:
        """Return how many test problems were asked, and how often each; 0 if none was."""
        for figures in self.checkpoints.values():
            asked = mapping(figures.get("pass_at_1"))
            problems, samples = number(asked.get("problems")), number(asked.get("samples"))
            if problems and samples:
                return int(problems), int(samples)
        return 0, 0


def read_run(folder: Path) -> RunData:
    """Read a run folder.

    Raises: UserError if there is no run, or one of its files is damaged.
    """
    if not (folder / "config.json").exists():
        raise UserError(
            f"{folder} holds no run (config.json is missing); wanted a run folder, for example "
            "runs/r1-zero-seed0"
        )
    described = read_json(folder / "config.json")
    if "config" not in described:
        raise UserError(f"{folder / 'config.json'} is not a run's: wanted a run folder")
    kept = folder / "checkpoints"
    return RunData(
        name=folder.resolve().name,
        described=described,
        results=_if_there(folder / "results.json"),
        metrics=tuple(read_lines(folder / "metrics.jsonl")),
        samples=tuple(read_lines(folder / "samples.jsonl")),
        answers=_if_there(folder / "answers.json"),
        saved=tuple(path.name for path in kept.iterdir()) if kept.is_dir() else (),
    )


def _if_there(path: Path) -> Mapping[str, Any]:
    return read_json(path) if path.exists() else {}


def curve(lines: list[Line], name: str) -> list[tuple[float, float]]:
    """Return (step, value) of a metric, steps that lack it left out."""
    points = [(number(line.get("step")), number(line.get(name))) for line in lines]
    return [(x, y) for x, y in points if x is not None and y is not None]


def by_difficulty(figures: Mapping[str, Any], name: str) -> list[tuple[float, float]]:
    """Return (difficulty, value) of a figure that is given by difficulty, or by k."""
    points = []
    for level, value in mapping(figures.get(name)).items():
        found = number(value)
        if level.isdecimal() and len(level) < 7 and found is not None:
            points.append((float(level), found))
    return sorted(points)


def asked_prompts(answers: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the questions of answers.json."""
    return [mapping(question) for question in listing(answers.get("questions"))]


def value_of(figures: Mapping[str, Any], name: str) -> float | None:
    """Return a measured value without its interval."""
    found = figure(figures.get(name))
    return None if found is None else found.value
