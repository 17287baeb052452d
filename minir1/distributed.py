"""How do several machines train one model? Each takes a share; all end up with the whole.

Prompts are sharded: every rank samples some of them, under the random numbers that they have
in one process, and all gather all completions, so rewards, advantages and token weights are
computed alike everywhere. Micro-batches are sharded: every rank differentiates some of them,
and the gradients are added. As the losses are sums whose weights were set for the whole
batch, that sum is the gradient of one process up to rounding; nothing is averaged twice.
Parameters and optimiser are held by every rank and stay alike, since all take the same steps.
Scoring passes (the reference, 16-bit models' second look) are computed by every rank whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minir1 import microbatch, rollout
from minir1.backend import from_numpy, to_numpy
from minir1.config import SampleConfig
from minir1.policy import Params, Policy, Results
from minir1.storage.tensorfile import pack, unpack
from minir1.team import Team

KEY = "minir1"


@dataclass(frozen=True)
class DistributedPolicy:
    """A policy whose sampling and gradients are shared out among the ranks of a team."""

    inner: Policy
    team: Team

    @property
    def tolerance(self) -> float:
        """What is rounding for the model at hand."""
        return self.inner.tolerance

    @property
    def importance_cap(self) -> float | None:
        """The most that a token may count for the gap."""
        return self.inner.importance_cap

    def sample(
        self,
        params: Params,
        prompts: list[list[int]],
        group: int,
        settings: SampleConfig,
        address: tuple[int, str, int],
        eos_ids: Sequence[int],
        pad_id: int,
        threads: int = 0,
        first_prompt: int = 0,
    ) -> rollout.Rollout:
        """Draw this rank's completions and gather everybody's, whole groups each.

        Shapes: prompts [P lists] -> Rollout with B = P·group rows
        """
        chunk = max(1, settings.rows_per_chunk // group)
        mine = share_of(len(prompts), chunk, self.team)
        rows: dict[str, np.ndarray] = {}
        if len(mine):
            drawn = self.inner.sample(
                params,
                prompts[mine.start : mine.stop],
                group,
                settings,
                address,
                eos_ids,
                pad_id,
                threads,
                first_prompt + mine.start,
            )
            rows = flat_rows(drawn)
        gathered = [row for said in self._gather(rows) for row in cut_rows(said)]
        repeated = [prompt for prompt in prompts for _ in range(group)]
        return rollout.assemble(repeated, gathered, eos_ids, pad_id)

    def place_logprobs(
        self, params: Params, tokens: np.ndarray, places: np.ndarray, temperature: float = 1.0
    ) -> Any:
        """Score the token after each place; here, and the same at every rank that is asked."""
        return self.inner.place_logprobs(params, tokens, places, temperature)

    def gradients(
        self,
        loss: Callable[[Params, microbatch.MicroBatch], tuple[Any, ...]],
        params: Params,
        batches: Sequence[microbatch.MicroBatch],
        threads: int = 0,
    ) -> tuple[Results, Params]:
        """Differentiate every size-th micro-batch; gather the results, add the gradients.

        The results come back as numpy arrays. A rank without a micro-batch adds zeros.
        """
        mine = range(self.team.rank, len(batches), self.team.size)
        results: Results = []
        grads = {name: np.zeros(value.shape, np.float32) for name, value in params.items()}
        if mine:
            ours = [batches[i] for i in mine]
            results, found = self.inner.gradients(loss, params, ours, threads)
            grads |= {name: to_numpy(value) for name, value in found.items()}
        said = {
            f"{i}/{j}": to_numpy(value)
            for i, result in zip(mine, results, strict=True)
            for j, value in enumerate(result)
        }
        whole: dict[int, dict[int, np.ndarray]] = {i: {} for i in range(len(batches))}
        for part in self._gather(said):
            for name, value in part.items():
                i, j = map(int, name.split("/"))
                whole[i][j] = value
        in_order = [tuple(result[j] for j in sorted(result)) for result in whole.values()]
        return in_order, from_numpy(self.team.total(grads))

    def rollout_flops(self, prompts: np.ndarray, completions: np.ndarray, group: int) -> float:
        """Count what sampling needs, of all ranks together."""
        return self.inner.rollout_flops(prompts, completions, group)

    def update_flops(self, prompts: np.ndarray, completions: np.ndarray) -> float:
        """Count an update, of all ranks together."""
        return self.inner.update_flops(prompts, completions)

    def _gather(self, arrays: Mapping[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
        messages = self.team.gather(pack(arrays, KEY, ""))
        return [unpack(message, KEY)[0] for message in messages]


def share_of(count: int, chunk: int, team: Team) -> range:
    """Choose which prompts a rank samples: neighbours, about as many as the others.

    Where there are chunks enough, chunks stay whole: then every row decodes beside the same
    rows as in one process, and not a bit differs.
    """
    unit = chunk if count >= chunk * team.size else 1
    units = -(-count // unit)
    first, last = (units * rank // team.size * unit for rank in (team.rank, team.rank + 1))
    return range(first, min(last, count))


def flat_rows(drawn: rollout.Rollout) -> dict[str, np.ndarray]:
    """Lay the completions of a rollout end to end, with what was noted when drawn."""
    written = drawn.completion_mask > 0  # (B, T-1)
    return {
        "tokens": drawn.tokens[:, 1:][written],
        "logprobs": drawn.old_logprobs[written],
        "entropy": drawn.entropy[written],
        "lengths": drawn.completion_lengths.astype(np.int32),
    }


def cut_rows(said: Mapping[str, np.ndarray]) -> Iterator[rollout.Row]:
    """Undo `flat_rows`; a rank that had nothing to draw has no rows."""
    if said:
        cuts = np.cumsum(said["lengths"])[:-1]
        columns = [np.split(said[name], cuts) for name in ("tokens", "logprobs", "entropy")]
        yield from zip(*columns, strict=True)
