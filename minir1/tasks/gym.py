"""How does reasoning-gym become a task? Its questions, its scorers, our parts and limits.

`rg:NAME` asks the questions that `reasoning_gym.create_dataset(NAME)` generates and pays what
the dataset's own `score_answer` pays. `rg:NAME?max_digits=2&max_terms=3` sets its options.

Left out, by name: datasets that execute the answer, that pay wrong answers, or that keep no
right answer. Which part a question belongs to is decided by its hash, whoever generates it.
"""

import dataclasses
import io
import math
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any

from minir1.errors import UserError, did_you_mean, shorten
from minir1.rng import generator
from minir1.tasks.base import HELD_OUT, Exercise, rank, says_something
from minir1.tasks.gym_names import READ, REFUSED

SHARES = {"test": 0.2, "validation": 0.2}  # of all questions
CANDIDATES = 40  # questions generated for each that is wanted, at most
HELD_OUT_SEEDS = {"validation": 5 * 2**29, "test": 3 * 2**30}  # those of training: < 2**31
NO_ANSWER = "no answer"  # what a scorer must not pay for
FULL = 0.999  # of 1: what a scorer must pay for the gold

_NO_NUMBER = re.compile(r"(?<![a-z])s?(?:nan|inf|infinity)(?![a-z])", re.IGNORECASE)


class Gym:
    """The task `rg:NAME`."""

    def __init__(self, name: str, dataset_name: str, options: dict[str, Any]):
        self.name = name
        self.failed = 0  # answers on which the scorer raised, or paid no number
        self._dataset_name = dataset_name
        self._options = options
        self._dropped: set[str] = set()
        self._scorer = self._create(seed=0, size=1)

    @property
    def dropped(self) -> int:
        """Count the questions left out so far: their scorer does not pay the gold in full."""
        return len(self._dropped)

    def training(self, seed: int, stage: str, step: int, count: int) -> list[Exercise]:
        """Return what a step asks, the same for the same seed, stage, step and count.

        No question twice, unless there are too few of them.

        Raises: UserError if there is nothing to ask.
        """
        dataset_seed = int(generator(seed, stage, self.name, step).integers(2**31 - 1))
        exercises = self._distinct(dataset_seed, "train", count)
        if not exercises:
            raise UserError(
                f"{self.name}: none of {CANDIDATES * count} questions can be trained on "
                f"({self.dropped} without a verifiable gold): choose other options"
            )
        return [exercises[i % len(exercises)] for i in range(count)]

    def held_out(self, part: str, count: int) -> list[Exercise]:
        """Return the first exercises of a held-out part, as many as there are.

        Raises: ValueError for a part that is not held out.
        """
        if part not in HELD_OUT:
            raise ValueError(f"part={part!r}: wanted one of {', '.join(HELD_OUT)}")
        return self._distinct(HELD_OUT_SEEDS[part], part, min(count, HELD_OUT[part]))

    def score(self, exercise: Exercise, answer: str) -> float:
        """Pay what the dataset's scorer pays; 0 where it raises or pays no number.

        An answer that holds a number that is none ("nan", "inf") is worth nothing: some
        scorers find it equal to everything.
        """
        if not says_something(answer):
            return 0.0
        if _NO_NUMBER.search(answer) and not _NO_NUMBER.search(exercise.gold):
            return 0.0
        return self._paid(answer, exercise.data["entry"])

    def _paid(self, answer: str, entry: dict[str, Any]) -> float:
        try:
            with redirect_stdout(io.StringIO()):
                paid = float(self._scorer.score_answer(answer, entry))
        except Exception:
            paid = math.nan
        if not math.isfinite(paid):
            self.failed += 1
            return 0.0
        return min(max(paid, 0.0), 1.0)

    def _distinct(self, seed: int, part: str, count: int) -> list[Exercise]:
        """Return the first exercises of a part that a seed generates, none of them twice."""
        found: dict[str, Exercise] = {}
        for entry in self._entries(seed, CANDIDATES * count):
            if len(found) == count:
                break
            question = str(entry["question"])
            if part_of(question) != part:
                continue
            if self._verifiable(entry):
                found[question] = Exercise(question, entry["answer"], {"entry": entry})
            else:
                self._dropped.add(question)
        return list(found.values())

    def _verifiable(self, entry: dict[str, Any]) -> bool:
        """Say whether the scorer tells the gold from no answer at all."""
        gold = entry["answer"]
        if not isinstance(gold, str) or not gold.strip():
            return False
        failed = self.failed
        told = self._paid(gold, entry) >= FULL > self._paid(NO_ANSWER, entry)
        self.failed = failed  # counts the answers of models only
        return told

    def _entries(self, seed: int, size: int) -> Iterator[dict[str, Any]]:
        dataset = self._create(seed, size)
        for i in range(size):
            with redirect_stdout(io.StringIO()):  # some datasets print while they generate
                yield dataset[i]

    def _create(self, seed: int, size: int) -> Any:
        from reasoning_gym import create_dataset

        try:
            with redirect_stdout(io.StringIO()):
                return create_dataset(self._dataset_name, seed=seed, size=size, **self._options)
        except Exception as error:  # its configurations check themselves by assertions
            raise UserError(f"{self.name}: reasoning-gym says: {shorten(error)}") from error


