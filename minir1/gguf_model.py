"""How does a GGUF file become the parameters of our decoder?

The file's keys are named after its architecture and its tensors after llama.cpp's graph;
both are translated to Hugging Face's names, which the rest of minir1 speaks. The tokenizer
that the file carries is read in `gguf_tokenizer.py`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from minir1.errors import UserError, shorten
from minir1.model_config import ModelConfig, ScaledConfig
from minir1.storage.gguf_file import GGUFFile

OUTSIDE = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
INSIDE = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
FACTORS = "rope_freqs.weight"  # by how much each rotary wave is stretched
# Where Hugging Face's config.json has what stands under ARCHITECTURE.KEY.
KEYS = {
    "hidden_size": "embedding_length",
    "intermediate_size": "feed_forward_length",
    "num_hidden_layers": "block_count",
    "num_attention_heads": "attention.head_count",
    "num_key_value_heads": "attention.head_count_kv",
    "head_dim": "attention.key_length",
    "rms_norm_eps": "attention.layer_norm_rms_epsilon",
    "rope_theta": "rope.freq_base",
    "max_position_embeddings": "context_length",
}


def read_shape(file: GGUFFile) -> ModelConfig:
    """Read the model's shape from the keys.

    Raises: UserError for an architecture or a variant that minir1 does not compute.
    """
    kind = str(file.metadata.get("general.architecture"))
    try:
        shape = ModelConfig.from_hf(_as_hf(file, kind))
        for key, computed in {
            "expert_count": 0,
            "attention.sliding_window": 0,
            "attention.value_length": shape.head_dim,
            "rope.dimension_count": shape.head_dim,
        }.items():
            got = file.metadata.get(f"{kind}.{key}", computed)
            if got != computed:
                raise UserError(f"{key} is {shorten(got)}: minir1 computes only {computed}")
        if isinstance(shape, ScaledConfig) and FACTORS in file.entries:
            _require_factors(shape, file.read(FACTORS))
    except UserError as error:
        raise UserError(f"{file.path}: {error}") from error
    return shape


def _as_hf(file: GGUFFile, kind: str) -> dict[str, Any]:
    """Write the keys as a config.json has them."""
    found = {hf: file.metadata.get(f"{kind}.{key}") for hf, key in KEYS.items()}
    embedding = file.entries.get("token_embd.weight")
    return {
        **{name: value for name, value in found.items() if value is not None},
        "model_type": kind,
        "vocab_size": embedding.shape[0] if embedding else None,
        "tie_word_embeddings": "output.weight" not in file.entries,
        "rope_scaling": _stretching(file, kind),
    }


def _stretching(file: GGUFFile, kind: str) -> dict[str, Any] | None:
    """Say how the rotary waves are stretched, as config.json does.

    Llama 3.1 has no key for it but a tensor of factors: their greatest is the factor, and
    the other settings are the same in all of its models.
    """
    if FACTORS in file.entries:
        return {
            "rope_type": "llama3",
            "factor": float(file.read(FACTORS).max()),
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192,
        }
    named = file.metadata.get(f"{kind}.rope.scaling.type", "none")
    factor = file.metadata.get(f"{kind}.rope.scaling.factor")
    return None if named == "none" else {"rope_type": named, "factor": factor}


def _require_factors(shape: ScaledConfig, factors: np.ndarray) -> None:
    """Refuse a file whose waves are stretched in another way than was read from it."""
    read = np.divide(shape.rope_periods, replace(shape, factor=1.0).rope_periods)
    if factors.shape != read.shape or not np.allclose(read, factors, rtol=1e-4):
        raise UserError(f"{FACTORS} is not Llama 3.1's: minir1 computes no other")


def read_params(file: GGUFFile, config: ModelConfig) -> dict[str, np.ndarray]:
    """Read every tensor in float32 under Hugging Face's name."""
    params = {}
    for name in [name for name in file.entries if name != FACTORS]:
        value = file.read(name)
        turned = config.model_type == "llama" and (".attn_q." in name or ".attn_k." in name)
        if turned and len(value) % config.head_dim == 0:  # else its shape is refused, by name
            value = _halves(value, config.head_dim)
        params[hf_name(name)] = value
    return params


def hf_name(name: str) -> str:
    """Return what Hugging Face calls a tensor; an unknown one keeps its name."""
    if name in OUTSIDE:
        return OUTSIDE[name]
    start, _, rest = name.partition(".")
    layer, _, rest = rest.partition(".")
    part, _, kind = rest.partition(".")
    if start == "blk" and part in INSIDE:
        return f"model.layers.{layer}.{INSIDE[part]}.{kind}"
    return name


def _halves(rows: np.ndarray, width: int) -> np.ndarray:
    """Undo llama.cpp's order of a head's rows: neighbours (2i, 2i+1) back to (i, i + D/2).

    Its converter interleaves the rows of the queries and keys of Llama, and of no other
    architecture, because its rotary positions turn neighbours.
    """
    pairs = rows.reshape(-1, width // 2, 2, *rows.shape[1:])
    return np.ascontiguousarray(pairs.swapaxes(1, 2)).reshape(rows.shape)
