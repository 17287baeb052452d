"""Does the tokenizer of a folder say what transformers' would, and refuse what it can't be?"""

import json
from pathlib import Path
from typing import Any

import pytest
import tiny_models as tiny
from hypothesis import given
from hypothesis import strategies as st

from minir1.errors import UserError
from minir1.text_tokenizer import TextTokenizer
from minir1.vocabulary import load_tokenizer, require_same_tokenizer

WORDS = tiny.vocabulary()[0]
TEXTS = [
    "",
    " ",
    "the quick brown fox",
    "def f(x):\n\treturn x**2  # naïve\r\n",
    "12345 3.14 1e-9 ½ ①",
    "日本語 Привет שלום नमस्ते",
    "👩🏽‍🚀 🇨🇭 e\u0301 \u200b\u00a0\ufeff",
    "a<|im_end|><tool>b<|im_start|><|im_end",
]
CHATS: list[list[dict[str, str]]] = [
    [{"role": "user", "content": "Hello <|im_end|> {{ 1 }}"}],
    [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "<&>'\""},
        {"role": "assistant", "content": "\n"},
    ],
]


def write(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def refusal(files: dict[str, bytes]) -> str:
    with pytest.raises(UserError) as caught:
        TextTokenizer(files, "here")
    text = str(caught.value)
    assert "\n" not in text and text.startswith("here: ")
    return text


@given(st.text())
def test_every_text_comes_back(text: str) -> None:
    tokenizer = tiny.text_tokenizer()
    whole = text.encode("utf-8", "replace").decode()
    assert tokenizer.decode(tokenizer.encode(text)) == whole


def test_halves_of_pairs_become_question_marks() -> None:
    tokenizer = tiny.text_tokenizer()
    assert tokenizer.decode(tokenizer.encode("a\ud83db")) == "a?b"


def test_special_tokens_are_recognised_and_none_is_added() -> None:
    from tokenizers import Tokenizer, processors

    files = tiny.tokenizer_files()
    adding = Tokenizer.from_str(files["tokenizer.json"].decode())
    adding.post_processor = processors.TemplateProcessing(
        single=[tiny.START, "$A"], special_tokens=[(tiny.START, 0)]
    )
    adding.enable_truncation(3)
    adding.enable_padding(length=9)
    files["tokenizer.json"] = adding.to_str().encode()
    tokenizer = TextTokenizer(files, "here")
    ids = tokenizer.encode("to be or not to<|im_end|>")
    assert ids[-1] == WORDS.index(tiny.END) == 1 and 0 not in ids and len(ids) > 4
    assert tokenizer.decode(ids) == "to be or not to<|im_end|>"


def test_ids_of_the_special_tokens() -> None:
    tokenizer = tiny.text_tokenizer()
    assert (tokenizer.eos_id, tokenizer.eos_ids, tokenizer.pad_id) == (1, (1,), 2)
    assert tokenizer.bos_id is None and len(tokenizer) == len(WORDS)
    as_object = {"content": tiny.START, "special": True}
    assert tiny.text_tokenizer(bos_token=as_object).bos_id == 0
    assert tiny.text_tokenizer(pad_token=None).pad_id == 1  # no padding token: the end
    assert tiny.text_tokenizer(pad_token="unheard of").pad_id == 1


def test_ends_are_gathered_from_every_file(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", tiny.tokenizer_files())
    (folder / "generation_config.json").write_text('{"eos_token_id": [7, 1, 9999, -1, "x"]}')
    (folder / "config.json").write_text('{"eos_token_id": 5}')
    assert TextTokenizer.load(folder).eos_ids == (1, 7, 5)
    special = b'{"eos_token": "<|im_start|>"}'
    files = {**tiny.tokenizer_files(), "special_tokens_map.json": special}
    assert TextTokenizer(files, "here").eos_ids == (1,)
    files["tokenizer_config.json"] = b"{}"
    assert TextTokenizer(files, "here").eos_ids == (0,)


def test_no_end_is_a_refusal() -> None:
    files = tiny.tokenizer_files(eos_token=None)
    assert "names no token that ends a text: write eos_token in" in refusal(files)
    assert TextTokenizer(files, "here", [3]).eos_ids == (3,)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("tokenizer.json", b"{", "no tokenizer can be read"),
        ("tokenizer.json", b"\xff\xfe", "no tokenizer can be read"),
        ("tokenizer.json", b'{"model": {"type": "BPE"}}', "no tokenizer can be read"),
        ("tokenizer_config.json", b"{", "tokenizer_config.json is not valid JSON"),
        ("tokenizer_config.json", b"\xff", "tokenizer_config.json is not valid JSON"),
        ("tokenizer_config.json", b"[" * 100_000, "tokenizer_config.json is not valid JSON"),
        ("tokenizer_config.json", b"[1]", "tokenizer_config.json holds [1]: wanted a JSON"),
        ("special_tokens_map.json", b"7", "special_tokens_map.json holds 7"),
    ],
)
def test_damaged_files(name: str, data: bytes, said: str) -> None:
    assert said in refusal({**tiny.tokenizer_files(), name: data})


