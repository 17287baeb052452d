"""Write fixtures/real_models.json: what transformers computes for tiny Llama and Qwen models.

    python tests/golden_models.py          # needs torch and transformers; the tests do not

Parameters are drawn by name (see `parameters`), so only configurations, token ids and logits
are kept. Each configuration is the config.json that transformers itself writes.
"""

import json
from pathlib import Path

import numpy as np

from minir1.rng import generator

PLACE = Path(__file__).parent / "fixtures" / "real_models.json"
COMMON = {
    "vocab_size": 17,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "rms_norm_eps": 0.01,
    "max_position_embeddings": 64,
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 40.0,
    "factor": 4.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
LINEAR = {"rope_type": "linear", "rope_theta": 60.0, "factor": 3.0}
PLAIN = {"rope_type": "default", "rope_theta": 50.0}
MODELS = {  # head_dim other than hidden_size / heads where the architecture allows it
    "llama, tied": ("llama", {"tie_word_embeddings": True, "rope_parameters": PLAIN}),
    "llama, llama3 rope": ("llama", {"rope_parameters": LLAMA3, "head_dim": 8}),
    "llama, linear rope": ("llama", {"rope_parameters": LINEAR}),
    "qwen2, tied": ("qwen2", {"tie_word_embeddings": True, "rope_parameters": PLAIN}),
    "qwen2, untied": ("qwen2", {"rope_parameters": PLAIN, "num_key_value_heads": 1}),
    "qwen3, tied": ("qwen3", {"tie_word_embeddings": True, "head_dim": 6}),
    "qwen3, untied": ("qwen3", {"rope_parameters": PLAIN, "head_dim": 8}),
}


def parameters(shapes: dict[str, tuple[int, ...]], label: str) -> dict[str, np.ndarray]:
    """Draw every parameter from an address of its own: no norm is 1, no bias is 0."""
    drawn = {}
    for name, shape in shapes.items():
        values = generator(0, "golden", label, name).standard_normal(shape)
        scaled = values / shape[-1] ** 0.5 if len(shape) == 2 else 1 + 0.3 * values
        drawn[name] = scaled.astype(np.float32)
    return drawn


def main() -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    cases = {}
    for label, (kind, changes) in MODELS.items():
        config = AutoConfig.for_model(kind, **COMMON | changes)
        theirs = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
        named = {name: tuple(value.shape) for name, value in theirs.named_parameters()}
        drawn = parameters(named, label)
        theirs.load_state_dict({n: torch.tensor(v) for n, v in drawn.items()}, strict=False)
        tokens = generator(0, "golden", label).integers(0, COMMON["vocab_size"], 20).tolist()
        with torch.no_grad():
            logits = theirs(torch.tensor([tokens])).logits[0].numpy()
        cases[label] = {
            "config": json.loads(config.to_json_string(use_diff=False)),
            "tokens": tokens,
            "logits": [[round(float(z), 6) for z in row] for row in logits],
        }
    text = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in cases.items())
    PLACE.write_text("{\n" + text + "\n}\n")


if __name__ == "__main__":
    main()
