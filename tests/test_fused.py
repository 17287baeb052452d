"""Do the fused primitives compute their formula, and is their hand-made derivative right?

Every forward pass is compared with the formula written out in loops or in plain numpy, every
derivative with finite differences, at sizes on both sides of each internal block.
"""

import math
from typing import Any

import numpy as np
import pytest
from check import F32, F64, check_gradient, close, draw

from minir1 import autograd as ag
from minir1 import fused


@pytest.mark.parametrize("shape", [(5,), (3, 5), (2, 3, 4, 6)])
def test_rms_norm(shape: tuple[int, ...]) -> None:
    x, w = draw("rms", *shape), draw("rms weight", shape[-1])

    def fn(x: Any, w: Any) -> Any:
        return fused.rms_norm(x, w, 0.1)

    expected = x / np.sqrt((x * x).mean(-1, keepdims=True) + 0.1) * w
    close("rms_norm", fn(x, w), expected, **F64)
    check_gradient("rms_norm", fn, x, w)


def test_rms_norm_of_zeros_is_zero() -> None:
    out, grad = ag.value_and_grad(lambda x: ag.sum(fused.rms_norm(x, np.ones(4), 1e-5)))(
        np.zeros((2, 4))
    )
    assert out.item() == 0
    assert np.isfinite(np.asarray(grad)).all()


