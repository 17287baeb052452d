"""What is a planted fault? A wrapper around one part of a healthy run, and what is known of it.

The real code has no `if` for any of them: a fault is another Objective, another Policy, or
an Environment that calls the real one and spoils what comes back.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from minir1.answers import Graded
from minir1.config import RunConfig
from minir1.datasets import Checkpoint
from minir1.environment import Environment
from minir1.objective import Objective
from minir1.policy import DecoderPolicy


@dataclass(frozen=True)
class Scene:
    """Where a rollout was made: in which run, by which policy, and how the stage began."""

    config: RunConfig
    address: tuple[int, str, int]  # of its random numbers: seed, stage, step
    params: dict[str, Any]
    start: Checkpoint


def same_objective(objective: Objective) -> Objective:
    """Leave the algorithm as it is."""
    return objective


def same_policy(policy: DecoderPolicy) -> DecoderPolicy:
    """Leave the scorer as it is."""
    return policy


def same_rollout(_: Scene, graded: Graded) -> Graded:
    """Leave the answers and their rewards as they are."""
    return graded


@dataclass(frozen=True)
class Fault:
    """A bug that was found in published code, and how it is planted.

    settings are those that it needs to show, all of which a healthy run can bear; caught
    says that the checks of `rl.py` stop such a run in its first steps, so they are off.
    """

    name: str
    bug: str  # one sentence
    seen: str  # where
    settings: tuple[str, ...] = ()
    caught: bool = False
    objective: Callable[[Objective], Objective] = same_objective
    policy: Callable[[DecoderPolicy], DecoderPolicy] = same_policy
    rollout: Callable[[Scene, Graded], Graded] = same_rollout

    @property
    def told(self) -> str:
        """Say on one line what is planted."""
        off = "; the checks that stop such a run at once are off" if self.caught else ""
        return f"planted: {self.name}: {self.bug}{off}"


@dataclass(frozen=True)
class BrokenWorld:
    """The tiny world with a fault in it."""

    fault: Fault
    world: Environment
    config: RunConfig
    start: Checkpoint

    @property
    def policy(self) -> DecoderPolicy:
        """The decoder, perhaps scored wrongly, perhaps with nobody to compare it."""
        broken = self.fault.policy(DecoderPolicy(self.config.model))
        return replace(broken, tolerance=math.inf) if self.fault.caught else broken

    @property
    def stage(self) -> str:
        """The name of the real stage: the same questions are asked."""
        return self.world.stage

    def rollout(self, params: dict[str, Any], step: int) -> Graded:
        """Ask the real world, and spoil what comes back."""
        graded = self.world.rollout(params, step)
        address = self.config.seed, self.stage, step
        return self.fault.rollout(Scene(self.config, address, params, self.start), graded)

    def describe(self, graded: Graded) -> dict[str, float]:
        """Sum up a rollout as it is."""
        return self.world.describe(graded)
