"""How does one mlx-lm model get a narrower head and cheaper memory, without touching others?

mlx-lm writes every architecture as modules of its own. What training needs is added to the
modules of *this* model: each gets a subclass of its own class, so names of parameters,
`isinstance` and every other model of the process stay as they are. (mlx-lm's own
`grad_checkpoint` changes the class itself, for every model that is ever loaded.)
"""

from collections.abc import Callable
from typing import Any

import mlx.core as mx
import mlx.nn as nn

HEADS = ("lm_head", "embed_out", "output", "head")  # what mlx-lm calls the output layer


class Window:
    """Where logits are wanted: an index along (B, T) laid flat, or everywhere."""

    def __init__(self) -> None:
        self.places: mx.array | None = None
        self.used = False  # whether an output layer has looked through it

    def cut(self, hidden: mx.array) -> mx.array:
        """Keep the wanted positions. Shapes: (B, T, C) -> (1, N, C)"""
        if self.places is None:
            return hidden
        self.used = True
        return hidden.reshape(-1, hidden.shape[-1])[self.places][None]


def narrow_head(model: nn.Module) -> Window:
    """Let the output layer compute logits only where the returned window says.

    The output layer has one of the usual names, or is the embedding, used once more.
    What follows it (a scale, a soft cap) acts on each logit by itself.
    """
    window, found = Window(), dict(model.named_modules())
    embeddings = [name for name, module in found.items() if hasattr(module, "as_linear")]
    for name, module in found.items():
        if name.rpartition(".")[2] in HEADS and ".layers." not in name:
            _specialise(module, __call__=_cut_first(type(module).__call__, window))
        elif name in embeddings and name.rpartition(".")[0] not in embeddings:
            _specialise(module, as_linear=_cut_first(type(module).as_linear, window))
    return window


def checkpoint_layers(model: nn.Module) -> None:
    """Keep only what enters each layer; in training the rest is computed again.

    Costs one more forward pass of every layer. The gradients are the same.
    Source: Chen et al. 2016 (Training deep nets with sublinear memory cost)
    """
    for layer in model.layers:
        _specialise(layer, __call__=_recomputed(type(layer).__call__))


def _specialise(module: nn.Module, **methods: Callable[..., Any]) -> None:
    """Give one module a subclass of its class in which some methods differ."""
    kind = type(module)
    module.__class__ = type(kind.__name__, (kind,), methods)


def _cut_first(method: Callable[..., Any], window: Window) -> Callable[..., Any]:
    def narrowed(module: nn.Module, hidden: mx.array, *rest: Any) -> Any:
        return method(module, window.cut(hidden), *rest)

    return narrowed


def _recomputed(call: Callable[..., Any]) -> Callable[..., Any]:
    def checkpointed(layer: nn.Module, *args: Any, **kwargs: Any) -> Any:
        if not layer.training:
            return call(layer, *args, **kwargs)

        def inner(weights: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
            layer.update(weights)
            return call(layer, *args, **kwargs)

        return mx.checkpoint(inner)(layer.trainable_parameters(), *args, **kwargs)

    return checkpointed
