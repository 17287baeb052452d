"""Folders of tiny random models of many architectures, as mlx-lm and everyone else has them."""

import importlib
import json
from pathlib import Path
from typing import Any

from minir1.rng import generator
from minir1.tokenizer import WordTokenizer

WORDS = WordTokenizer()
PLAIN = {
    "vocab_size": len(WORDS),
    "hidden_size": 64,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "max_position_embeddings": 512,
}
EXPERTS: dict[str, Any] = {
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 32,
    "decoder_sparse_step": 1,
    "mlp_only_layers": [],
    "norm_topk_prob": True,
}
CONVOLUTIONS: dict[str, Any] = {
    "norm_eps": 1e-5,
    "conv_bias": False,
    "conv_L_cache": 3,
    "block_dim": 64,
    "block_multiple_of": 8,
    "block_ffn_dim_multiplier": 1.0,
    "block_auto_adjust_ff_dim": False,
    "layer_types": ["conv", "full_attention"],
}
GPT2 = {
    "n_ctx": 512,
    "n_embd": 64,
    "n_head": 4,
    "n_layer": 2,
    "n_positions": 512,
    "layer_norm_epsilon": 1e-5,
}
# What each architecture has that the others have not.
KINDS: dict[str, dict[str, Any]] = {
    "llama": {"tie_word_embeddings": False},
    "qwen2": {},
    "qwen3": {},
    "gemma2": {},  # soft caps after the output layer, norms of 1 + w
    "gemma3_text": {"sliding_window": 8, "sliding_window_pattern": 2},  # two kinds of cache
    "phi3": {"tie_word_embeddings": False},  # q, k and v in one matrix
    "qwen3_moe": EXPERTS,
    "lfm2": CONVOLUTIONS,  # a state instead of keys and values
    "gpt2": GPT2,
}


def make(folder: Path, kind: str = "qwen3", bits: int = 0, dtype: str = "float32") -> Path:
    """Write a random model in which no bias is 0 and no norm is 1; bits=4 quantises it."""
    import mlx.core as mx
    from mlx.utils import tree_flatten, tree_unflatten
    from mlx_lm.utils import quantize_model, save_config, save_model

    config = {**PLAIN, **KINDS[kind], "model_type": kind, "eos_token_id": WORDS.eos_id}
    module = importlib.import_module(f"mlx_lm.models.{kind}")
    model = module.Model(module.ModelArgs.from_dict(config))
    rng = generator(0, "tests", kind)
    drawn = []
    for name, old in tree_flatten(model.parameters()):
        noise = mx.array(rng.standard_normal(old.shape).astype("float32"))
        middle = 1.0 if "norm" in name and name.endswith("weight") else 0.0
        value = middle + noise * (0.2 if old.ndim == 1 else old.shape[-1] ** -0.5)
        drawn.append((name, value.astype(getattr(mx, dtype))))
    model.update(tree_unflatten(drawn))
    if bits:
        model, config = quantize_model(model, config, group_size=32, bits=bits)
    save_model(folder, model)
    save_config(config, folder / "config.json")
    WORDS.save(folder)
    generation = {"eos_token_id": WORDS.eos_id, "do_sample": True}
    (folder / "generation_config.json").write_text(json.dumps(generation), encoding="utf-8")
    return folder
