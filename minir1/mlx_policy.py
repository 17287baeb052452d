"""How does a model of mlx-lm become a policy that GRPO trains?

mlx-lm has the architectures, the quantised layers and the batches; GRPO needs completions
with their log-probabilities, and scores that are differentiable in a flat dict of what is
trained. Trained weights live in that dict, in float32, and are lent to mlx-lm's module for
one call, cast to the type that the model computes in: small steps on bfloat16 weights would
round to nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from mlx.utils import tree_flatten, tree_unflatten

from minir1 import mlx_lora, mlx_rollout, rollout
from minir1.config import SampleConfig
from minir1.errors import UserError
from minir1.microbatch import MicroBatch
from minir1.mlx_compile import Compiled, TokenLoss, gradients
from minir1.mlx_layers import Window
from minir1.mlx_lora import Lora
from minir1.rng import uniforms
from minir1.rollout import Rollout

Params = dict[str, Any]
NOTHING = mx.zeros((0,))


@dataclass(frozen=True, eq=False)
class MLXPolicy:
    """An mlx-lm model with what is trained kept outside of it."""

    model: nn.Module
    config: dict[str, Any]  # config.json as mlx-lm read it
    source: Path  # the folder it came from
    lora: Lora | None  # None: every weight is trained
    tolerance: float  # the greatest |sampled - scored| log-probability that is rounding
    importance_cap: float | None  # None: exact, a greater gap is a fault
    window: Window = field(repr=False)
    types: dict[str, Any] = field(repr=False)  # trained name -> the type it computes in
    together: bool  # whether mlx-lm can decode rows of this architecture in one batch
    matrix_parameters: int  # numbers that a token is multiplied with

    compile: bool = False  # gradients of micro-batches are compiled
    compiled: Compiled | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        if self.compile:
            object.__setattr__(self, "compiled", Compiled(self.place_logprobs))

    @contextmanager
    def holding(self, params: Params, train: bool = False) -> Iterator[nn.Module]:
        """Lend what is trained to the module, which holds nothing of it otherwise."""
        lent = [(name, p.astype(self.types[name])) for name, p in params.items()]
        self.model.update(tree_unflatten(lent))
        if self.model.training != train:
            self.model.train(train)
        try:
            yield self.model
        finally:
            self.model.update(tree_unflatten([(name, NOTHING) for name in params]))

    def place_logprobs(
        self, params: Params, tokens: Any, places: Any, temperature: float = 1.0
    ) -> mx.array:
        """The log-probability of the token after each of the given places.

        One teacher-forced pass over prompt and completion; padding is on the right, where
        no place looks. The softmax is in float32, as the sampler's.

        Shapes: tokens (B, T), places (N), along (B, T) laid flat -> (N)
        """
        tokens, places = mx.array(tokens), mx.array(places)
        targets = tokens.reshape(-1)[places + 1]
        with self.holding(params, train=True) as model:
            z = self._logits_at(model, tokens, places).astype(mx.float32)  # (N, V)
        z = z * (1 / temperature)
        taken = mx.take_along_axis(z, targets[:, None], axis=-1)[:, 0]
        return taken - mx.logsumexp(z, axis=-1)

    def _logits_at(self, model: nn.Module, tokens: mx.array, places: mx.array) -> mx.array:
        """Shapes: tokens (B, T), places (N) -> (N, V)"""
        self.window.places, self.window.used = places, False
        try:
            z = model(tokens)
        finally:
            self.window.places = None
        z = z.reshape(-1, z.shape[-1])
        return z if self.window.used else z[places]  # an output layer that we did not find

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
    ) -> Rollout:
        """Sample `group` completions of each prompt; address is (seed, stage, step).

        Rows decode together in chunks of settings.rows_per_chunk. MLX schedules its own
        work: threads means nothing here.

        Shapes: prompts [P lists] -> Rollout with B = P·group rows
        """
        per_chunk = max(1, settings.rows_per_chunk // group)
        rows: list[rollout.Row] = []
        with self.holding(params) as model:
            for first in range(0, len(prompts), per_chunk):
                chunk = prompts[first : first + per_chunk]
                start = first_prompt + first
                places = range(start, start + len(chunk))
                names = [(prompt, member) for prompt in places for member in range(group)]
                u = uniforms(*address, names, settings.max_tokens)  # (b, cap)
                asked = mlx_rollout.Request(chunk, group, settings.max_tokens, eos_ids)
                rows += mlx_rollout.decode(model, asked, u, settings.temperature, self.together)
        repeated = [prompt for prompt in prompts for _ in range(group)]
        return rollout.assemble(repeated, rows, eos_ids, pad_id)

    def gradients(
        self,
        loss: Callable[[Params, MicroBatch], tuple[Any, ...]],
        params: Params,
        batches: Sequence[MicroBatch],
        threads: int = 0,
    ) -> tuple[list[tuple[Any, ...]], Params]:
        """Return every micro-batch's results and the sum of their gradients.

        Compiled, if that was asked for and the loss is one that can be.
        """

        def one(batch: MicroBatch) -> Any:
            if self.compiled and isinstance(loss, TokenLoss):
                return self.compiled(loss, params, batch)
            return mx.value_and_grad(loss)(params, batch)

        return gradients(one, params, batches)

    def reference(self, params: Params) -> Params:
        """What KL is measured from: the adapters switched off, or the weights as they are."""
        return mlx_lora.without(params) if self.lora else dict(params)

    def rollout_flops(
        self, prompt_lengths: np.ndarray, completion_lengths: np.ndarray, group: int
    ) -> float:
        """Estimate the work of sampling: 2 FLOPs a parameter a token, attention left out.

        A prompt is read once a group.
        """
        tokens = prompt_lengths[::group].sum() + completion_lengths.sum()
        return 2.0 * self.matrix_parameters * float(tokens)

    def update_flops(self, prompt_lengths: np.ndarray, completion_lengths: np.ndarray) -> float:
        """Estimate the work of an update: forward 2, backward 4, or 2 through frozen weights.

        Attention, adapters and recomputation are left out.
        """
        each = 4.0 if self.lora else 6.0
        tokens = prompt_lengths.sum() + completion_lengths.sum()
        return each * self.matrix_parameters * float(tokens)

    def read(self, files: Iterable[Path], names: Iterable[str]) -> Params:
        """Return what is trained, as float32, from safetensors files."""
        found = {name: value for file in files for name, value in mx.load(str(file)).items()}
        return {name: found[name].astype(mx.float32) for name in names}

    def size(self) -> tuple[int, int]:
        """Return the bytes of the model as it is loaded, and of a number it computes with."""
        held = [value for _, value in tree_flatten(self.model.parameters())]
        widths = [v.dtype.size for v in held if mx.issubdtype(v.dtype, mx.floating)]
        return sum(value.nbytes for value in held), min(widths)

    def save_adapters(self, folder: Path, params: Params) -> Path:
        """Write what `mlx_lm.load(base, adapter_path=folder)` reads.

        Raises: UserError if every weight was trained: then there are no adapters.
        """
        if self.lora is None:
            raise UserError("full tuning has no adapters to save: save the fused folder")
        return mlx_lora.save_adapters(folder, params, self.lora)

    def save_fused(self, folder: Path, params: Params, dequantize: bool = False) -> Path:
        """Write a whole model folder that mlx-lm loads, tokenizer and template included."""
        with self.holding(params) as model:
            return mlx_lora.save_fused(folder, self.source, model, self.config, dequantize)
