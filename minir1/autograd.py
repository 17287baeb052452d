"""What can be computed, and what is its derivative? The operations, under MLX's names.

What minir1 is written in, and the few more that a loss of one's own needs, with the names
and meanings of `mlx.core`, so that the algorithm is written once for both engines. How
derivatives are put together is in `tape.py`; the fused primitives that make it fast are in
`fused.py` (here as `fast`, `linear`, `swiglu`, `token_logprobs`).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from minir1.tape import _node, _raw, array, tree_map, value_and_grad  # noqa: F401

float16, float32, float64 = np.float16, np.float32, np.float64
int32, bool_ = np.int32, np.bool_
inf = np.inf


def _unbroadcast(g: np.ndarray, like: Any) -> np.ndarray | None:
    """Sum a gradient over the axes along which its operand was broadcast."""
    if not isinstance(like, array):
        return None
    if g.ndim > like.ndim:
        g = g.sum(axis=tuple(range(g.ndim - like.ndim)))
    stretched = tuple(i for i, n in enumerate(like.shape) if n == 1 and g.shape[i] != 1)
    return g.sum(axis=stretched, keepdims=True) if stretched else g


def _binary(forward: Any, left: Callable[..., Any], right: Callable[..., Any]) -> Any:
    """Make a function of two from its derivatives left(g, x, y, out) and right(…)."""

    def op(a: Any, b: Any) -> array:
        x, y = _raw(a), _raw(b)
        out = forward(x, y)

        def vjp(g: np.ndarray) -> tuple[Any, Any]:
            return (
                _unbroadcast(left(g, x, y, out), a) if isinstance(a, array) else None,
                _unbroadcast(right(g, x, y, out), b) if isinstance(b, array) else None,
            )

        return _node(out, (a, b), vjp)

    return op


def _unary(forward: Any, derivative: Callable[..., Any]) -> Any:
    """Make an element-wise function of one from its derivative(g, x, out)."""

    def op(a: Any) -> array:
        x = _raw(a)
        out = forward(x)
        return _node(out, (a,), lambda g: (derivative(g, x, out),))

    return op


add: Any = _binary(np.add, lambda g, x, y, o: g, lambda g, x, y, o: g)
subtract: Any = _binary(np.subtract, lambda g, x, y, o: g, lambda g, x, y, o: -g)
multiply: Any = _binary(np.multiply, lambda g, x, y, o: g * y, lambda g, x, y, o: g * x)
divide: Any = _binary(np.divide, lambda g, x, y, o: g / y, lambda g, x, y, o: -g * o / y)
minimum: Any = _binary(
    np.minimum, lambda g, x, y, o: g * (x <= y), lambda g, x, y, o: g * (np.less(y, x))
)
maximum: Any = _binary(
    np.maximum, lambda g, x, y, o: g * (x >= y), lambda g, x, y, o: g * (np.greater(y, x))
)
negative: Any = _unary(np.negative, lambda g, x, o: -g)
exp: Any = _unary(np.exp, lambda g, x, o: g * o)
expm1: Any = _unary(np.expm1, lambda g, x, o: g * (o + 1))
log: Any = _unary(np.log, lambda g, x, o: g / x)
sqrt: Any = _unary(np.sqrt, lambda g, x, o: g / (2 * o))
square: Any = _unary(np.square, lambda g, x, o: 2 * g * x)
abs: Any = _unary(np.abs, lambda g, x, o: g * np.sign(x))
sigmoid: Any = _unary(lambda x: np.exp(-np.logaddexp(0, -x)), lambda g, x, o: g * o * (1 - o))


def clip(a: Any, low: Any, high: Any) -> array:
    """Limit to [low, high]; no gradient outside."""
    return minimum(maximum(a, low), high)


def where(condition: Any, a: Any, b: Any) -> array:
    """Take from a where the condition holds, else from b."""
    c = _raw(condition)

    def vjp(g: np.ndarray) -> tuple[Any, Any]:
        return _unbroadcast(np.where(c, g, 0), a), _unbroadcast(np.where(c, 0, g), b)

    return _node(np.where(c, _raw(a), _raw(b)), (a, b), vjp)


def sum(a: Any, axis: Any = None, keepdims: bool = False) -> array:
    """Add up along an axis, or everything."""
    x = _raw(a)

    def vjp(g: np.ndarray) -> tuple[np.ndarray]:
        if axis is not None and not keepdims:
            g = np.expand_dims(g, axis)
        return (np.broadcast_to(g, x.shape),)

    return _node(np.sum(x, axis=axis, keepdims=keepdims), (a,), vjp)


def mean(a: Any, axis: Any = None, keepdims: bool = False) -> array:
    """Average along an axis, or over everything."""
    total = sum(a, axis, keepdims)
    return total * (total.size / _raw(a).size)


def max(a: Any, axis: Any = None, keepdims: bool = False) -> array:
    """Largest entry; carries no gradient."""
    return array(np.max(_raw(a), axis=axis, keepdims=keepdims))


def argmax(a: Any, axis: Any = None) -> array:
    """Index of the first largest entry."""
    return array(np.argmax(_raw(a), axis=axis))


def cumsum(a: Any, axis: Any = None) -> array:
    """Running sum; carries no gradient."""
    return array(np.cumsum(_raw(a), axis=axis))


def logsumexp(a: Any, axis: Any = None, keepdims: bool = False) -> array:
    """log of the sum of exp, without overflow."""
    x = _raw(a)
    top = x.max(axis=axis, keepdims=True)
    kept = top + np.log(np.exp(x - top).sum(axis=axis, keepdims=True))
    out = kept if keepdims else np.squeeze(kept, axis=axis)

    def vjp(g: np.ndarray) -> tuple[np.ndarray]:
        wide = g if keepdims or axis is None else np.expand_dims(g, axis)
        return (wide * np.exp(x - kept),)

    return _node(out, (a,), vjp)


def softmax(a: Any, axis: int = -1) -> array:
    """Probabilities from scores."""
    x = _raw(a)
    out = np.exp(x - x.max(axis=axis, keepdims=True))
    out /= out.sum(axis=axis, keepdims=True)
    return _node(out, (a,), lambda g: (out * (g - (g * out).sum(axis, keepdims=True)),))


def matmul(a: Any, b: Any) -> array:
    """Matrix product; a stack times one matrix is done as one large product."""
    x, y = _raw(a), _raw(b)
    flat = y.ndim == 2 and x.ndim > 2
    if flat:
        out = (x.reshape(-1, x.shape[-1]) @ y).reshape(*x.shape[:-1], y.shape[-1])
    else:
        out = x @ y

    def vjp(g: np.ndarray) -> tuple[Any, Any]:
        if flat:
            g2, x2 = g.reshape(-1, g.shape[-1]), x.reshape(-1, x.shape[-1])
            return (g2 @ y.T).reshape(x.shape), x2.T @ g2
        gx, gy = g @ np.swapaxes(y, -1, -2), np.swapaxes(x, -1, -2) @ g
        return _unbroadcast(gx, a), _unbroadcast(gy, b)

    return _node(out, (a, b), vjp)


def reshape(a: Any, shape: Any) -> array:
    """The same entries in another shape."""
    x = _raw(a)
    return _node(x.reshape(shape), (a,), lambda g: (g.reshape(x.shape),))


def transpose(a: Any, axes: Any = None) -> array:
    """Permute the axes; all reversed by default."""
    x = _raw(a)
    back = None if not axes else np.argsort(np.mod(axes, x.ndim))
    return _node(np.transpose(x, axes or None), (a,), lambda g: (np.transpose(g, back),))


def concatenate(arrays: list[Any], axis: int = 0) -> array:
    """Join along an axis."""
    parts = [_raw(a) for a in arrays]
    cuts = np.cumsum([p.shape[axis] for p in parts])[:-1]
    joined = np.concatenate(parts, axis=axis)
    return _node(joined, tuple(arrays), lambda g: tuple(np.split(g, cuts, axis)))


def take(a: Any, indices: Any, axis: int = 0) -> array:
    """Gather rows, as an embedding does; rows named twice get both gradients."""
    x, index = _raw(a), np.asarray(_raw(indices))

    def vjp(g: np.ndarray) -> tuple[np.ndarray]:
        out = np.zeros(x.shape, g.dtype)
        flat = index.reshape(-1) % x.shape[axis]  # -1 and the last are one row
        rows = np.moveaxis(g, range(axis, axis + index.ndim), range(index.ndim))
        rows = rows.reshape(flat.size, -1)
        order = np.argsort(flat, kind="stable")
        named, starts = np.unique(flat[order], return_index=True)
        sums = np.add.reduceat(rows[order], starts, axis=0)
        kept = np.moveaxis(out, axis, 0)
        kept[named] = sums.reshape(len(named), *kept.shape[1:])
        return (out,)

    return _node(np.take(x, index, axis=axis), (a,), vjp)


def take_along_axis(a: Any, indices: Any, axis: int) -> array:
    """Pick one entry per position along an axis; indices must not repeat a place."""
    x, index = _raw(a), np.asarray(_raw(indices))

    def vjp(g: np.ndarray) -> tuple[np.ndarray]:
        out = np.zeros(x.shape, g.dtype)
        np.put_along_axis(out, index, g, axis)
        return (out,)

    return _node(np.take_along_axis(x, index, axis), (a,), vjp)


def stop_gradient(a: Any) -> array:
    """The same value, as a constant."""
    return array(_raw(a))


def zeros(shape: Any, dtype: Any = float32) -> array:
    """An array of zeros, in MLX's float32 by default."""
    return array(np.zeros(shape, dtype))


def ones(shape: Any, dtype: Any = float32) -> array:
    """An array of ones, in MLX's float32 by default."""
    return array(np.ones(shape, dtype))


def arange(*bounds: Any, dtype: Any = None) -> array:
    """Numbers in steps of one: up to an end, or from a start to an end."""
    return array(np.arange(*bounds, dtype=dtype or int32))


def repeat(a: Any, repeats: int, axis: int) -> array:
    """Repeat each entry along an axis; carries no gradient."""
    return array(np.repeat(_raw(a), repeats, axis))


def eval(*arrays: Any) -> None:
    """Nothing to do: numpy is never lazy."""


# Fused primitives build on the tape above.
from minir1 import fused as fast  # noqa: E402, F401
from minir1.fused import linear, swiglu, token_logprobs  # noqa: E402, F401
