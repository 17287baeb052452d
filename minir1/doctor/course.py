"""What does a stage of reinforcement learning look like to a doctor? Curves, looks, settings.

One stage of a run, read from its files. A metric that a row lacks, or that is no number, is
missing at that step; a setting that the configuration lacks has its usual value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from minir1.reporting.formats import mapping, number

Row = Mapping[str, Any]
LARGEST = 1e30  # of a metric; what is larger is no measurement, and its square may overflow

# Where a stage's settings stand if not in the usual section (see `rl_settings.py`).
OWN = {
    "dev2": {
        "grpo.steps": "dev2.steps",
        "grpo.learning_rate": "dev2.learning_rate",
        "reward.format": "dev2.format",
        "reward.language": "dev2.language",
    },
    "r1": {
        "grpo.steps": "r1.steps",
        "grpo.learning_rate": "r1.learning_rate",
        "grpo.average": "r1.average",
        "grpo.combine": "r1.combine",
        "reward.format": "r1.format",
        "reward.language": "r1.language",
    },
    "small-rl": {
        "grpo.steps": "small.steps",
        "grpo.learning_rate": "small.learning_rate",
    },
    "distilled-rl": {
        "grpo.steps": "small.after_steps",
        "grpo.learning_rate": "small.after_learning_rate",
        "reward.format": "dev2.format",
        "reward.language": "dev2.language",
    },
}
USUAL: dict[str, Any] = {
    "grpo.steps": 40,
    "grpo.objective": "grpo",
    "grpo.prompts": 32,
    "grpo.group": 8,
    "grpo.learning_rate": 5e-4,
    "grpo.warmup": 3,
    "grpo.clip_low": 0.2,
    "grpo.clip_high": 0.2,
    "grpo.average": "token",
    "grpo.truncated": "taught",
    "grpo.kl_weight": 0.0,
    "grpo.kl_estimator": "k2",
    "grpo.inner_steps": 1,
    "grpo.minibatches": 2,
    "reward.kind": "rule",
    "reward.accuracy": 1.0,
    "reward.format": 0.1,
    "reward.language": 0.0,
    "sample.max_tokens": 300,
    "evaluation.validation_problems": 250,
    "evaluation.validation_samples": 1,
}


class Curve(NamedTuple):
    """A metric over the steps that have it. Shapes: steps, values (N)"""

    steps: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:  # of steps, not of fields
        return len(self.steps)

    def where(self, chosen: np.ndarray) -> "Curve":
        """Keep some of the steps. Shapes: chosen (N) of bool"""
        return Curve(self.steps[chosen], self.values[chosen])


def metric(row: Row, name: str) -> float | None:
    """Return a number of a row, None where there is none to work with."""
    found = number(row.get(name))
    return None if found is None or abs(found) > LARGEST else found


@dataclass(frozen=True)
class Course:
    """One stage of reinforcement learning, as far as it came."""

    stage: str
    config: Mapping[str, Any]
    rows: tuple[Row, ...]  # in the order of their steps
    samples: tuple[Row, ...] = ()

    @cached_property
    def _read(self) -> dict[str, np.ndarray]:
        return {}  # columns that were asked for before

    def _column(self, name: str) -> np.ndarray:
        """Return a metric at every step, NaN where it is missing. Shapes: -> (rows)"""
        if name not in self._read:
            found = [metric(row, name) for row in self.rows]
            self._read[name] = np.array(found, np.float64)  # None becomes NaN
        return self._read[name]

    def has(self, name: str) -> bool:
        """Say whether any row has a metric."""
        return bool(np.isfinite(self._column(name)).any())

    def curve(self, name: str) -> Curve:
        """Return a metric over the steps that have it."""
        return self.curves(name)[0]

    def curves(self, *names: str) -> tuple[Curve, ...]:
        """Return metrics over the steps that have all of them, so that they go together."""
        columns = [self._column(name) for name in names]
        whole = np.all(np.isfinite(columns), axis=0)  # (rows)
        steps = self._column("step")[whole]
        return tuple(Curve(steps, column[whole]) for column in columns)

    def setting(self, key: str) -> Any:
        """Return what the stage was told, or the usual value of a setting."""
        usual = USUAL[key]
        for place in (OWN.get(self.stage, {}).get(key), key):
            section, _, name = (place or "").partition(".")
            given = mapping(self.config.get(section)).get(name)
            if isinstance(usual, str) and isinstance(given, str):
                return given
            if not isinstance(usual, str) and number(given) is not None:
                return given
        return usual

    @cached_property
    def asked(self) -> float:
        """How many completions a rollout has."""
        return max(self.setting("grpo.prompts") * self.setting("grpo.group"), 1)

    @cached_property
    def planned(self) -> int:
        """How many steps the stage was meant to take."""
        return int(self.setting("grpo.steps"))

    @property
    def updates(self) -> int:
        """How many optimiser steps are taken on a rollout."""
        return int(self.setting("grpo.inner_steps") * self.setting("grpo.minibatches"))


def told(steps: np.ndarray, of: int) -> str:
    """Say at which steps something was seen, of so many."""
    if len(steps) == 1:
        return f"at step {steps[0]:g}"
    if len(steps) == of or len(steps) == steps[-1] - steps[0] + 1:
        return f"at steps {steps[0]:g} to {steps[-1]:g}"
    return f"at {len(steps)} of {of} steps (first {steps[0]:g}, last {steps[-1]:g})"
