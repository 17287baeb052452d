"""The few operations where a model spends its time, each with its derivative by hand.

A fused primitive makes a handful of passes over memory where the composed formula would
make twenty, and keeps only what its derivative needs. Names, arguments and layouts are
those of `mlx.core.fast`; `swiglu` and `token_logprobs` exist under the same names for MLX
in `backend.py`. Every one of them is checked against finite differences.
"""

import functools
from typing import Any

import numpy as np

from minir1.tape import _node, _raw, array

_QUERY_BLOCK = 64  # causal attention never looks at keys after the block of its query


_FEW_ROWS = 256  # below, a product with a transposed view spends its time on the view


def linear(x: Any, weight: Any) -> array:
    """Multiply every vector by a matrix stored as Hugging Face stores it, (out, in).

        y = x Wᵀ

    While decoding, the same constant matrices meet few rows again and again: their
    transpose is then laid out once and kept.

    Shapes: x (…, C), weight (O, C) -> (…, O)
    """
    v, w = _raw(x), _raw(weight)
    flat = v.reshape(-1, v.shape[-1])
    turned = w.T
    if len(flat) < _FEW_ROWS and isinstance(weight, array) and weight.order < 0:
        if weight.turned is None:
            weight.turned = np.ascontiguousarray(w.T)
        turned = weight.turned
    out = (flat @ turned).reshape(*v.shape[:-1], len(w))

    def vjp(g: np.ndarray) -> tuple[Any, Any]:
        g = g.reshape(-1, len(w))
        return (g @ w).reshape(v.shape), g.T @ flat

    return _node(out, (x, weight), vjp)


def rms_norm(x: Any, weight: Any, eps: float) -> array:
    """Scale every vector to unit root mean square, then by a learned weight.

        y = w · x / sqrt(mean(x²) + eps)

    Shapes: x (…, C), weight (C) -> (…, C)
    """
    v, w = _raw(x), _raw(weight)
    size = v.shape[-1]
    flat = v.reshape(-1, size)
    power = np.einsum("nc,nc->n", flat, flat)[:, None]
    inverse = 1 / np.sqrt(power / size + eps)  # (N, 1)
    unit = flat * inverse

    def vjp(g: np.ndarray) -> tuple[Any, Any]:
        g = g.reshape(-1, size)
        gw = np.einsum("nc,nc->c", g, unit)
        gx = g * w
        gx -= unit * (np.einsum("nc,nc->n", gx, unit)[:, None] / size)
        gx *= inverse
        return gx.reshape(v.shape), gw

    return _node((unit * w).reshape(v.shape), (x, weight), vjp)


@functools.lru_cache(maxsize=64)
def _frequencies(dims: int, base: float) -> tuple[float, ...]:
    """Return by how many radians each pair turns from one position to the next: (D/2)."""
    half = dims // 2
    return tuple((base ** (-np.arange(half) / half)).tolist())


@functools.lru_cache(maxsize=64)
def _rope_table(
    length: int, frequencies: tuple[float, ...], dtype: str
) -> tuple[Any, Any, Any]:
    """Cosines, sines (T, D), and the matrix that turns (a, b) into (-b, a)."""
    half, dims = len(frequencies), 2 * len(frequencies)
    angle = np.arange(length)[:, None] * np.array(frequencies)  # (T, D/2)
    angle = np.concatenate([angle, angle], axis=1)  # (T, D)
    turn = np.zeros((dims, dims), dtype)
    turn[np.arange(half) + half, np.arange(half)] = -1
    turn[np.arange(half), np.arange(half) + half] = 1
    return np.cos(angle).astype(dtype), np.sin(angle).astype(dtype), turn


def rope(
    x: Any,
    dims: int,
    *,
    traditional: bool = False,
    base: float | None,
    scale: float,
    offset: Any,
    freqs: Any = None,
) -> array:
    """Rotate each pair of features by an angle that grows with the position.

        (a, b) at position t  ->  (a cos tθ - b sin tθ, b cos tθ + a sin tθ)

    The pair is (i, i + D/2), as in Hugging Face's Llama. offset is the position of the
    first row: a number, or one for every batch row. freqs are 1/θ (MLX's name for them);
    without them θ follows from the base.

    Shapes: x (B, H, T, D), freqs (D/2) -> (B, H, T, D)
    Source: Su et al. 2021 (RoFormer), section 3.4
    """
    v = _raw(x)
    if traditional or scale != 1 or dims != v.shape[-1]:
        raise NotImplementedError("rope: only full, unscaled, half-split rotation")
    first = np.asarray(_raw(offset))
    length = v.shape[-2]
    reach = 1 << int(first.max() + length - 1).bit_length()  # a power of two: few tables
    if base is not None:
        frequencies = _frequencies(dims, base)
    else:
        frequencies = tuple((1 / np.asarray(_raw(freqs), np.float64)).tolist())
    cos, sin, turn = _rope_table(reach, frequencies, v.dtype.char)
    if first.ndim == 0:
        rows = slice(int(first), int(first) + length)
        cos, sin = cos[rows], sin[rows]  # (T, D)
    else:
        places = first[:, None] + np.arange(length)
        cos, sin = cos[places][:, None], sin[places][:, None]  # (B, 1, T, D)

    def rotate(u: np.ndarray, direction: int) -> np.ndarray:
        turned = (u.reshape(-1, dims) @ turn).reshape(u.shape)
        turned *= sin * direction
        turned += u * cos
        return turned

    return _node(rotate(v, 1), (x,), lambda g: (rotate(g, -1),))


def _blocks(length: int, causal: bool) -> list[tuple[int, int]]:
    """Cut the queries so that early ones never meet late keys."""
    step = _QUERY_BLOCK if causal else max(length, 1)
    return [(t, min(t + step, length)) for t in range(0, length, step)]


