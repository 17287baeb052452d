"""How do gradients become a step? AdamW, a cap on the gradient's norm, two schedules.

    m ← β1 m + (1-β1) g          v ← β2 v + (1-β2) g²
    θ ← θ - η ( m̂ / (sqrt(v̂) + eps) + λ θ )

The decay λ is decoupled from the gradient and acts on matrices only (Loshchilov and
Hutter 2019). Everything is a pure function: state in, state out.
"""

import math
from typing import Any

from minir1.backend import xp

Tree = dict[str, Any]


def global_norm(grads: Tree) -> float:
    """The length of all gradients seen as one vector."""
    return math.sqrt(math.fsum(xp.sum(xp.square(g)).item() for g in grads.values()))


def clip_by_global_norm(grads: Tree, limit: float) -> tuple[Tree, float]:
    """Shorten the gradient to at most `limit`; return it with its length before."""
    norm = global_norm(grads)
    if norm > limit:
        grads = {name: g * (limit / norm) for name, g in grads.items()}
    return grads, norm


def adamw_init(params: Tree) -> Tree:
    """Start with both running averages at zero."""
    return {
        "step": 0,
        "m": {name: xp.zeros(p.shape) for name, p in params.items()},
        "v": {name: xp.zeros(p.shape) for name, p in params.items()},
    }


def adamw(
    params: Tree,
    grads: Tree,
    state: Tree,
    learning_rate: float,
    betas: tuple[float, float] = (0.9, 0.95),
    weight_decay: float = 0.0,
    eps: float = 1e-8,
) -> tuple[Tree, Tree]:
    """Take one step; return the new parameters and the new state."""
    b1, b2 = betas
    step = state["step"] + 1
    rate = learning_rate / (1 - b1**step)
    correction = 1 / math.sqrt(1 - b2**step)
    new: Tree = {"step": step, "m": {}, "v": {}}
    moved = {}
    for name, p in params.items():
        g = grads[name]
        m = state["m"][name] * b1 + g * (1 - b1)
        v = state["v"][name] * b2 + xp.square(g) * (1 - b2)
        decay = learning_rate * weight_decay if p.ndim > 1 else 0.0
        moved[name] = p * (1 - decay) - m * rate / (xp.sqrt(v) * correction + eps)
        new["m"][name], new["v"][name] = m, v
    return moved, new


def warmup(step: int, steps: int) -> float:
    """Rise linearly from 1/steps to 1, then stay."""
    return min(1.0, (step + 1) / max(steps, 1))


def warmup_linear(step: int, warmup_steps: int, total: float, final: float) -> float:
    """Rise linearly, then fall linearly to the final fraction at the last step."""
    if step < warmup_steps:
        return warmup(step, warmup_steps)
    progress = min(1.0, (step - warmup_steps) / max(total - 1 - warmup_steps, 1))
    return 1 - (1 - final) * progress


def warmup_cosine(step: int, warmup_steps: int, total: int, final: float) -> float:
    """Rise linearly, then fall along half a cosine to the final fraction."""
    if step < warmup_steps:
        return warmup(step, warmup_steps)
    progress = min(1.0, (step - warmup_steps) / max(total - warmup_steps, 1))
    return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * progress))
