"""How does an mlx-lm model write completions? In mlx-lm's batches, with numbers of our own.

mlx-lm reads the prompts together, each once, and decodes; a finished row leaves the batch.
The sampler inverts each row's whole distribution at the uniform of its address (seed, stage,
step, prompt, member, position), so what a row says does not depend on its neighbours, beyond
the rounding of the products. Token ids, log-probabilities and entropies are kept as drawn.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import numpy as np
from mlx_lm.generate import (
    GenerationBatch,
    PromptProcessingBatch,
    StopSequences,
    generate_step,
)
from mlx_lm.models.cache import make_prompt_cache

from minir1.rollout import Row

Model = Callable[..., mx.array]
BELOW_ONE = 1 - 2.0**-24  # the float32 before 1


def choose(logits: mx.array, u: mx.array) -> tuple[mx.array, mx.array, mx.array]:
    """Draw a token from each row by inverting its distribution at u.

    Returns tokens, their log-probabilities, and the entropy of each row.

    Shapes: logits (B, V) float32, u (B) -> (B), (B), (B)
    """
    z = logits - logits.max(axis=1, keepdims=True)
    e = mx.exp(z)
    edges = mx.cumsum(e, axis=1)  # (B, V)
    mark = mx.minimum(u, BELOW_ONE) * edges[:, -1]
    mark = mx.minimum(mark, edges[:, -1] * BELOW_ONE)[:, None]
    # A sum in parallel can rise by rounding where nothing is added.
    tokens = mx.argmax((edges > mark) & (e > 0), axis=1)
    total = e.sum(axis=1)
    log_total = mx.log(total)
    entropy = log_total - (e * z).sum(axis=1) / total
    taken = mx.take_along_axis(z, tokens[:, None], axis=1)[:, 0]
    return tokens, taken - log_total, entropy


class Draws:
    """The sampler that mlx-lm calls once a position, for all rows that still write."""

    def __init__(self, u: np.ndarray, temperature: float):
        self.u, self.temperature = u, temperature
        self.rows = list(range(len(u)))
        self.said: list[tuple[list[int], Any, Any]] = []  # rows, log-probs, entropy

    def __call__(self, logits: mx.array) -> mx.array:
        """Draw the next token of every row. Shapes: (b, V) -> (b)"""
        at = min(len(self.said), self.u.shape[1] - 1)  # mlx-lm computes one position ahead
        u = mx.array(self.u[self.rows, at])
        tokens, logprobs, entropy = choose(logits * (1 / self.temperature), u)
        mx.async_eval(logprobs, entropy)
        self.said.append((self.rows, logprobs, entropy))
        return tokens

    def rows_of(self, tokens: Sequence[Sequence[int]]) -> list[Row]:
        """Put beside the tokens of each row what was noted when they were drawn."""
        logprobs, entropy = np.zeros((2, *self.u.shape), np.float32)
        for at, (rows, logp, h) in enumerate(self.said[: self.u.shape[1]]):
            logprobs[rows, at], entropy[rows, at] = np.array(logp), np.array(h)
        return [
            (np.array(row, np.int32), logprobs[i, : len(row)], entropy[i, : len(row)])
            for i, row in enumerate(tokens)
        ]


@dataclass(frozen=True)
class Request:
    """What one call of `decode` writes: a group of completions of each of some prompts."""

    prompts: Sequence[Sequence[int]]
    group: int
    cap: int  # the most tokens of a completion
    eos_ids: Sequence[int]


def decode(
    model: Model, request: Request, u: np.ndarray, temperature: float, together: bool = True
) -> list[Row]:
    """Sample each row at its uniforms; together in a batch, or one row after another.

    Shapes: u (rows, cap), a group side by side -> [rows]
    """
    if not together:
        prompts = [prompt for prompt in request.prompts for _ in range(request.group)]
        pairs = zip(prompts, u, strict=True)
        return [_decode_alone(model, p, request, Draws(v[None], temperature)) for p, v in pairs]
    draws = Draws(u, temperature)
    tokens: list[list[int]] = [[] for _ in u]
    batch = _read(model, request, draws)
    while len(batch):
        draws.rows = list(batch.uids)
        for response in batch.next():
            tokens[response.uid].append(response.token)
    return draws.rows_of(tokens)


def _decode_alone(model: Model, prompt: Sequence[int], request: Request, draws: Draws) -> Row:
    tokens = []
    for token, _ in generate_step(
        mx.array(prompt),
        _in_float32(model),
        max_tokens=request.cap,
        sampler=draws,
        prompt_cache=make_prompt_cache(model),
    ):
        tokens.append(token)
        if token in request.eos_ids:
            break
    return draws.rows_of([tokens])[0]


def _in_float32(model: Model) -> Model:
    def scores(tokens: mx.array, cache: Any) -> mx.array:
        return model(tokens, cache=cache).astype(mx.float32)

    return scores


def can_batch(model: Model) -> bool:
    """Say whether mlx-lm's batches give a row the scores that it gets alone.

    A few architectures of mlx-lm do not expect padding before a prompt.
    """
    prompts = [[1, 2, 3, 4, 5, 6], [7, 8]]
    reading = [make_prompt_cache(model) for _ in prompts]
    try:
        batch = PromptProcessingBatch(model, [0, 1], reading)
        batch.prompt([prompt[:-1] for prompt in prompts])
        z = model(mx.array([prompt[-1:] for prompt in prompts]), cache=batch.prompt_cache)
        together = mx.softmax(z[:, -1].astype(mx.float32), axis=-1)
        mx.eval(together)
    except (ValueError, AttributeError):  # "cannot be broadcast", "does not support batching"
        return False
    alone = [
        mx.softmax(model(mx.array([prompt]))[0, -1].astype(mx.float32)) for prompt in prompts
    ]
    difference = mx.abs(together - mx.stack(alone)).sum(axis=-1) / 2  # total variation
    return bool(difference.max().item() < 0.05)


def _read(model: Model, request: Request, draws: Draws) -> GenerationBatch:
    """Read each prompt once, all but its last token, and hand its cache to its group."""
    prompts, group, count = request.prompts, request.group, len(request.prompts)
    reading = PromptProcessingBatch(
        _in_float32(model),
        list(range(count)),
        [make_prompt_cache(model) for _ in prompts],
        samplers=[draws] * count,  # one and the same, so mlx-lm calls it once for all rows
        logits_processors=[()] * count,
        stop_sequences=[StopSequences([[eos] for eos in request.eos_ids])] * count,
        max_tokens=[request.cap] * count,
    )
    reading.prompt([list(prompt[:-1]) for prompt in prompts])
    reading.filter([i for i in range(count) for _ in range(group)])
    reading.uids = list(range(count * group))
    reading.tokens = [[] for _ in reading.uids]
    return reading.generate([[prompt[-1]] for prompt in prompts for _ in range(group)])