@functools.lru_cache(maxsize=512)
def _future(length: int, dtype: str) -> np.ndarray:
    """What to add to the scores of a square block so that nobody looks ahead."""
    return np.triu(np.full((length, length), -np.inf, dtype), 1)


def _block_weights(
    q: np.ndarray, k: np.ndarray, t0: int, reach: int, mask: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Unnormalised attention weights of one block of queries, and their sums.

    Shapes: q (B, K, G, t, D), k (B, K, S, D) -> (B, K, G*t, reach), (B, K, G*t, 1)
    """
    B, K, G, t, D = q.shape
    keys = np.swapaxes(k[:, :, :reach], -1, -2)
    e = q.reshape(B, K, G * t, D) @ keys
    if isinstance(mask, str):
        corner = e.reshape(B, K, G, t, reach)[..., t0:]
        corner += _future(t, e.dtype.char)
    elif mask is not None:
        spread = np.broadcast_to(_raw(mask), (B, K * G, t, reach))
        e += spread.reshape(B, K, G * t, reach)
    e -= e.max(axis=-1, keepdims=True)
    np.exp(e, out=e)
    return e, e.sum(axis=-1, keepdims=True)


def scaled_dot_product_attention(
    q: Any, k: Any, v: Any, *, scale: float, mask: Any = None
) -> array:
    """Let every query take an average of the values, weighted by its match with the keys.

        o_t = sum_s softmax_s(scale · q_t·k_s) v_s

    Fewer key heads than query heads share out in order (grouped-query attention). mask is
    None, "causal" (query t sees keys 0..t) or numbers added to the scores.

    Shapes: q (B, H, T, D), k, v (B, K, S, D) -> (B, H, T, D)
    Source: Vaswani et al. 2017; Ainslie et al. 2023 (grouped queries)
    """
    queries, keys, values = _raw(q), _raw(k), _raw(v)
    B, H, T, D = queries.shape
    K, S = keys.shape[1:3]
    G = H // K
    causal = isinstance(mask, str)
    scaled = queries.reshape(B, K, G, T, D) * queries.dtype.type(scale)
    out = np.empty((B, T, K, G, D), queries.dtype)
    grouped = out.transpose(0, 2, 3, 1, 4)  # (B, K, G, T, D), laid out (B, T, H, D)
    saved = []
    for t0, t1 in _blocks(T, causal):
        reach = t1 if causal else S
        e, total = _block_weights(scaled[:, :, :, t0:t1], keys, t0, reach, mask)
        o = (e @ values[:, :, :reach]) / total
        grouped[:, :, :, t0:t1] = o.reshape(B, K, G, t1 - t0, D)
        saved.append((t0, t1, reach, e, total, o))

    def vjp(g: np.ndarray) -> tuple[Any, Any, Any]:
        g = g.reshape(B, K, G, T, D)
        gq = np.empty((B, T, K, G, D), g.dtype)
        gk, gv = np.zeros((B, K, S, D), g.dtype), np.zeros((B, K, S, D), g.dtype)
        for t0, t1, reach, e, total, o in saved:
            rows = (B, K, G * (t1 - t0), D)
            go = g[:, :, :, t0:t1].reshape(rows) / total
            gv[:, :, :reach] += np.swapaxes(e, -1, -2) @ go
            ge = go @ np.swapaxes(values[:, :, :reach], -1, -2)
            ge -= np.einsum("bknd,bknd->bkn", go, o)[..., None]
            ge *= e
            part = (ge @ keys[:, :, :reach]) * g.dtype.type(scale)
            gq.transpose(0, 2, 3, 1, 4)[:, :, :, t0:t1] = part.reshape(B, K, G, t1 - t0, D)
            gk[:, :, :reach] += np.swapaxes(ge, -1, -2) @ scaled[:, :, :, t0:t1].reshape(rows)
        return gq.reshape(B, T, H, D).transpose(0, 2, 1, 3), gk, gv

    return _node(out.reshape(B, T, H, D).transpose(0, 2, 1, 3), (q, k, v), vjp)


def swiglu(gate: Any, up: Any) -> array:
    """Let one half of the hidden layer open and close the other.

        y = gate · sigmoid(gate) · up

    Shapes: (…, F), (…, F) -> (…, F)
    Source: Shazeer 2020 (GLU variants improve transformer)
    """
    x, u = _raw(gate), _raw(up)
    open_ = np.negative(x)
    with np.errstate(over="ignore"):  # exp(90) is infinite, and its reciprocal rightly 0
        np.exp(open_, out=open_)
    open_ += 1
    np.reciprocal(open_, out=open_)  # sigmoid(gate)
    silu = x * open_

    def vjp(g: np.ndarray) -> tuple[Any, Any]:
        slope = 1 - open_
        slope *= silu
        slope += open_  # d silu / d gate
        slope *= u
        slope *= g
        return slope, g * silu

    return _node(silu * u, (gate, up), vjp)


def token_logprobs(logits: Any, targets: Any) -> array:
    """The log-probability that the policy gives each token that was taken.

        log π(a) = z_a - log sum_b exp z_b

    Shapes: logits (N, V), targets (N) -> (N)
    """
    z, index = _raw(logits), np.asarray(_raw(targets))
    top = z.max(axis=-1, keepdims=True)
    e = z - top
    rows = np.arange(len(index))
    taken = e[rows, index]
    np.exp(e, out=e)
    total = e.sum(axis=-1)

    def vjp(g: np.ndarray) -> tuple[np.ndarray]:
        gz = e * (-g / total)[:, None]
        gz[rows, index] += g
        return (gz,)

    return _node(taken - np.log(total), (logits,), vjp)
