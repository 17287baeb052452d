"""What if a whole group earns the same? Then it teaches nothing; ask something else instead.

Dynamic sampling: as long as groups without spread are left, a further rollout is drawn, a
bounded number of times, and its groups with spread take their places. The batch stays as
large as it was asked for; what was drawn and not used is counted as compute. The metrics of
such a batch are those of the questions that were kept: half solved ones, by choice.
Source: Yu et al. 2025 (DAPO), section 3.2
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minir1 import grpo
from minir1.answers import Graded
from minir1.environment import Environment
from minir1.policy import Policy
from minir1.rollout import Rollout

Place = tuple[int, int]  # which draw, and which of its prompts


@dataclass(frozen=True)
class Resampling:
    """An environment that draws further questions in place of those without spread.

    The world is a dataclass with a stage: a further draw is that of a stage of its own, so
    it asks other questions with other random numbers.
    """

    world: Any  # an Environment
    draws: int  # further ones a step, at most

    @property
    def policy(self) -> Policy:
        """How parameters become answers."""
        return self.world.policy

    @property
    def stage(self) -> str:
        """The name of the stage."""
        return self.world.stage

    def rollout(self, params: dict[str, Any], step: int) -> Graded:
        """Ask, and ask again while groups without spread are left."""
        drawn = [self.world.rollout(params, step)]
        wanted = len(drawn[0].rewards)
        for draw in range(1, self.draws + 1):
            if len(_with_spread(drawn)) >= wanted:
                break
            again = replace(self.world, stage=f"{self.stage}/draw {draw}")
            drawn.append(again.rollout(params, step))
        if len(drawn) == 1:
            return drawn[0]
        found = _with_spread(drawn)
        flat = [(0, int(i)) for i in np.flatnonzero(grpo.flat_groups(drawn[0].rewards))]
        return assembled(drawn, (found + flat)[:wanted])

    def describe(self, graded: Graded) -> dict[str, float]:
        """Sum up a rollout under the names of metrics.jsonl."""
        return self.world.describe(graded)


def resampled(world: Environment, draws: int) -> Environment:
    """Draw so often more at most; with 0 the world is as it was."""
    return Resampling(world, draws) if draws else world


def _with_spread(drawn: list[Graded]) -> list[Place]:
    """List the groups that teach something, in the order of the draws."""
    return [
        (draw, int(prompt))
        for draw, graded in enumerate(drawn)
        for prompt in np.flatnonzero(~grpo.flat_groups(graded.rewards))
    ]


def assembled(drawn: list[Graded], places: list[Place]) -> Graded:
    """Make one rollout of groups from several; the groups that are left are discarded.

    Shapes: places [P] -> questions [P], samples [P·G], rewards (P, G)
    """
    kinds = dict.fromkeys(kind for graded in drawn for kind in graded.parts)
    none = [np.zeros_like(graded.rewards) for graded in drawn]
    size = drawn[0].rewards.shape[1]
    unused = [
        (draw, prompt)
        for draw, graded in enumerate(drawn)
        for prompt in range(len(graded.rewards))
        if (draw, prompt) not in set(places)
    ]
    return Graded(
        [drawn[draw].questions[prompt] for draw, prompt in places],
        joined([graded.rollout for graded in drawn], places, size),
        [s for d, p in places for s in drawn[d].samples[p * size : (p + 1) * size]],
        np.stack([drawn[draw].rewards[prompt] for draw, prompt in places]),
        {
            kind: np.stack([drawn[d].parts.get(kind, none[d])[p] for d, p in places])
            for kind in kinds
        },
        joined([graded.rollout for graded in drawn], unused, size),
    )


def joined(rollouts: list[Rollout], places: list[Place], size: int) -> Rollout:
    """Lay groups of several rollouts side by side, padded on the right to the longest.

    Shapes: places [p], size G -> B = p·G rows
    """
    width = max(rollout.tokens.shape[1] for rollout in rollouts)

    def laid(name: str, columns: int | None) -> np.ndarray:
        parts = []
        for draw, prompt in places:
            rows = getattr(rollouts[draw], name)[prompt * size : (prompt + 1) * size]
            missing = 0 if columns is None else columns - rows.shape[1]
            pad = [(0, 0), (0, missing)][: rows.ndim]
            parts.append(np.pad(rows, pad))
        return np.concatenate(parts)

    wide = {"tokens": width}
    wide |= dict.fromkeys(("completion_mask", "old_logprobs", "entropy"), width - 1)
    flat = "prompt_lengths", "completion_lengths", "finished"
    return Rollout(
        **{name: laid(name, columns) for name, columns in wide.items()},
        **{name: laid(name, None) for name in flat},
    )