def part_of(question: str) -> str:
    """Say which part a question belongs to."""
    place = rank(f"reasoning-gym {question}")
    if place < SHARES["test"]:
        return "test"
    return "validation" if place < SHARES["test"] + SHARES["validation"] else "train"


def open_gym(spec: str) -> Gym:
    """Open `NAME` or `NAME?option=value&option=value` of reasoning-gym.

    Raises: UserError for an unknown or a refused dataset, for unknown options, and where
    reasoning-gym is not installed.
    """
    name, _, settings = spec.partition("?")
    if name in REFUSED:
        raise UserError(f"rg:{name} cannot be trained on: {REFUSED[name]}")
    if name not in READ:
        raise UserError(
            f"rg:{shorten(name)}: no dataset of reasoning-gym that minir1 knows"
            f"{did_you_mean(name, [*READ, *REFUSED])}"
        )
    try:
        from reasoning_gym.factory import DATASETS
    except ImportError as error:
        raise UserError(
            f"rg:{name} needs reasoning-gym: pip install 'minir1[gym]' ({shorten(error)})"
        ) from error
    if name not in DATASETS:
        raise UserError(
            f"rg:{name} is not in the reasoning-gym that is installed: "
            "pip install --upgrade 'minir1[gym]'"
        )
    return Gym(f"rg:{spec}", name, _options(f"rg:{name}", settings, DATASETS[name][1]))


def _options(name: str, settings: str, config: type) -> dict[str, Any]:
    """Read the options of a dataset; each has the type of its default."""
    known = {
        field.name: field.default
        for field in dataclasses.fields(config)
        if isinstance(field.default, bool | int | float | str)
        and field.name not in ("seed", "size")
    }
    options: dict[str, Any] = {}
    for setting in filter(None, settings.split("&")):
        key, _, text = setting.partition("=")
        if key not in known:
            raise UserError(
                f"{name}?{shorten(key)}: no such option{did_you_mean(key, known) or '.'} "
                f"There are {', '.join(known) or 'none'}"
            )
        options[key] = _value(f"{name}?{key}", text, known[key])
    return options


def _value(key: str, text: str, default: Any) -> Any:
    if isinstance(default, bool):
        if text.lower() not in ("true", "false"):
            raise UserError(f"{key}={shorten(text)}: wanted true or false")
        return text.lower() == "true"
    try:
        return type(default)(text)
    except ValueError as error:
        kind = "a whole number" if isinstance(default, int) else "a number"
        raise UserError(f"{key}={shorten(text)}: wanted {kind}") from error
