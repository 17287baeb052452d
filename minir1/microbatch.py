"""How does one batch become many small products that fit the cache, on every core?

Rows are sorted by length and cut into micro-batches of a token budget, so that little is
padding; the micro-batches are differentiated side by side and their gradients added in a
fixed order. The cut follows from the batch and the budget alone, so the number of threads
changes no bit of the sum. Losses must be sums with weights set beforehand (never averages
over the micro-batch): then the cut changes results only by float rounding.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minir1.backend import parallel_map, xp


@dataclass(frozen=True)
class MicroBatch:
    """Some rows of a batch, padded on the right to the longest of them.

    Shapes: rows (b), tokens (b, T), places (N): where (b, T) laid flat predicts a trained
    token; source (N): the same places in the (B, T-1) arrays of the whole batch laid flat.
    """

    rows: np.ndarray
    tokens: np.ndarray
    places: np.ndarray
    source: np.ndarray


def split(mask: np.ndarray, tokens: np.ndarray, budget: int) -> list[MicroBatch]:
    """Cut a batch into micro-batches of about `budget` tokens each, padding included.

    mask[b, t] = 1 says that token t + 1 of row b is trained. Rows with nothing to train
    are left out; columns after a row's last trained token are not computed.

    Shapes: mask (B, T-1), tokens (B, T)
    """
    used = mask > 0
    lengths = np.where(used.any(1), mask.shape[1] - np.argmax(used[:, ::-1], axis=1) + 1, 0)
    order = np.argsort(-lengths, kind="stable")
    order = order[lengths[order] > 0]
    batches, at = [], 0
    while at < len(order):
        width = int(lengths[order[at]])
        rows = order[at : at + max(1, budget // width)]
        at += len(rows)
        row, column = np.nonzero(used[rows, : width - 1])
        batches.append(
            MicroBatch(
                rows=rows,
                tokens=np.ascontiguousarray(tokens[rows, :width]),
                places=(row * width + column).astype(np.int32),
                source=rows[row] * mask.shape[1] + column,
            )
        )
    return batches


def gradients(
    loss: Callable[[Any, MicroBatch], tuple[Any, ...]],
    params: dict[str, Any],
    batches: Sequence[MicroBatch],
    threads: int = 0,
) -> tuple[list[tuple[Any, ...]], dict[str, Any]]:
    """Return every micro-batch's results and the sum of their gradients.

    loss(params, micro_batch) returns a tuple that begins with the scalar loss.
    """
    differentiate = xp.value_and_grad(loss)

    def one(batch: MicroBatch) -> tuple[tuple[Any, ...], dict[str, Any]]:
        out, grads = differentiate(params, batch)
        xp.eval(out, grads)
        return out, grads

    results: list[tuple[Any, ...]] = []
    total: dict[str, Any] = {}
    for out, grads in parallel_map(one, batches, threads):
        results.append(out)
        if not total:
            total = grads
            continue
        for name, g in grads.items():
            total[name] += g
        xp.eval(total)  # a sum that is put off would keep every gradient
    return results, total
