"""How does the model think? Length, reflection, checking, honesty and language, counted.

Counts of words and of written arithmetic, no judge. The same numbers exist for the base, so
that "more" can be told from "new". A reflective word is only a word; whether reflecting
helped is the question of useful_reflection_rate alone.
Left out: pass@k and votes (`statistics.py`), which need several samples of each problem.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from minir1.puzzles import Task
from minir1.rewards import accuracy, format_reward, language_consistency
from minir1.searches import search
from minir1.statistics import spearman
from minir1.traces import (
    CHECK,
    END_THINK,
    NO,
    read_attempts,
    thinking,
)
from minir1.world.languages import REFLECTIVE, language_of
from minir1.world.programs import ProgramProblem

REEVALUATIVE = REFLECTIVE - NO  # words that start something again: no mere verdicts

Seen = dict[str, np.ndarray]  # a field of Behaviour -> (N,), one value a completion

OUTCOMES = ("right", "wrong", "truncated")


class RatedTask(Task, Protocol):
    """A problem that knows how hard it is."""

    @property
    def difficulty(self) -> int: ...


@dataclass(frozen=True)
class Sample:
    """One completion and what it was asked."""

    problem: RatedTask
    language: str  # of the prompt
    completion: str
    completion_tokens: int  # <eos> included
    finished: bool  # <eos> came before the cap


@dataclass(frozen=True)
class ProgramSample:
    """One completion and the program problem that it answers."""

    problem: ProgramProblem
    language: str  # of the prompt
    completion: str
    completion_tokens: int  # <eos> included
    finished: bool  # <eos> came before the cap


class Behaviour(NamedTuple):
    """What was counted in one completion; flags are 0 or 1."""

    completion_tokens: int
    difficulty: int
    right: float
    well_formed: float
    truncated: bool
    gave_up: bool
    attempts: int  # checks not included
    repeated: int
    illegal: int
    steps: int  # lines of arithmetic, those of checks included
    correct_steps: int
    hits: int  # judged attempts whose written result is the target
    misses: int
    yes_to_hits: int
    yes_to_misses: int
    reflections: int
    reevaluations: int
    useful_reflection: bool
    checked: bool
    language_consistency: float
    mixed_language: bool


def observe(sample: Sample | ProgramSample) -> Behaviour:
    """Count what happens in one completion."""
    problem, completion = sample.problem, sample.completion
    thought = thinking(completion)
    words = thought.split()
    everything = read_attempts(thought)
    found = search(problem, everything)
    steps = [step for attempt in everything for step in attempt.steps]
    right = accuracy(problem, completion, sample.finished)
    last_was_no = bool(everything) and everything[-1].verdict is False
    return Behaviour(
        completion_tokens=sample.completion_tokens,
        difficulty=problem.difficulty,
        right=right,
        well_formed=format_reward(completion, sample.finished),
        truncated=not sample.finished,
        gave_up=END_THINK in completion and last_was_no,
        attempts=found.attempts,
        repeated=found.repeated,
        illegal=found.illegal,
        steps=len(steps),
        correct_steps=sum(step.correct for step in steps),
        hits=found.hits,
        misses=found.misses,
        yes_to_hits=found.yes_to_hits,
        yes_to_misses=found.yes_to_misses,
        reflections=sum(word in REFLECTIVE for word in words),
        reevaluations=sum(word in REEVALUATIVE for word in words),
        useful_reflection=bool(right) and _turned_around(words, found.first_failed),
        checked=not CHECK.isdisjoint(words),
        language_consistency=language_consistency(completion, sample.language),
        mixed_language=speaks_another(completion, sample.language),
    )


def _turned_around(words: list[str], first_failed: int | None) -> bool:
    """Say whether the first attempt was no solution and a reflective word came after it."""
    return first_failed is not None and not REFLECTIVE.isdisjoint(words[first_failed:])


def speaks_another(completion: str, language: str) -> bool:
    """Say whether any word of a completion is of another language than the prompt's."""
    return any(language_of(word) not in (None, language) for word in set(completion.split()))


