"""How does the policy turn tokens into probabilities?

A decoder of the Llama family as pure functions on a dict of parameters, named as in
Hugging Face checkpoints: token embedding, then per layer attention and a gated
feed-forward, each behind an RMSNorm and added to the residual stream. Qwen 2 (biases on
q, k, v) and Qwen 3 (normalised q and k) are the same function with more parameters.
Leaves out dropout, mixture of experts and long-context tricks: none is needed here.
"""

from typing import Any

import numpy as np

from minir1.backend import xp
from minir1.model_config import ModelConfig

Params = dict[str, Any]


def parameter_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Name every parameter and its shape, as Hugging Face does; matrices are (out, in)."""
    C, F, D = config.hidden_size, config.intermediate_size, config.head_dim
    H, K = config.num_attention_heads * D, config.num_key_value_heads * D
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (config.vocab_size, C)}
    for i in range(config.num_hidden_layers):
        layer = f"model.layers.{i}."
        shapes[layer + "input_layernorm.weight"] = (C,)
        for name, size in (("q_proj", H), ("k_proj", K), ("v_proj", K)):
            shapes[layer + f"self_attn.{name}.weight"] = (size, C)
            if config.attention_bias:
                shapes[layer + f"self_attn.{name}.bias"] = (size,)
        if config.qk_norm:
            shapes[layer + "self_attn.q_norm.weight"] = (D,)
            shapes[layer + "self_attn.k_norm.weight"] = (D,)
        shapes[layer + "self_attn.o_proj.weight"] = (C, H)
        shapes[layer + "post_attention_layernorm.weight"] = (C,)
        shapes[layer + "mlp.gate_proj.weight"] = (F, C)
        shapes[layer + "mlp.up_proj.weight"] = (F, C)
        shapes[layer + "mlp.down_proj.weight"] = (C, F)
    shapes["model.norm.weight"] = (C,)
    if not config.tie_word_embeddings:
        shapes["lm_head.weight"] = (config.vocab_size, C)
    return shapes


def init_params(config: ModelConfig, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw a fresh model: matrices N(0, .8²/fan_in), what writes to the stream smaller.

    The two projections that add to the residual stream are divided by sqrt(2L), so that
    the stream does not grow with depth (Radford et al. 2019).
    """
    params = {}
    for name, shape in parameter_shapes(config).items():
        if name.endswith("norm.weight"):
            params[name] = np.ones(shape, np.float32)
        elif name.endswith("bias"):
            params[name] = np.zeros(shape, np.float32)
        else:
            std = 0.02 if "embed" in name or "lm_head" in name else 0.8 / shape[1] ** 0.5
            if "o_proj" in name or "down_proj" in name:
                std /= (2 * config.num_hidden_layers) ** 0.5
            params[name] = (std * rng.standard_normal(shape)).astype(np.float32)
    return params


class Cache:
    """The keys and values of every position so far, so that a token costs one position.

    Keys lie as (B, K, D, S) and values as (B, K, S, D): both products of attention then
    run over contiguous rows. `padding` is the number of pad tokens on the left of each row.
    """

    GROWTH = 64  # positions of room that `select` leaves

    def __init__(self, config: ModelConfig, rows: int, capacity: int, padding: Any = None):
        K, D = config.num_key_value_heads, config.head_dim
        layers = range(config.num_hidden_layers)
        self.keys = [xp.zeros((rows, K, D, capacity)) for _ in layers]
        self.values = [xp.zeros((rows, K, capacity, D)) for _ in layers]
        self.length, self.capacity = 0, capacity
        self.padding = None if padding is None or not np.any(padding) else np.asarray(padding)

    @property
    def full(self) -> bool:
        """Say that there is no room for another position."""
        return self.length == self.capacity

    def select(self, rows: np.ndarray) -> None:
        """Keep these rows only (one may be taken several times), and make room to grow."""
        index, n = xp.array(np.asarray(rows, np.int32)), self.length

        def grown(old: Any, axis: int) -> Any:
            used = old[:, :, :, :n] if axis == 3 else old[:, :, :n]
            shape = [len(rows), *old.shape[1:]]
            shape[axis] = self.GROWTH
            room = xp.zeros(tuple(shape), old.dtype)
            return xp.concatenate([xp.take(used, index, axis=0), room], axis=axis)

        self.keys = [grown(keys, 3) for keys in self.keys]
        self.values = [grown(values, 2) for values in self.values]
        self.capacity = n + self.GROWTH
        if self.padding is not None:
            self.padding = self.padding[rows]

    def hidden_columns(self, reach: int) -> Any:
        """Scores to add so that nobody attends to padding: (B, 1, 1, reach), or None."""
        if self.padding is None:
            return None
        pad = np.arange(reach) < self.padding[:, None]
        return xp.array(np.where(pad, np.float32(-1e9), np.float32(0))[:, None, None, :])


def _linear(params: Params, name: str, x: Any) -> Any:
    y = xp.linear(x, params[name + ".weight"])
    bias = params.get(name + ".bias")
    return y if bias is None else y + bias


