"""How does a pretrained model's text become token ids, and how does it want a chat written?

A tokenizer is the files that stand for it in a Hugging Face folder: `save` writes the bytes
that were there, and everything else is read from them. `tokenizers` does the splitting;
`chat_template.py` renders. The tiny world's words have their own, in `tokenizer.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from minir1.chat_template import render
from minir1.errors import UserError, shorten
from minir1.storage.files import LARGEST_JSON, read_json

TOKENIZER, CONFIG, SPECIALS = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
)
TEMPLATE = "chat_template.jinja"
FILES = (TOKENIZER, CONFIG, SPECIALS, TEMPLATE, "added_tokens.json", "vocab.json", "merges.txt")
NAMES = ("bos_token", "eos_token", "pad_token", "unk_token")


class TextTokenizer:
    """Turn text into ids and back as the model's own tokenizer does."""

    def __init__(self, files: Mapping[str, bytes], where: str, ends: Sequence[object] = ()):
        """Read the files of a folder; `ends` are ids at which the model stops, if known.

        Raises: UserError if the files are no tokenizer, or name no token that ends a text.
        """
        from tokenizers import Tokenizer

        self.files = dict(files)
        try:
            self.tokenizer = Tokenizer.from_str(self.files[TOKENIZER].decode())
        except Exception as error:  # the library raises plain Exceptions
            raise UserError(f"{where}: no tokenizer can be read ({shorten(error)})") from error
        self._length = max(self.tokenizer.get_vocab().values(), default=-1) + 1
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        config = _object(self.files, CONFIG, where)
        named = {**_object(self.files, SPECIALS, where), **config}
        self.special_tokens = {n: text for n in NAMES if (text := _content(named.get(n)))}
        self.bos_id = self._special("bos_token")
        opened = self.tokenizer.encode("", add_special_tokens=True).ids[:1]
        self.begin = opened if opened == [self.bos_id] else []  # what every text begins with
        own = self._special("eos_token")
        known = [i for i in (own, *ends) if type(i) is int and 0 <= i < len(self)]
        self.eos_ids: tuple[int, ...] = tuple(dict.fromkeys(known))
        if not self.eos_ids:
            raise UserError(
                f"{where}: the tokenizer names no token that ends a text: write eos_token in "
                f"{CONFIG}, or eos_token_id in generation_config.json"
            )
        self.eos_id = self.eos_ids[0]
        pad = self._special("pad_token")
        self.pad_id = self.eos_id if pad is None else pad
        self.chat_template = _template(self.files, config)

    def __len__(self) -> int:
        return self._length

    def _special(self, name: str) -> int | None:
        text = self.special_tokens.get(name)
        return None if text is None else self.tokenizer.token_to_id(text)

    def encode(self, text: str) -> list[int]:
        """Turn text into ids; special tokens written in it are recognised, none added."""
        whole = text.encode("utf-8", "replace").decode()  # no halves of surrogate pairs
        return list(self.tokenizer.encode(whole, add_special_tokens=False).ids)

    def decode(self, ids: Iterable[int]) -> str:
        """Turn ids into text, the special tokens included."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=False))

    def apply_chat_template(
        self, messages: Sequence[Mapping[str, str]], add_generation_prompt: bool = True
    ) -> str:
        """Write messages as the model was taught to read them.

        Raises: UserError if the tokenizer has no chat template, or it fails.
        """
        if self.chat_template is None:
            raise UserError(
                "the tokenizer has no chat template: choose another prompt, or add a "
                f"{TEMPLATE} to the model's folder"
            )
        names = {**self.special_tokens, "add_generation_prompt": add_generation_prompt}
        return render(self.chat_template, messages, names)

    def fingerprint(self) -> str:
        """Name the vocabulary in 16 hex digits: equal if and only if every id's word is."""
        pairs = sorted((i, word) for word, i in self.tokenizer.get_vocab().items())
        return hashlib.sha256(json.dumps(pairs).encode()).hexdigest()[:16]

    def save(self, folder: str | Path) -> None:
        """Write the tokenizer's files of a Hugging Face folder, byte for byte as read."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in self.files.items():
            (folder / name).write_bytes(data)

    @classmethod
    def load(cls, folder: str | Path) -> TextTokenizer:
        """Read a Hugging Face folder. Raises: UserError if it holds no usable tokenizer."""
        folder = Path(folder)
        files = {name: _bytes(folder / name) for name in FILES if (folder / name).is_file()}
        if TOKENIZER not in files:
            raise UserError(
                f"{folder / TOKENIZER} is missing: minir1 reads no other tokenizer; "
                "transformers' AutoTokenizer writes it with save_pretrained"
            )
        return cls(files, str(folder), _ends(folder))


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise UserError(f"{path} is {path.stat().st_size:,} bytes: wanted a small file")
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} could not be read: {error.strerror or error}") from error


def _ends(folder: Path) -> list[object]:
    """Return the ids at which a folder's configurations say that generation stops."""
    found: list[object] = []
    for name in ("generation_config.json", "config.json"):
        if (folder / name).is_file():
            ids = read_json(folder / name).get("eos_token_id")
            found += ids if isinstance(ids, list) else [ids]
    return found


def _object(files: Mapping[str, bytes], name: str, where: str) -> dict[str, Any]:
    """Return the JSON object in one of the files; empty if the file is not there."""
    try:
        value = json.loads(files.get(name, b"{}"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: {name} is not valid JSON: {shorten(error)}") from error
    if not isinstance(value, dict):
        raise UserError(f"{where}: {name} holds {shorten(value)}: wanted a JSON object")
    return value


def _content(token: object) -> str | None:
    """Return a special token's text: it is written plain, or as an object."""
    text = token.get("content") if isinstance(token, dict) else token
    return text if isinstance(text, str) else None


def _template(files: Mapping[str, bytes], config: dict[str, Any]) -> str | None:
    """Return the chat template: a file of its own, or in the configuration, maybe named."""
    if TEMPLATE in files:
        return files[TEMPLATE].decode("utf-8", "replace")
    given = config.get("chat_template")
    if isinstance(given, list):
        named = {t.get("name"): t.get("template") for t in given if isinstance(t, dict)}
        given = named.get("default")
    return given if isinstance(given, str) else None
