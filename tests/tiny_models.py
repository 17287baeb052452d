"""What do other people's models look like, in small? Folders and GGUF files for the tests."""

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
from golden_models import MODELS, PLACE, parameters

from minir1.model import parameter_shapes
from minir1.model_config import ModelConfig
from minir1.text_tokenizer import TextTokenizer

START, END, PAD, TOOL = "<|im_start|>", "<|im_end|>", "<|pad|>", "<tool>"
SPECIALS = [START, END, PAD]
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' "
    "+ message['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
CORPUS = ["the quick brown fox jumps over the lazy dog", "to be or not to be", "it's 12 34 x1"]
LABELS = list(MODELS)


@functools.cache
def golden() -> dict[str, Any]:
    """What transformers computed; see golden_models.py."""
    return json.loads(PLACE.read_text())


def drawn(label: str) -> tuple[dict[str, np.ndarray], ModelConfig]:
    """The parameters and the shape of one of the golden models."""
    shape = ModelConfig.from_hf(golden()[label]["config"])
    return parameters(parameter_shapes(shape), label), shape


@functools.cache
def vocabulary() -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Words and merges of a byte-level vocabulary learnt from a few lines."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    learner.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(
            vocab_size=300,
            special_tokens=SPECIALS,
            initial_alphabet=alphabet,
            show_progress=False,
        ),
    )
    learnt = json.loads(learner.to_str())["model"]
    words = sorted(learnt["vocab"], key=learnt["vocab"].get)
    return (*words, TOOL), tuple(tuple(pair) for pair in learnt["merges"])


def tokenizer_files(**config: Any) -> dict[str, bytes]:
    """The tokenizer's files of a Hugging Face folder, with changes to its configuration."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    words, merges = vocabulary()
    tokenizer = Tokenizer(models.BPE({w: i for i, w in enumerate(words)}, list(merges)))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    special = [AddedToken(word, special=True, normalized=False) for word in SPECIALS]
    tokenizer.add_special_tokens(special)
    tokenizer.add_tokens([AddedToken(TOOL, normalized=False)])
    named = {"eos_token": END, "pad_token": PAD, "chat_template": TEMPLATE} | config
    return {
        "tokenizer.json": tokenizer.to_str().encode(),
        "tokenizer_config.json": json.dumps(named).encode(),
    }


def text_tokenizer(**config: Any) -> TextTokenizer:
    """The small tokenizer, as read from a folder."""
    return TextTokenizer(tokenizer_files(**config), "here")


def shape_of(kind: str = "llama", **changes: Any) -> ModelConfig:
    """A small decoder with the small vocabulary and some spare rows."""
    small = {
        "model_type": kind,
        "vocab_size": len(vocabulary()[0]) + 3,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "rms_norm_eps": 1e-6,
    }
    return ModelConfig(**{**small, **changes})


def write_folder(folder: Path, params: dict[str, np.ndarray], shape: ModelConfig) -> Path:
    """Write a folder as other tools do: no minir1.json."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    for name, data in tokenizer_files().items():
        (folder / name).write_bytes(data)
    config = shape.to_hf(None, vocabulary()[0].index(END), None)
    (folder / "config.json").write_text(json.dumps(config))
    save_file(params, folder / "model.safetensors")
    return folder


NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def gguf_keys(shape: ModelConfig, pre: str = "smollm") -> dict[str, Any]:
    """The keys of a GGUF file of the small model."""
    words, merges = vocabulary()
    kinds = [3 if word in SPECIALS else 4 if word == TOOL else 1 for word in words]
    start = shape.model_type
    return {
        "general.architecture": start,
        f"{start}.embedding_length": shape.hidden_size,
        f"{start}.feed_forward_length": shape.intermediate_size,
        f"{start}.block_count": shape.num_hidden_layers,
        f"{start}.attention.head_count": shape.num_attention_heads,
        f"{start}.attention.head_count_kv": shape.num_key_value_heads,
        f"{start}.attention.key_length": shape.head_dim,
        f"{start}.attention.layer_norm_rms_epsilon": shape.rms_norm_eps,
        f"{start}.rope.freq_base": shape.rope_theta,
        f"{start}.context_length": shape.max_position_embeddings,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": pre,
        "tokenizer.ggml.tokens": list(words),
        "tokenizer.ggml.merges": [" ".join(pair) for pair in merges],
        "tokenizer.ggml.token_type": kinds,
        "tokenizer.ggml.eos_token_id": words.index(END),
        "tokenizer.ggml.padding_token_id": words.index(PAD),
        "tokenizer.chat_template": TEMPLATE,
    }


def gguf_tensors(params: dict[str, np.ndarray], shape: ModelConfig) -> dict[str, np.ndarray]:
    """The tensors under llama.cpp's names, rows of Llama's heads interleaved as it does."""
    tensors = {}
    for name, value in params.items():
        stem, _, kind = name.rpartition(".")
        layer = stem.split(".")[2] if stem.startswith("model.layers.") else None
        inner = stem if layer is None else stem.split(".", 3)[3]
        if shape.model_type == "llama" and inner.endswith(("q_proj", "k_proj")):
            halves = value.reshape(-1, 2, shape.head_dim // 2, value.shape[-1])
            value = np.ascontiguousarray(halves.swapaxes(1, 2)).reshape(value.shape)
        short = NAMES[inner] if layer is None else f"blk.{layer}.{NAMES[inner]}"
        tensors[f"{short}.{kind}"] = value
    return tensors


def write_gguf(
    path: Path, keys: dict[str, Any], tensors: dict[str, np.ndarray], kind: str = "F32"
) -> Path:
    """Write a GGUF file with the gguf package; matrices in a given quantisation."""
    import gguf

    writer = gguf.GGUFWriter(path, keys["general.architecture"])
    for name, value in keys.items():
        if isinstance(value, bool):
            writer.add_bool(name, value)
        elif isinstance(value, int):
            writer.add_uint32(name, value)
        elif isinstance(value, float):
            writer.add_float32(name, value)
        elif isinstance(value, list):
            writer.add_array(name, value)
        elif name != "general.architecture":
            writer.add_string(name, value)
    wanted = gguf.GGMLQuantizationType[kind]
    for name, value in tensors.items():
        if value.ndim == 2 and kind != "F32":
            writer.add_tensor(name, gguf.quantize(value, wanted), raw_dtype=wanted)
        else:
            writer.add_tensor(name, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
