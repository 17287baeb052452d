"""What does reinforcement learning need of a model, whatever computes it?

It must answer, score what was answered, and be differentiated. Our own decoder does that on
both engines; `mlx_models.py` does it with any model of mlx-lm. `params` are what is trained,
a flat dict of the engine's arrays: all weights, or adapters alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from minir1 import flops, microbatch, model, rollout
from minir1.config import SampleConfig
from minir1.model_config import ModelConfig

Params = dict[str, Any]
Results = list[tuple[Any, ...]]


class Policy(Protocol):
    """A model that can be asked, scored and trained."""

    @property
    def tolerance(self) -> float:
        """The greatest |sampled - scored| log-probability that is rounding, in nats."""
        ...

    @property
    def importance_cap(self) -> float | None:
        """The most that a token may count for the gap (`offpolicy.py`); None: there is none."""
        ...

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
        """Draw `group` completions of each prompt; `first_prompt` counts those before."""
        ...

    def place_logprobs(
        self, params: Params, tokens: np.ndarray, places: np.ndarray, temperature: float = 1.0
    ) -> Any:
        """Score the token after each place of (B, T) laid flat; differentiable in params."""
        ...

    def gradients(
        self,
        loss: Callable[[Params, microbatch.MicroBatch], tuple[Any, ...]],
        params: Params,
        batches: Sequence[microbatch.MicroBatch],
        threads: int = 0,
    ) -> tuple[Results, Params]:
        """Return every micro-batch's results and the sum of their gradients."""
        ...

    def rollout_flops(
        self, prompts: np.ndarray, completions: np.ndarray, group: int
    ) -> float: ...

    def update_flops(self, prompts: np.ndarray, completions: np.ndarray) -> float: ...


@dataclass(frozen=True)
class DecoderPolicy:
    """Our own decoder: `model.py`, sampled by `rollout.py`, in float32."""

    config: ModelConfig
    tolerance: float = 1e-4
    importance_cap: float | None = None

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
        """Draw `group` completions of each prompt (see `rollout.sample`)."""
        ids = eos_ids, pad_id, threads, first_prompt
        return rollout.sample(params, self.config, prompts, group, settings, address, *ids)

    def place_logprobs(
        self, params: Params, tokens: np.ndarray, places: np.ndarray, temperature: float = 1.0
    ) -> Any:
        """Score the token after each place (see `model.place_logprobs`)."""
        return model.place_logprobs(params, self.config, tokens, places, temperature)

    def gradients(
        self,
        loss: Callable[[Params, microbatch.MicroBatch], tuple[Any, ...]],
        params: Params,
        batches: Sequence[microbatch.MicroBatch],
        threads: int = 0,
    ) -> tuple[Results, Params]:
        """Differentiate micro-batches side by side (see `microbatch.gradients`)."""
        return microbatch.gradients(loss, params, batches, threads)

    def rollout_flops(self, prompts: np.ndarray, completions: np.ndarray, group: int) -> float:
        """Count what sampling needs (see `flops.py`)."""
        return flops.rollout_flops(self.config, prompts, completions, group)

    def update_flops(self, prompts: np.ndarray, completions: np.ndarray) -> float:
        """Count a forward and a backward pass (see `flops.py`)."""
        return flops.update_flops(self.config, prompts, completions)
