"""How is the gradient of a micro-batch compiled once, and not again for every shape?

`mx.compile` keeps a graph for every shape that it meets. Micro-batches are therefore padded
to widths and numbers of places that are multiples of a step: few shapes, little padding.
Padded places repeat the last one and weigh nothing.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Protocol, runtime_checkable

import mlx.core as mx
import numpy as np

from minir1.microbatch import MicroBatch

WIDTHS, PLACES = 64, 128  # the steps of padded widths and of padded numbers of places

Params = dict[str, Any]
Scorer = Callable[[Params, Any, Any, float], mx.array]


@runtime_checkable
class TokenLoss(Protocol):
    """A loss that is a function of log-probabilities and of numbers a token has.

    Two losses with equal keys are the same function; "weights" among the numbers is what a
    token counts, so that a token with weight 0 adds nothing.
    """

    @property
    def key(self) -> Hashable: ...

    @property
    def temperature(self) -> float: ...

    def numbers(self, batch: MicroBatch) -> dict[str, np.ndarray]:
        """Return what belongs to the places of a micro-batch. Shapes: -> (N) each"""
        ...

    def value(self, logprobs: Any, numbers: dict[str, Any]) -> tuple[Any, ...]:
        """Return the scalar loss, and more. Shapes: (N), (N) each"""
        ...


class Compiled:
    """Compiled gradients by the key of their loss; they last as long as the policy."""

    def __init__(self, score: Scorer):
        self.score = score
        self.made: dict[Hashable, Callable[..., Any]] = {}

    def __call__(self, loss: TokenLoss, params: Params, batch: MicroBatch) -> Any:
        """Return what the loss returns, and the gradient."""
        count = len(batch.places)
        tokens, places, numbers = padded(batch, loss.numbers(batch))
        out, grads = self._gradient_of(loss)(params, tokens, places, numbers)
        cut = [x[:count] if x.ndim and len(x) == len(places) else x for x in out]
        return tuple(cut), grads

    def _gradient_of(self, loss: TokenLoss) -> Callable[..., Any]:
        if loss.key not in self.made:
            value, temperature = loss.value, loss.temperature

            def of(params: Params, tokens: Any, places: Any, numbers: Any) -> Any:
                return value(self.score(params, tokens, places, temperature), numbers)

            self.made[loss.key] = mx.compile(mx.value_and_grad(of))
        return self.made[loss.key]


def padded(
    batch: MicroBatch, numbers: dict[str, np.ndarray]
) -> tuple[mx.array, mx.array, dict[str, mx.array]]:
    """Pad a micro-batch to one of few shapes.

    Shapes: tokens (b, T) -> (b, W), places (N) -> (M), numbers (N) -> (M) each
    """
    rows, width = batch.tokens.shape
    wide = -(-width // WIDTHS) * WIDTHS
    tokens = np.zeros((rows, wide), np.int32)
    tokens[:, :width] = batch.tokens
    row, column = np.divmod(batch.places, width)
    extra = (0, -len(row) % PLACES)
    places = np.pad((row * wide + column).astype(np.int32), extra, mode="edge")
    filled = {
        name: mx.array(np.pad(value, extra, mode="constant" if name == "weights" else "edge"))
        for name, value in numbers.items()
    }
    return mx.array(tokens), mx.array(places), filled


def gradients(
    one: Callable[[MicroBatch], tuple[tuple[Any, ...], Params]],
    params: Params,
    batches: Sequence[MicroBatch],
) -> tuple[list[tuple[Any, ...]], Params]:
    """Differentiate micro-batches one after another; return results and summed gradients.

    What a micro-batch needed is let go before the next.
    """
    results, total = [], {name: mx.zeros(p.shape) for name, p in params.items()}
    for batch in batches:
        out, grads = one(batch)
        total = {name: g + grads[name] for name, g in total.items()}
        mx.eval(out, total)
        results.append(out)
    return results, total