def _heads(
    params: Params, config: ModelConfig, at: str, which: str, x: Any, offset: int
) -> Any:
    """Project to heads; queries and keys are normalised (Qwen 3) and rotated.

    Shapes: x (B, T, C) -> (B, heads, T, D)
    """
    B, T, _ = x.shape
    y = _linear(params, f"{at}{which}_proj", x)
    y = y.reshape(B, T, -1, config.head_dim)
    if which != "v" and config.qk_norm:
        y = xp.fast.rms_norm(y, params[f"{at}{which}_norm.weight"], config.rms_norm_eps)
    y = y.transpose(0, 2, 1, 3)  # (B, heads, T, D)
    if which == "v":
        return y
    stretched = config.rope_periods
    return xp.fast.rope(
        y,
        config.head_dim,
        traditional=False,
        base=config.rope_theta if stretched is None else None,
        scale=1.0,
        offset=offset,
        freqs=None if stretched is None else xp.array(np.array(stretched, np.float32)),
    )


def _attend_cached(q: Any, k: Any, v: Any, cache: Cache, layer: int, scale: float) -> Any:
    """Write one new position to the cache and attend to everything in it.

    Shapes: q (B, H, 1, D), k, v (B, K, 1, D) -> (B, H, 1, D)
    """
    B, H, _, D = q.shape
    K, at = k.shape[1], cache.length
    keys, values = cache.keys[layer], cache.values[layer]
    keys[:, :, :, at] = k[:, :, 0]
    values[:, :, at] = v[:, :, 0]
    scores = (q * scale).reshape(B, K, H // K, D) @ keys[:, :, :, : at + 1]
    hidden = cache.hidden_columns(at + 1)
    weights = xp.softmax(scores if hidden is None else scores + hidden, axis=-1)
    return (weights @ values[:, :, : at + 1]).reshape(B, H, 1, D)


def _fill(q: Any, k: Any, v: Any, cache: Cache, layer: int, scale: float) -> Any:
    """Write a whole prompt to an empty cache and attend within it."""
    T = q.shape[2]
    cache.keys[layer][:, :, :, :T] = k.transpose(0, 1, 3, 2)
    cache.values[layer][:, :, :T] = v
    hidden = cache.hidden_columns(T)
    mask: Any = "causal"
    if hidden is not None:
        mask = hidden + xp.array(np.triu(np.full((T, T), -1e9, np.float32), 1))
    return xp.fast.scaled_dot_product_attention(q, k, v, scale=scale, mask=mask)


def _attention(params: Params, config: ModelConfig, i: int, x: Any, cache: Cache | None) -> Any:
    at = f"model.layers.{i}.self_attn."
    B, T, _ = x.shape
    offset = 0 if cache is None else cache.length
    q, k, v = (_heads(params, config, at, which, x, offset) for which in "qkv")
    scale = config.head_dim**-0.5
    if cache is None:
        y = xp.fast.scaled_dot_product_attention(q, k, v, scale=scale, mask="causal")
    elif cache.length == 0:
        y = _fill(q, k, v, cache, i, scale)
    else:
        y = _attend_cached(q, k, v, cache, i, scale)
    y = y.transpose(0, 2, 1, 3).reshape(B, T, -1)  # (B, T, H*D)
    return _linear(params, at + "o_proj", y)


def _feed_forward(params: Params, i: int, x: Any) -> Any:
    at = f"model.layers.{i}.mlp."
    gate, up = _linear(params, at + "gate_proj", x), _linear(params, at + "up_proj", x)
    return _linear(params, at + "down_proj", xp.swiglu(gate, up))


def forward(
    params: Params, config: ModelConfig, tokens: Any, cache: Cache | None = None
) -> Any:
    """Read tokens and return what the model makes of each position.

    Causal: position t sees tokens 0..t, so padding on the right changes nothing before
    it. With a cache, the first call reads the prompts and later ones a token a row.

    Shapes: tokens (B, T) -> (B, T, C)
    """
    eps = config.rms_norm_eps
    x = xp.take(params["model.embed_tokens.weight"], xp.array(tokens), axis=0)  # (B, T, C)
    for i in range(config.num_hidden_layers):
        at = f"model.layers.{i}."
        h = xp.fast.rms_norm(x, params[at + "input_layernorm.weight"], eps)
        x = x + _attention(params, config, i, h, cache)
        h = xp.fast.rms_norm(x, params[at + "post_attention_layernorm.weight"], eps)
        x = x + _feed_forward(params, i, h)
    if cache is not None:
        cache.length += tokens.shape[1]
    return xp.fast.rms_norm(x, params["model.norm.weight"], eps)


def logits(params: Params, hidden: Any) -> Any:
    """Score every word of the vocabulary as the next token.

    Shapes: (…, C) -> (…, V)
    """
    tied = "lm_head.weight" not in params
    head = params["model.embed_tokens.weight" if tied else "lm_head.weight"]
    return xp.linear(hidden, head)


def place_logprobs(
    params: Params,
    config: ModelConfig,
    tokens: np.ndarray,
    places: np.ndarray,
    temperature: float = 1.0,
) -> Any:
    """The log-probability of the token after each of the given places.

    Only these places get logits. A place counts along (B, T) laid flat; the token it
    predicts is the one at place + 1. temperature is the sampler's: what was sampled from
    softmax(z / temperature) is scored with it.

    Shapes: tokens (B, T), places (N) -> (N)
    """
    hidden = forward(params, config, tokens)
    rows = xp.take(hidden.reshape(-1, config.hidden_size), xp.array(places), axis=0)  # (N, C)
    z = logits(params, rows)
    if temperature != 1.0:
        z = z * (1 / temperature)
    return xp.token_logprobs(z, xp.array(tokens.reshape(-1)[places + 1]))
