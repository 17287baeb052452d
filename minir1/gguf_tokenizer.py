"""How does the vocabulary in a GGUF file become a tokenizer like any other?

Its keys are turned into the files of a Hugging Face folder: byte-level pairs with the cuts
that `tokenizer.ggml.pre` names. Leaves out SentencePiece vocabularies (Llama 2): they are
refused by name.
"""

from __future__ import annotations

import json
from typing import Any

from minir1.errors import UserError, shorten
from minir1.storage.gguf_file import GGUFFile
from minir1.text_tokenizer import CONFIG, SPECIALS, TEMPLATE, TOKENIZER, TextTokenizer

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
