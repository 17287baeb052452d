"""How much arithmetic do sampling and learning need, whoever does it?

Floating-point operations of matrix products, a multiplication and an addition counted as two,
as the mathematics needs them: no padding, no finished rows, no logits that nobody scores.
Norms, rotations, softmax and the embedding are left out: no matrix product does them.
"""

from math import prod
from typing import Any

import numpy as np

from minir1.model import parameter_shapes
from minir1.model_config import ModelConfig


def forward_flops(shape: ModelConfig, first: Any, last: Any, scored: int) -> int:
    """Count the FLOPs of reading positions first..last-1 of each row, and scoring some.

        2 · (parameters in matrices) · tokens  +  4 L H D · keys seen  +  2 C V · scored

    A position t sees t + 1 keys: half of the square, as causal attention needs.

    Shapes: first, last (B)
    """
    shapes = parameter_shapes(shape).items()
    matrices = sum(prod(size) for name, size in shapes if name.endswith("_proj.weight"))
    first, last = np.asarray(first, np.int64), np.asarray(last, np.int64)
    tokens = int((last - first).sum())
    seen = int((last * (last + 1) - first * (first + 1)).sum()) // 2
    width = shape.num_attention_heads * shape.head_dim
    attention = 4 * shape.num_hidden_layers * width * seen
    return 2 * matrices * tokens + attention + 2 * shape.hidden_size * shape.vocab_size * scored


def update_flops(shape: ModelConfig, prompts: np.ndarray, completions: np.ndarray) -> int:
    """Count a forward and a backward pass: three times the forward one.

    The last token of a row is scored and never read.

    Shapes: prompts, completions (B) are lengths
    """
    read = prompts + completions - 1
    return 3 * forward_flops(shape, 0 * read, read, int(completions.sum()))


def rollout_flops(
    shape: ModelConfig, prompts: np.ndarray, completions: np.ndarray, group: int
) -> int:
    """Count what sampling needs: a prompt is read once a group, then every token once.

    Shapes: prompts, completions (B) are lengths; a group lies side by side
    """
    once = prompts[::group]
    reading = forward_flops(shape, 0 * once, once, len(once))
    read = completions - 1  # the last token is never read
    return reading + forward_flops(shape, prompts, prompts + read, int(read.sum()))
