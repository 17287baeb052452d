"""How does a GGUF file become our decoder and its tokenizer?

The file's keys are named after its architecture and its tensors after llama.cpp's graph;
both are translated to Hugging Face's names, which the rest of minir1 speaks. Leaves out
SentencePiece vocabularies (Llama 2): they are refused by name.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from minir1.errors import UserError, shorten
from minir1.model_config import ModelConfig
from minir1.storage.gguf_file import GGUFFile
from minir1.text_tokenizer import CONFIG, SPECIALS, TEMPLATE, TOKENIZER, TextTokenizer

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
_WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_SHORT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
QWEN2 = rf"{_SHORT}|{_WORDS}|\p{{N}}|{_REST}"
LLAMA3 = rf"{_SHORT}|{_WORDS}|\p{{N}}{{1,3}}|{_REST}"
SPLITS = {  # tokenizer.ggml.pre: how text is cut before pairs of bytes are merged
    "smollm": "digits",
    "gpt-2": "words",
    "qwen2": QWEN2,
    "llama-bpe": LLAMA3,
}
NORMAL, UNKNOWN, CONTROL, USER_DEFINED = 1, 2, 3, 4  # tokenizer.ggml.token_type


def read_shape(file: GGUFFile) -> ModelConfig:
    """Read the model's shape from the keys.

    Raises: UserError for an architecture or a variant that minir1 does not compute.
    """
    kind = file.metadata.get("general.architecture")
    try:
        return ModelConfig.from_hf(_as_hf(file, str(kind)))
    except UserError as error:
        raise UserError(f"{file.path}: {error}") from error


def _as_hf(file: GGUFFile, kind: str) -> dict[str, Any]:
    """Write the keys as a config.json has them."""
    found = {hf: file.metadata.get(f"{kind}.{key}") for hf, key in KEYS.items()}
    embedding = file.entries.get("token_embd.weight")
    return {
        **{name: value for name, value in found.items() if value is not None},
        "model_type": kind,
        "vocab_size": embedding.shape[0] if embedding else None,
        "tie_word_embeddings": "output.weight" not in file.entries,
    }


def read_params(file: GGUFFile, config: ModelConfig) -> dict[str, np.ndarray]:
    """Read every tensor in float32 under Hugging Face's name."""
    params = {}
    for name in file.entries:
        value = file.read(name)
        if config.model_type == "llama" and (".attn_q." in name or ".attn_k." in name):
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


def read_tokenizer(file: GGUFFile) -> TextTokenizer:
    """Build the tokenizer's files from the keys.

    Raises: UserError for a vocabulary that minir1 does not read, or one without an end.
    """
    keys = {
        name.removeprefix("tokenizer.ggml."): value for name, value in file.metadata.items()
    }
    kind, split = keys.get("model"), keys.get("pre")
    if kind != "gpt2" or split not in SPLITS:
        raise UserError(
            f"{file.path}: its tokenizer is {shorten(f'{kind}/{split}')}: minir1 reads gpt2 "
            f"with {', '.join(SPLITS)}; give the model's Hugging Face folder instead"
        )
    try:
        tokenizer = _byte_pairs(keys, split)
    except Exception as error:  # the library raises plain Exceptions
        raise UserError(f"{file.path}: its tokenizer is damaged ({shorten(error)})") from error
    config = _tokenizer_config(keys)
    files = {
        TOKENIZER: tokenizer.to_str(pretty=True),
        CONFIG: json.dumps(config, indent=2, ensure_ascii=False) + "\n",
        SPECIALS: json.dumps(
            {n: v for n, v in config.items() if n.endswith("_token") and v is not None},
            indent=2,
            ensure_ascii=False,
        )
        + "\n",
    }
    template = file.metadata.get("tokenizer.chat_template")
    if isinstance(template, str):
        files[TEMPLATE] = template
    ends = [keys.get(f"{name}_token_id") for name in ("eos", "eot", "eom")]
    return TextTokenizer({n: t.encode() for n, t in files.items()}, str(file.path), ends)


def _tokenizer_config(keys: dict[str, Any]) -> dict[str, Any]:
    """Return the tokenizer_config.json that transformers reads."""
    words = keys["tokens"]
    names = {"bos": "bos", "eos": "eos", "pad": "padding", "unk": "unknown"}
    ids = {ours: keys.get(f"{theirs}_token_id") for ours, theirs in names.items()}
    special = {
        f"{name}_token": words[i]
        for name, i in ids.items()
        if isinstance(i, int) and i < len(words)
    }
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        **special,
    }


def _byte_pairs(keys: dict[str, Any], split: str) -> Any:
    """Build the byte-level tokenizer that the keys describe."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers
    from tokenizers import pre_tokenizers as cuts

    words, merges, kinds = keys["tokens"], keys["merges"], keys["token_type"]
    vocab = {word: i for i, word in enumerate(words)}
    pairs = [tuple(merge.split(" ", 1)) for merge in merges]
    model = models.BPE(vocab=vocab, merges=pairs, ignore_merges=split == "llama-bpe")
    tokenizer = Tokenizer(model)
    whole = cuts.ByteLevel(add_prefix_space=False, use_regex=False)
    if split == "smollm":
        byte_level = cuts.ByteLevel(add_prefix_space=False)
        tokenizer.pre_tokenizer = cuts.Sequence([cuts.Digits(True), byte_level])
    elif split == "gpt-2":
        tokenizer.pre_tokenizer = cuts.ByteLevel(add_prefix_space=False)
    else:
        cut = cuts.Split(Regex(SPLITS[split]), "isolated")
        tokenizer.pre_tokenizer = cuts.Sequence([cut, whole])
    if split == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.decoder = decoders.ByteLevel()
    for special, wanted in ((True, (UNKNOWN, CONTROL)), (False, (USER_DEFINED,))):
        tokens = [word for word, kind in zip(words, kinds, strict=True) if kind in wanted]
        added = [AddedToken(word, special=special, normalized=False) for word in tokens]
        (tokenizer.add_special_tokens if special else tokenizer.add_tokens)(added)
    return tokenizer