def turned(x: np.ndarray, first: Any, base: float) -> np.ndarray:
    """Rotary positions in loops: pair (i, i + D/2) at position p turns by p / base^(2i/D)."""
    B, _, T, D = x.shape
    out = np.empty_like(x)
    for b, t, i in np.ndindex(B, T, D // 2):
        position = (first if np.ndim(first) == 0 else first[b]) + t
        angle = position / base ** (2 * i / D)
        u, v = x[b, :, t, i], x[b, :, t, i + D // 2]
        out[b, :, t, i] = u * math.cos(angle) - v * math.sin(angle)
        out[b, :, t, i + D // 2] = v * math.cos(angle) + u * math.sin(angle)
    return out


def rope(x: Any, base: float = 20.0, offset: Any = 0) -> Any:
    return fused.rope(x, x.shape[-1], traditional=False, base=base, scale=1.0, offset=offset)


@pytest.mark.parametrize("length", [1, 5, 8, 9])  # tables come in powers of two
@pytest.mark.parametrize("offset", [0, 1, 7, np.array([0, 5])], ids=str)
def test_rope(length: int, offset: Any) -> None:
    x = draw("rope", 2, 3, length, 6)
    close("rope", rope(x, offset=offset), turned(x, offset, 20.0), **F64)
    check_gradient("rope", lambda v: rope(v, offset=offset), x, at_most=40)


def test_rope_knows_its_base() -> None:
    x = draw("base", 1, 1, 4, 8)
    for base in (10.0, 1e6):
        close(f"base {base}", rope(x, base), turned(x, 0, base), **F64)


def test_rope_keeps_lengths_and_sees_distances_only() -> None:
    q, k = draw("q", 1, 1, 1, 8), draw("k", 1, 1, 1, 8)
    close("length", np.linalg.norm(rope(q, offset=11)), np.linalg.norm(q), **F64)
    near = np.sum(np.asarray(rope(q, offset=5)) * np.asarray(rope(k, offset=2)))
    far = np.sum(np.asarray(rope(q, offset=90)) * np.asarray(rope(k, offset=87)))
    close("q·k at distance 3", near, far, **F64)


def test_rope_refuses_what_it_does_not_compute() -> None:
    x = np.ones((1, 1, 2, 8))
    for change in ({"traditional": True}, {"scale": 0.5}, {"dims": 4}):
        arguments = {"dims": 8, "traditional": False, "base": 1e4, "scale": 1.0, "offset": 0}
        with pytest.raises(NotImplementedError):
            fused.rope(x, **{**arguments, **change})


def attended(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, scale: float, mask: Any
) -> np.ndarray:
    """Attention, one query at a time."""
    B, H, T, _ = q.shape
    share, S = H // k.shape[1], k.shape[2]
    out = np.zeros_like(q)
    for b, h, t in np.ndindex(B, H, T):
        scores = k[b, h // share] @ q[b, h, t] * scale
        if isinstance(mask, str):
            scores[t + 1 :] = -np.inf
        elif mask is not None:
            scores = scores + np.broadcast_to(mask, (B, H, T, S))[b, h, t]
        weights = np.exp(scores - scores.max())
        out[b, h, t] = weights / weights.sum() @ v[b, h // share]
    return out


def qkv(B: int, H: int, K: int, T: int, S: int, D: int) -> tuple[np.ndarray, ...]:
    return draw("q", B, H, T, D), draw("k", B, K, S, D), draw("v", B, K, S, D)


def attention(mask: Any, scale: float = 0.7) -> Any:
    def fn(q: Any, k: Any, v: Any) -> Any:
        return fused.scaled_dot_product_attention(q, k, v, scale=scale, mask=mask)

    return fn


HIDDEN = np.where(draw("hidden", 2, 1, 1, 7) > 0.5, -1e9, 0.0)
BIAS = draw("bias", 2, 4, 5, 7)


@pytest.mark.parametrize(
    ("sizes", "mask"),
    [
        ((2, 2, 2, 5, 5, 4), None),
        ((2, 4, 2, 5, 7, 4), None),
        ((1, 6, 2, 3, 3, 2), "causal"),
        ((2, 4, 1, 5, 5, 4), "causal"),
        ((2, 4, 4, 5, 7, 4), HIDDEN),
        ((2, 4, 2, 5, 7, 4), BIAS),
        ((2, 4, 2, 5, 7, 4), BIAS[:1, :1]),
        ((1, 4, 2, 1, 1, 2), "causal"),
        ((1, 4, 2, 63, 63, 2), "causal"),
        ((1, 4, 2, 64, 64, 2), "causal"),
        ((2, 4, 2, 65, 65, 2), "causal"),
        ((1, 2, 1, 130, 130, 2), "causal"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_attention(sizes: tuple[int, ...], mask: Any) -> None:
    arguments = qkv(*sizes)
    fn = attention(mask)
    close("attention", fn(*arguments), attended(*arguments, 0.7, mask), **F64)
    check_gradient("attention", fn, *arguments, at_most=25 if sizes[3] > 60 else 60)


def test_the_first_and_last_key_of_every_block_get_their_gradient() -> None:
    """Random places might miss the seams between blocks of 64 queries."""
    q, k, v = qkv(1, 2, 1, 130, 130, 2)
    fn, weights = attention("causal"), draw("seam", 1, 2, 130, 2)
    _, (gq, gk, gv) = ag.value_and_grad(lambda p: ag.sum(fn(*p) * weights))([q, k, v])
    whole = np.triu(np.full((130, 130), -1e9), 1)
    plain = attention(whole)  # not blocked
    _, expected = ag.value_and_grad(lambda p: ag.sum(plain(*p) * weights))([q, k, v])
    for name, ours, theirs in zip("qkv", (gq, gk, gv), expected, strict=True):
        close(name, ours, theirs, **F64)


def test_causal_attention_never_sees_the_future() -> None:
    q, k, v = qkv(1, 2, 2, 70, 70, 4)
    before = np.asarray(attention("causal")(q, k, v)).copy()
    k[:, :, 40:], v[:, :, 40:] = 99.0, 99.0
    after = np.asarray(attention("causal")(q, k, v))
    assert np.array_equal(before[:, :, :40], after[:, :, :40])
    assert not np.array_equal(before[:, :, 40:], after[:, :, 40:])


def test_heads_share_keys_in_order() -> None:
    q, k, v = qkv(1, 4, 2, 3, 3, 4)
    wide = attention(None)(q, np.repeat(k, 2, axis=1), np.repeat(v, 2, axis=1))
    close("grouped", attention(None)(q, k, v), wide, **F64)


def test_attention_survives_large_scores() -> None:
    q, k, v = (1e3 * x.astype(np.float32) for x in qkv(1, 1, 1, 4, 4, 4))
    assert np.isfinite(np.asarray(attention("causal")(q, k, v))).all()


def test_swiglu() -> None:
    gate, up = draw("gate", 3, 5, scale=3.0), draw("up", 3, 5)
    close("swiglu", fused.swiglu(gate, up), gate / (1 + np.exp(-gate)) * up, **F64)
    check_gradient("swiglu", fused.swiglu, gate, up)


def test_swiglu_far_from_zero_is_quiet_and_finite() -> None:
    gate = np.array([-1e3, -90.0, 90.0, 1e3], np.float32)
    out, grads = ag.value_and_grad(lambda p: (ag.sum(fused.swiglu(*p)), fused.swiglu(*p)))(
        [gate, np.ones(4, np.float32)]
    )
    close("swiglu", out[1], [0, 0, 90, 1e3], **F32)
    close("slope in the gate", grads[0], [0, 0, 1, 1], **F32)


def test_token_logprobs() -> None:
    z, targets = draw("z", 6, 5, scale=2.0), np.array([0, 4, 2, 2, 1, 3])
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    out = fused.token_logprobs(z, targets)
    close("token_logprobs", out, np.log(p[np.arange(6), targets]), **F64)
    check_gradient("token_logprobs", lambda z: fused.token_logprobs(z, targets), z)


def test_token_logprobs_keep_their_digits() -> None:
    z = np.array([[1e4, 0.0, -1e4]], np.float32)
    for target, expected in ((0, 0.0), (1, -1e4), (2, -2e4)):
        out = fused.token_logprobs(z, np.array([target]))
        close(f"word {target}", out, [expected], **F32)
    z = draw("digits", 50, 11, scale=4.0).astype(np.float32)
    targets = np.arange(50) % 11
    p = np.exp(z.astype(float)) / np.exp(z.astype(float)).sum(1, keepdims=True)
    exact = np.log(p[np.arange(50), targets])
    close("float32", fused.token_logprobs(z, targets), exact, rtol=1e-6, atol=1e-6)


def test_probabilities_of_all_words_add_to_one() -> None:
    z = np.repeat(draw("sum", 1, 7), 7, axis=0)
    out = np.asarray(fused.token_logprobs(z, np.arange(7)))
    close("sum", np.exp(out).sum(), 1.0, **F64)


def test_float32_stays_float32() -> None:
    x = draw("float32", 2, 2, 3, 4).astype(np.float32)
    w = np.ones(4, np.float32)
    for name, fn in (
        ("rms_norm", lambda x: fused.rms_norm(x, w, 1e-5)),
        ("rope", rope),
        ("attention", lambda x: attention("causal")(x, x, x)),
        ("masked attention", lambda x: attention(np.zeros((3, 3)))(x, x, x)),
        ("swiglu", lambda x: fused.swiglu(x, x)),
        ("token_logprobs", lambda x: fused.token_logprobs(x.reshape(12, 4), np.zeros(12, int))),
    ):
        out, grad = ag.value_and_grad(lambda x, fn=fn: (ag.sum(fn(x)), fn(x)))(x)
        assert out[1].dtype == grad.dtype == np.float32, name


def test_inputs_are_not_changed() -> None:
    x = draw("inputs", 2, 2, 3, 4)
    before = x.copy()
    for fn in (
        lambda x: fused.rms_norm(x, np.ones(4), 1e-5),
        rope,
        lambda x: attention("causal")(x, x, x),
        lambda x: fused.swiglu(x, x),
        lambda x: fused.token_logprobs(x.reshape(12, 4), np.zeros(12, int)),
    ):
        ag.value_and_grad(lambda x, fn=fn: ag.sum(fn(x) * fn(x)))(x)
        assert np.array_equal(x, before)


@pytest.mark.parametrize("rows", [3, 300])
def test_linear(rows: int) -> None:
    x, weight = draw("x", 2, rows, 5), draw("weight", 4, 5)
    close("linear", fused.linear(x, weight), x @ weight.T, **F64)
    close("linear, kept", fused.linear(ag.array(x), ag.array(weight)), x @ weight.T, **F64)
    check_gradient("linear", fused.linear, draw("few", 2, 3, 5), weight)


def test_linear_forgets_a_transpose_that_is_out_of_date() -> None:
    x, weight = ag.array(draw("x", 2, 5)), ag.array(draw("weight", 4, 5))
    fused.linear(x, weight)
    weight[0] = 7.0
    close("linear", fused.linear(x, weight), x.data @ weight.data.T, **F64)
