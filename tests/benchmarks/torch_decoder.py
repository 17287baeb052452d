"""A Llama decoder in plain PyTorch with a key-value cache, as one would write it.

The modules are named as in the checkpoint, so its file loads as it is. float32, no compiler.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn


class Cache:
    """Keys and values of every layer, with room for the longest completion."""

    def __init__(self, config: dict, rows: int, room: int):
        shape = (rows, config["num_key_value_heads"], room, config["head_dim"])
        layers = range(config["num_hidden_layers"])
        self.keys = [torch.zeros(shape) for _ in layers]
        self.values = [torch.zeros(shape) for _ in layers]
        self.length = 0

    def select(self, rows: Tensor) -> None:
        """Keep these rows only; one may be taken several times."""
        self.keys = [keys[rows] for keys in self.keys]
        self.values = [values[rows] for values in self.values]


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Apply rotary positions. Shapes: x (B, heads, T, D), cos, sin (T, D)"""
    a, b = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-b, a), dim=-1) * sin


class Attention(nn.Module):
    """Causal attention; each key head serves a group of query heads."""

    def __init__(self, config: dict):
        super().__init__()
        width, self.dim = config["hidden_size"], config["head_dim"]
        heads, shared = config["num_attention_heads"], config["num_key_value_heads"]
        self.q_proj = nn.Linear(width, heads * self.dim, bias=False)
        self.k_proj = nn.Linear(width, shared * self.dim, bias=False)
        self.v_proj = nn.Linear(width, shared * self.dim, bias=False)
        self.o_proj = nn.Linear(heads * self.dim, width, bias=False)

    def forward(
        self,
        x: Tensor,
        at: tuple[Tensor, Tensor],
        cache: Cache | None,
        layer: int,
        mask: Tensor | None,
    ) -> Tensor:
        B, T, _ = x.shape
        q, k, v = (
            f(x).view(B, T, -1, self.dim).transpose(1, 2)
            for f in (self.q_proj, self.k_proj, self.v_proj)
        )
        q, k = rotate(q, *at), rotate(k, *at)
        if cache is not None:
            end = cache.length + T
            cache.keys[layer][:, :, cache.length : end] = k
            cache.values[layer][:, :, cache.length : end] = v
            k, v = cache.keys[layer][:, :, :end], cache.values[layer][:, :, :end]
        y = F.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, is_causal=mask is None, enable_gqa=True
        )
        return self.o_proj(y.transpose(1, 2).reshape(B, T, -1))


class FeedForward(nn.Module):
    def __init__(self, config: dict):
        super().__init__()
        width, inside = config["hidden_size"], config["intermediate_size"]
        self.gate_proj = nn.Linear(width, inside, bias=False)
        self.up_proj = nn.Linear(width, inside, bias=False)
        self.down_proj = nn.Linear(inside, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, config: dict):
        super().__init__()
        width, eps = config["hidden_size"], config["rms_norm_eps"]
        self.input_layernorm = nn.RMSNorm(width, eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = nn.RMSNorm(width, eps)
        self.mlp = FeedForward(config)

    def forward(self, x: Tensor, *context: object) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), *context)
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    """Tokens to hidden states; `score` gives logits for the states that need them."""

    def __init__(self, config: dict):
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config["vocab_size"], config["hidden_size"])
        self.layers = nn.ModuleList(Layer(config) for _ in range(config["num_hidden_layers"]))
        self.norm = nn.RMSNorm(config["hidden_size"], config["rms_norm_eps"])
        half = config["head_dim"] // 2
        frequency = config["rope_theta"] ** (-torch.arange(half) / half)
        angle = torch.arange(config["max_position_embeddings"])[:, None] * frequency
        angle = torch.cat((angle, angle), dim=-1)  # (T, D)
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)

    @classmethod
    def load(cls, folder: str | Path) -> "Decoder":
        """Read a Hugging Face folder of the Llama family with a tied output layer."""
        config = json.loads((Path(folder) / "config.json").read_text())
        if config["model_type"] != "llama" or not config["tie_word_embeddings"]:
            raise SystemExit("torch_loop: wanted a Llama checkpoint with tied embeddings")
        decoder = cls(config)
        stored = load_file(Path(folder) / "model.safetensors")
        named = {name.removeprefix("model."): value.float() for name, value in stored.items()}
        decoder.load_state_dict(named)
        return decoder

    def forward(
        self, tokens: Tensor, cache: Cache | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """Shapes: tokens (B, T) -> (B, T, C); mask (B, 1, T, keys) is True where seen."""
        start = 0 if cache is None else cache.length
        at = (
            self.cos[start : start + tokens.shape[1]],
            self.sin[start : start + tokens.shape[1]],
        )
        x = self.embed_tokens(tokens)
        for i, layer in enumerate(self.layers):
            x = layer(x, at, cache, i, mask)
        if cache is not None:
            cache.length += tokens.shape[1]
        return self.norm(x)

    def score(self, hidden: Tensor) -> Tensor:
        """Shapes: (..., C) -> (..., V)"""
        return F.linear(hidden, self.embed_tokens.weight)
