"""Is a token a word, and do other programs read the saved tokenizer the same way?"""

import json

import pytest

from minir1.errors import UserError
from minir1.tokenizer import WordTokenizer
from minir1.world.languages import (
    CONNECTIVES,
    REFLECTIVE,
    VOCABULARY,
    WORDS,
    language_of,
    translate,
)

TEXT = (
    "<bos> User: use 3 7 1 to make 11 . Assistant: <think> try 3 * 1 = 3 , 3 * 7 = 21 不 等等 "
    "7 + 1 = 8 , 8 + 3 = 11 yes so </think> <answer> ( 7 + 1 ) + 3 </answer> <eos>"
)


def test_a_token_fits_one_byte():
    assert len(VOCABULARY) == len(set(VOCABULARY)) <= 256


def test_text_survives_the_round_trip():
    tokenizer = WordTokenizer()
    ids = tokenizer.encode(TEXT)
    assert len(ids) == len(TEXT.split())
    assert tokenizer.decode(ids) == TEXT
    assert (ids[0], ids[-1]) == (tokenizer.bos_id, tokenizer.eos_id)
    assert len({tokenizer.pad_id, tokenizer.bos_id, tokenizer.eos_id}) == 3


def test_an_unknown_word_is_named_with_a_hint():
    with pytest.raises(UserError, match=r"no word 'helo'; did you mean hello\?"):
        WordTokenizer().encode("User: helo .")


def test_words_are_aligned_and_carry_one_language():
    english, chinese = zip(*WORDS, strict=True)
    assert not set(english) & set(chinese)
    assert {language_of(word) for word in english} == {"en"}
    assert {language_of(word) for word in chinese} == {"zh"}
    assert {language_of(word) for word in ("7", "+", "。", ".", "?", "<think>")} == {None}
    assert translate("yes , the sky is blue .", "zh") == "对 , 这 天空 是 蓝 。"
    assert translate(translate("yes , 天空 4 .", "zh"), "en") == "yes , sky 4 ."


def test_the_reflective_words():
    assert " ".join(CONNECTIVES["en"].values()) == "try no wait so check yes maybe hmm"
    assert " ".join(CONNECTIVES["zh"].values()) == "试 不 等等 所以 检查 对 也许 嗯"
    assert " ".join(sorted(REFLECTIVE)) == "check hmm maybe no wait 不 也许 嗯 检查 等等"


def test_fingerprint_follows_the_words_and_their_order():
    words = list(VOCABULARY)
    same = WordTokenizer(words).fingerprint()
    assert same == WordTokenizer().fingerprint()
    words[-1], words[-2] = words[-2], words[-1]
    assert WordTokenizer(words).fingerprint() != same


def test_save_and_load(tmp_path):
    tokenizer = WordTokenizer()
    tokenizer.save(tmp_path / "new" / "folder")
    loaded = WordTokenizer.load(tmp_path / "new" / "folder")
    assert loaded.words == tokenizer.words
    assert loaded.fingerprint() == tokenizer.fingerprint()


def test_the_tokenizers_library_agrees(tmp_path):
    from tokenizers import Tokenizer

    ours = WordTokenizer()
    ours.save(tmp_path)
    theirs = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    ids = theirs.encode(TEXT).ids
    assert ids == ours.encode(TEXT)
    assert theirs.decode(ids, skip_special_tokens=False) == TEXT
    bare = theirs.decode(ids)
    assert bare == TEXT.removeprefix("<bos> ").removesuffix(" <eos>")  # tags stay
    assert theirs.get_vocab() == ours.vocab
    named = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert (named["bos_token"], named["eos_token"]) == ("<bos>", "<eos>")


def test_transformers_agrees(tmp_path):
    transformers = pytest.importorskip("transformers")
    WordTokenizer().save(tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert theirs(TEXT).input_ids == WordTokenizer().encode(TEXT)
    chat = [{"role": "user", "content": "hello ."}]
    ids = theirs.apply_chat_template(chat, return_dict=True)["input_ids"]
    assert ids == WordTokenizer().encode("<bos> User: hello . Assistant:")


@pytest.mark.parametrize(
    "text",
    [None, "not json", "[]", '{"model": {"vocab": {"<pad>": 5}}}', '{"model": {"vocab": 7}}'],
)
def test_a_folder_without_a_word_tokenizer_is_refused(tmp_path, text):
    if text is not None:
        (tmp_path / "tokenizer.json").write_text(text)
    with pytest.raises(UserError, match="not a word tokenizer"):
        WordTokenizer.load(tmp_path)
