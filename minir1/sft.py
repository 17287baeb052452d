"""How does a model learn from text? By making the next token of that text more likely.

    loss = - sum_t mask_t log π(x_{t+1} | x_{≤t}) / sum_t mask_t

One update serves pretraining (every token trained) and supervised fine-tuning (completions
only). There is no loop over steps here.
"""

from typing import Any

import numpy as np

from minir1 import microbatch, model, optim
from minir1.backend import xp
from minir1.policy import Policy
from minir1.rng import generator


def members(seed: int, stage: str, step: int, count: int, size: int) -> np.ndarray:
    """Choose what a step learns from: epoch after epoch, each in an order of its own.

    Shapes: -> (at most `size`) places among `count`
    """
    epoch, place = divmod(step, -(-count // size))
    order = generator(seed, stage, "order", epoch).permutation(count)
    return order[place * size : (place + 1) * size]


def pad(rows: list[np.ndarray], pad_id: int) -> np.ndarray:
    """Lay sequences side by side, padded on the right.

    Shapes: [B sequences] -> (B, T) int32
    """
    tokens = np.full((len(rows), max(map(len, rows))), pad_id, np.int32)  # (B, T)
    for i, row in enumerate(rows):
        tokens[i, : len(row)] = row
    return tokens


def text_mask(rows: list[np.ndarray], prompt_lengths: list[int] | None = None) -> np.ndarray:
    """Mark the tokens to train: all but the first, or only what follows each prompt.

    Shapes: [B sequences] -> (B, T-1); entry t stands for the token at t + 1
    """
    starts = prompt_lengths or [1] * len(rows)
    mask = np.zeros((len(rows), max(map(len, rows)) - 1), np.float32)  # (B, T-1)
    for i, (row, start) in enumerate(zip(rows, starts, strict=True)):
        mask[i, start - 1 : len(row) - 1] = 1
    return mask


def next_token_gradients(
    params: model.Params,
    policy: Policy,
    tokens: np.ndarray,
    mask: np.ndarray,
    budget: int,
    threads: int = 0,
) -> tuple[float, dict[str, Any]]:
    """Return the mean loss over all trained tokens of the batch, and its gradient.

    Shapes: tokens (B, T), mask (B, T-1)
    """
    scale = 1 / float(mask.sum())

    def loss(p: model.Params, batch: microbatch.MicroBatch) -> tuple[Any]:
        logprobs = policy.place_logprobs(p, batch.tokens, batch.places)  # (N)
        return (-xp.sum(logprobs) * scale,)

    batches = microbatch.split(mask, tokens, budget)
    results, grads = policy.gradients(loss, params, batches, threads)
    return sum(float(out[0].item()) for out in results), grads


def update(
    params: model.Params,
    grads: dict[str, Any],
    state: dict[str, Any],
    learning_rate: float,
    grad_clip: float,
    betas: tuple[float, float],
    weight_decay: float,
) -> tuple[model.Params, dict[str, Any], float]:
    """Clip and apply a gradient; return parameters, optimiser state and the norm before."""
    grads, norm = optim.clip_by_global_norm(grads, grad_clip)
    params, state = optim.adamw(params, grads, state, learning_rate, betas, weight_decay)
    xp.eval(params, state)
    return params, state, norm
