"""How does text become token ids, and back?

In the tiny world a token is a word between spaces, so there is nothing to learn and nothing
to guess: `encode` is a dictionary lookup. A saved tokenizer is an ordinary Hugging Face folder
that `transformers.AutoTokenizer` and `mlx_lm.load` read.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from minir1.errors import UserError, did_you_mean
from minir1.world.languages import UNKNOWN, VOCABULARY

PAD, BOS, EOS = "<pad>", "<bos>", "<eos>"
_SPECIALS_MAP = {"pad_token": PAD, "bos_token": BOS, "eos_token": EOS}
_CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}<bos> User: {{ message['content'] }} Assistant:"
    "{% else %} {{ message['content'] }} <eos> {% endif %}"
    "{% endfor %}"
)


class WordTokenizer:
    """Turn words into ids and back; a word's id is its place in the vocabulary."""

    def __init__(self, words: Iterable[str] = VOCABULARY):
        self.words = tuple(words)
        self.vocab = {word: index for index, word in enumerate(self.words)}
        self.pad_id, self.bos_id, self.eos_id = (self.vocab[word] for word in (PAD, BOS, EOS))
        self.eos_ids = (self.eos_id,)

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, text: str) -> list[int]:
        """Turn words between spaces into ids. Raises: UserError for a word it does not know."""
        try:
            return [self.vocab[word] for word in text.split()]
        except KeyError as error:
            word = error.args[0]
            hint = did_you_mean(word, self.words)
            raise UserError(
                f"the tiny world has no word {word!r}{hint}; write words with spaces between, "
                f"for example: use 3 7 1 to make 11 ."
            ) from None

    def decode(self, ids: Iterable[int]) -> str:
        """Turn ids into words with one space between them, the special ones included."""
        return " ".join(self.words[index] for index in ids)

    def fingerprint(self) -> str:
        """Name the vocabulary in 16 hex digits: equal if and only if the words are."""
        return hashlib.sha256("\n".join(self.words).encode()).hexdigest()[:16]

    def save(self, folder: str | Path) -> None:
        """Write the tokenizer files of a Hugging Face folder."""
        from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        tokenizer = Tokenizer(models.WordLevel(self.vocab, unk_token=UNKNOWN))
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        tokenizer.add_special_tokens(
            [AddedToken(word, special=True, normalized=False) for word in (PAD, BOS, EOS)]
        )
        tokenizer.save(str(folder / "tokenizer.json"))
        config = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "clean_up_tokenization_spaces": False,
            "chat_template": _CHAT_TEMPLATE,
        } | _SPECIALS_MAP
        _write_json(folder / "tokenizer_config.json", config)
        _write_json(folder / "special_tokens_map.json", _SPECIALS_MAP)

    @classmethod
    def load(cls, folder: str | Path) -> "WordTokenizer":
        """Read a folder that `save` wrote. Raises: UserError if it holds no word tokenizer."""
        path = Path(folder) / "tokenizer.json"
        try:
            vocab = json.loads(path.read_text(encoding="utf-8"))["model"]["vocab"]
            words = sorted(vocab, key=lambda word: vocab[word])
            if [vocab[word] for word in words] != list(range(len(words))):
                raise ValueError("ids are not 0, 1, 2, …")
            return cls(words)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{path} is not a word tokenizer ({error}); "
                f"give a folder that minir1 wrote, with a tokenizer.json in it"
            ) from None


def _write_json(path: Path, value: dict) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=2)
    path.write_text(text + "\n", encoding="utf-8")