def test_a_folder_without_a_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"tokenizer\.json is missing: minir1 reads no other"):
        TextTokenizer.load(tmp_path)


def test_save_writes_what_was_there(tmp_path: Path) -> None:
    files = tiny.tokenizer_files() | {
        "chat_template.jinja": b"{{ 1 }}\r\n",
        "special_tokens_map.json": b'{ "eos_token":"<|im_end|>" }',
    }
    tokenizer = TextTokenizer.load(write(tmp_path / "a", files))
    tokenizer.save(tmp_path / "b" / "c")
    saved = {path.name: path.read_bytes() for path in (tmp_path / "b" / "c").iterdir()}
    assert saved == files


def test_the_fingerprint_is_of_the_ids_words(tmp_path: Path) -> None:
    one, files = tiny.text_tokenizer(), tiny.tokenizer_files()
    tidy = json.dumps(json.loads(files["tokenizer.json"]), indent=3).encode()
    assert TextTokenizer({**files, "tokenizer.json": tidy}, "x").fingerprint() == (
        one.fingerprint()
    )
    described = json.loads(files["tokenizer.json"])
    vocab = described["model"]["vocab"]
    vocab["a"], vocab["b"] = vocab["b"], vocab["a"]
    swapped = json.dumps(described).encode()
    other = TextTokenizer({**files, "tokenizer.json": swapped}, "x")
    with pytest.raises(UserError, match="have different tokenizers"):
        require_same_tokenizer(one, other)
    require_same_tokenizer(one, tiny.text_tokenizer())


def test_the_kind_of_tokenizer_is_seen(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", tiny.tokenizer_files())
    assert isinstance(load_tokenizer(folder), TextTokenizer)


# chats


def test_a_chat_is_written_as_the_template_says() -> None:
    text = tiny.text_tokenizer().apply_chat_template(CHATS[0])
    assert text == (
        "<|im_start|>user\nHello <|im_end|> {{ 1 }}<|im_end|>\n<|im_start|>assistant\n"
    )
    closed = tiny.text_tokenizer().apply_chat_template(CHATS[0], add_generation_prompt=False)
    assert text == closed + "<|im_start|>assistant\n"


def test_where_templates_are_kept() -> None:
    assert tiny.text_tokenizer().chat_template == tiny.TEMPLATE
    named = [{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}]
    assert tiny.text_tokenizer(chat_template=named).chat_template == "D"
    assert tiny.text_tokenizer(chat_template=7).chat_template is None
    files = {**tiny.tokenizer_files(), "chat_template.jinja": b"of a file"}
    assert TextTokenizer(files, "here").chat_template == "of a file"


def test_a_missing_template_is_missed_only_when_asked_for() -> None:
    plain = tiny.text_tokenizer(chat_template=None)
    assert plain.encode("the fox")
    with pytest.raises(UserError, match="has no chat template: choose another prompt"):
        plain.apply_chat_template(CHATS[0])


# transformers, where it is installed


@pytest.mark.filterwarnings("ignore")
def test_transformers_reads_the_same(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    ours = tiny.text_tokenizer(tokenizer_class="PreTrainedTokenizerFast")
    ours.save(tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    same_texts_and_chats(ours, theirs)
    theirs.save_pretrained(tmp_path / "again")
    again = TextTokenizer.load(tmp_path / "again")
    assert again.fingerprint() == ours.fingerprint()
    same_texts_and_chats(again, theirs)


def same_texts_and_chats(ours: TextTokenizer, theirs: Any) -> None:
    assert (theirs.eos_token_id, theirs.pad_token_id) == (ours.eos_id, ours.pad_id)
    for text in TEXTS:
        ids = ours.encode(text)
        assert theirs.encode(text, add_special_tokens=False) == ids
        assert theirs.decode(ids) == ours.decode(ids)
    for chat in CHATS:
        for more in (True, False):
            told = {"tokenize": False, "add_generation_prompt": more}
            assert theirs.apply_chat_template(chat, **told) == (
                ours.apply_chat_template(chat, more)
            )
