"""Which tokenizer does a folder hold, and do two of them mean the same words?"""

from __future__ import annotations

from pathlib import Path

from minir1.errors import UserError
from minir1.model_config import ModelConfig
from minir1.storage.files import read_json
from minir1.text_tokenizer import TextTokenizer
from minir1.tokenizer import WordTokenizer

AnyTokenizer = WordTokenizer | TextTokenizer
AGAIN = "copy the folder again, or use an earlier checkpoint"


def load_tokenizer(folder: Path) -> AnyTokenizer:
    """Read the tiny world's words, or whatever else a folder's tokenizer.json holds.

    Raises: UserError if it holds no usable tokenizer.
    """
    return TextTokenizer.load(folder) if speaks_text(folder) else WordTokenizer.load(folder)


def speaks_text(folder: Path) -> bool:
    """Say whether a folder's tokenizer.json is anything but a list of words."""
    path = folder / "tokenizer.json"
    model = read_json(path).get("model") if path.is_file() else None
    return isinstance(model, dict) and model.get("type") not in (None, "WordLevel")


def require_vocabulary(config: ModelConfig, tokenizer: AnyTokenizer, where: Path) -> None:
    """Refuse a tokenizer with ids beyond the embedding (an embedding may have spare rows)."""
    if len(tokenizer) > config.vocab_size:
        raise UserError(
            f"{where}: tokenizer.json has {len(tokenizer)} words, config.json a vocab_size of "
            f"{config.vocab_size}; {AGAIN}"
        )


def require_same_tokenizer(
    a: AnyTokenizer, b: AnyTokenizer, name_a: str = "one", name_b: str = "the other"
) -> None:
    """Refuse two checkpoints whose token ids mean different words."""
    if a.fingerprint() != b.fingerprint():
        raise UserError(
            f"{name_a} and {name_b} have different tokenizers ({len(a)} words, "
            f"{a.fingerprint()}; {len(b)} words, {b.fingerprint()}): wanted checkpoints that "
            "grew from the same base"
        )