def describe(samples: Sequence[Sample | ProgramSample]) -> dict[str, Any]:
    """Sum up how a model thinks, under the names of results.json.

    A rate is a share of the completions unless its name says of what else. What has
    nothing to be a share of is None, never 0: who never erred has no yes_given_miss.

    Raises: ValueError for no samples.
    """
    if not samples:
        raise ValueError("wanted at least one sample to describe")
    rows = np.array([observe(sample) for sample in samples], dtype=np.float64)  # (N, fields)
    seen = dict(zip(Behaviour._fields, rows.T, strict=True))  # every field (N,)
    return {
        "samples": len(samples),
        "accuracy": _mean(seen["right"]),
        "format_rate": _mean(seen["well_formed"]),
        "truncated": _mean(seen["truncated"]),
        **_lengths(seen),
        **_attempts(seen),
        **_words(seen),
    }


def _lengths(seen: Seen) -> dict[str, Any]:
    """Sum up length: in all, by difficulty, by outcome, and its rank correlation."""
    tokens, difficulty, right = seen["completion_tokens"], seen["difficulty"], seen["right"]
    outcome = np.where(seen["truncated"] == 1, 2, np.where(right == 1, 0, 1))  # (N,)
    levels = {str(int(level)): difficulty == level for level in np.unique(difficulty)}
    correlation = spearman(tokens, difficulty)
    return {
        "completion_tokens": _mean(tokens),
        "completion_tokens_by_difficulty": {d: _mean(tokens[at]) for d, at in levels.items()},
        "completion_tokens_by_outcome": {
            name: _mean(tokens[outcome == i]) for i, name in enumerate(OUTCOMES)
        },
        "accuracy_by_difficulty": {d: _mean(right[at]) for d, at in levels.items()},
        "length_difficulty_correlation": None if np.isnan(correlation) else correlation,
    }


def _attempts(seen: Seen) -> dict[str, Any]:
    """Sum up the search: attempts, their faults, and whether the verdicts tell the truth.

    illegal_operand_rate is a share of the attempts: an operand that was not given, or was
    used up. The yes rates are shares of the judged attempts that hit, or miss, the target
    as written. gave_up: the thinking was closed after a "no".
    """
    return {
        "attempts_per_answer": _mean(seen["attempts"]),
        "repeated_attempts_per_answer": _mean(seen["repeated"]),
        "illegal_operand_rate": _share(seen["illegal"], seen["attempts"]),
        "arithmetic_right": _share(seen["correct_steps"], seen["steps"]),
        "yes_given_hit": _share(seen["yes_to_hits"], seen["hits"]),
        "yes_given_miss": _share(seen["yes_to_misses"], seen["misses"]),
        "judged_hits": int(seen["hits"].sum()),
        "judged_misses": int(seen["misses"].sum()),
        "gave_up": _mean(seen["gave_up"]),
    }


def _words(seen: Seen) -> dict[str, Any]:
    """Sum up the words: reflection, checks and languages.

    reflections_per_100_tokens divides sums, so long completions count for more.
    useful_reflection_rate: the first attempt was wrong, a reflective word followed, and the
    answer is right. Mixed: a word that is not of the prompt's language, anywhere.
    """
    return {
        "reflections_per_answer": _mean(seen["reflections"]),
        "reflections_per_100_tokens": _share(
            100 * seen["reflections"], seen["completion_tokens"]
        ),
        "reevaluations_per_answer": _mean(seen["reevaluations"]),
        "useful_reflection_rate": _mean(seen["useful_reflection"]),
        "check_rate": _mean(seen["checked"]),
        "language_consistency": _mean(seen["language_consistency"]),
        "mixed_language_rate": _mean(seen["mixed_language"]),
    }


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if values.size else None


def _share(part: np.ndarray, whole: np.ndarray) -> float | None:
    """Divide two sums; None where there is nothing to divide."""
    return float(part.sum() / whole.sum()) if whole.sum() > 0 else None
