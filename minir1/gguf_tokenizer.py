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

_SHORT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_WORD = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN = rf"{_SHORT}|{_WORD}|\p{{N}}|{_REST}"  # digits one by one
LLAMA = rf"{_SHORT}|{_WORD}|\p{{N}}{{1,3}}|{_REST}"  # digits by threes
# tokenizer.ggml.pre: what text is cut into before pairs of bytes are merged.
PATTERNS = {"qwen2": QWEN, "deepseek-r1-qwen": QWEN, "llama-bpe": LLAMA}
READ = ("smollm", "gpt-2", *PATTERNS)
UNKNOWN, CONTROL, USER_DEFINED = 2, 3, 4  # tokenizer.ggml.token_type; an ordinary one is 1


def read_tokenizer(file: GGUFFile) -> TextTokenizer:
    """Build the tokenizer's files from the keys, as transformers would write them.

    Raises: UserError for a vocabulary that minir1 does not read, or one without an end.
    """
    start = "tokenizer.ggml."
    keys = {name.removeprefix(start): value for name, value in file.metadata.items()}
    kind, cut = keys.get("model"), keys.get("pre")
    if kind != "gpt2" or cut not in READ:
        raise UserError(
            f"{file.path}: its tokenizer is {shorten(f'{kind}, {cut}')}: minir1 reads gpt2 "
            f"with {', '.join(READ)}; give the model's Hugging Face folder instead"
        )
    try:
        config = _config(keys)
        tokenizer = _byte_pairs(keys, config)
    except Exception as error:  # the library raises plain Exceptions
        raise UserError(f"{file.path}: its tokenizer is damaged ({shorten(error)})") from error
    special = {name: word for name, word in config.items() if name.endswith("_token")}
    files = {
        TOKENIZER: tokenizer.to_str(pretty=True),
        CONFIG: json.dumps(config, indent=2, ensure_ascii=False) + "\n",
        SPECIALS: json.dumps(special, indent=2, ensure_ascii=False) + "\n",
    }
    template = file.metadata.get("tokenizer.chat_template")
    if isinstance(template, str):
        files[TEMPLATE] = template
    ends = [keys.get(f"{name}_token_id") for name in ("eos", "eot", "eom")]
    return TextTokenizer({n: t.encode() for n, t in files.items()}, str(file.path), ends)


def _config(keys: dict[str, Any]) -> dict[str, Any]:
    """Return the tokenizer_config.json that transformers reads."""
    words = keys["tokens"]
    names = {"bos": "bos", "eos": "eos", "pad": "padding", "unk": "unknown"}
    ids = {ours: keys.get(f"{theirs}_token_id") for ours, theirs in names.items()}
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        **{f"{name}_token": words[i] for name, i in ids.items() if i in range(len(words))},
    }


def _byte_pairs(keys: dict[str, Any], config: dict[str, Any]) -> Any:
    """Build the byte-level tokenizer that the keys describe."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, processors

    words, kinds, cut = keys["tokens"], keys["token_type"], keys["pre"]
    tokenizer = Tokenizer(
        models.BPE(
            vocab={word: i for i, word in enumerate(words)},
            merges=[tuple(merge.split(" ", 1)) for merge in keys["merges"]],
            ignore_merges=cut == "llama-bpe",
        )
    )
    tokenizer.pre_tokenizer = _cutter(cut)
    tokenizer.decoder = decoders.ByteLevel()
    if PATTERNS.get(cut) == QWEN:
        tokenizer.normalizer = normalizers.NFC()
    for word, kind in zip(words, kinds, strict=True):
        if kind in (UNKNOWN, CONTROL):
            tokenizer.add_special_tokens([AddedToken(word, special=True, normalized=False)])
        elif kind == USER_DEFINED:
            tokenizer.add_tokens([AddedToken(word, normalized=False)])
    begin = config.get("bos_token")
    if keys.get("add_bos_token") and begin:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=[begin, "$A"],
            pair=[begin, "$A", "$B"],
            special_tokens=[(begin, words.index(begin))],
        )
    return tokenizer


def _cutter(cut: str) -> Any:
    """Return what cuts text into pieces: pairs are merged within a piece only."""
    from tokenizers import Regex, pre_tokenizers

    if cut not in PATTERNS:
        words = pre_tokenizers.ByteLevel(add_prefix_space=False)
        digits = pre_tokenizers.Digits(individual_digits=True)
        return words if cut == "gpt-2" else pre_tokenizers.Sequence([digits, words])
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERNS[cut]), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
