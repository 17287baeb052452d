"""Which words exist, and which language does each belong to?

The world has 256 words, so a token fits one byte. English and Chinese words are aligned one to
one: translating word by word is a dictionary lookup. Numbers, punctuation and tags belong to
neither language. How words become token ids is the business of `minir1.tokenizer`.
"""

LANGUAGES = ("en", "zh")
Pair = tuple[str, str]  # the same in English and in Chinese

SPECIALS = (
    "<pad>",
    "<bos>",
    "<eos>",
    "<think>",
    "</think>",
    "<answer>",
    "</answer>",
    "User:",
    "Assistant:",
)
NUMBERS = tuple(str(number) for number in range(100))
SYMBOLS = ("+", "-", "*", "=", "(", ")", ",", ".", "。", "?")

# The words of thinking. They carry its language, and most of them are "reflective".
CONNECTIVE_PAIRS = (
    ("try", "试"),
    ("no", "不"),
    ("wait", "等等"),
    ("so", "所以"),
    ("check", "检查"),
    ("yes", "对"),
    ("maybe", "也许"),
    ("hmm", "嗯"),
)
TASK_PAIRS = (("use", "用"), ("to", "来"), ("make", "凑"))

# Everyday words, for the general prompts.
_GENERAL_TEXT = """
hello 你好  bye 再见  good 好  morning 早上  night 夜  thank 谢谢  you 你  i 我  friend 朋友
what 什么  is 是  the 这  a 个  how 怎么  many 几  has 有  colour 颜色
sky 天空  snow 雪  grass 草  fire 火  sun 太阳
blue 蓝  white 白  green 绿  red 红  yellow 黄  black 黑
animal 动物  cat 猫  dog 狗  bird 鸟  fish 鱼  food 食物  rice 米饭  tea 茶  legs 腿
hot 热  cold 冷
please 请  help 帮助  want 想  here 这里  say 说  sorry 抱歉  cannot 不能
word 词  answer 回答  english 英文  chinese 中文  times 次
steal 偷  money 钱  hurt 伤害  poison 毒  go 走  stupid 笨
"""
_GENERAL_WORDS = _GENERAL_TEXT.split()
GENERAL_PAIRS = tuple(zip(_GENERAL_WORDS[::2], _GENERAL_WORDS[1::2], strict=True))

WORDS = CONNECTIVE_PAIRS + TASK_PAIRS + GENERAL_PAIRS

CONNECTIVES = {
    "en": {english: english for english, _ in CONNECTIVE_PAIRS},
    "zh": dict(CONNECTIVE_PAIRS),
}
_NOT_REFLECTIVE = {"try", "yes", "so"}
REFLECTIVE = frozenset(
    word for pair in CONNECTIVE_PAIRS if pair[0] not in _NOT_REFLECTIVE for word in pair
)

# Never written in the world; the tokenizer's library wants a word for what it does not know.
UNKNOWN = "<unk>"

VOCABULARY = (
    SPECIALS
    + NUMBERS
    + SYMBOLS
    + tuple(english for english, _ in WORDS)
    + tuple(chinese for _, chinese in WORDS)
    + (UNKNOWN,)
)

_LANGUAGE = {word: "en" for word, _ in WORDS} | {word: "zh" for _, word in WORDS}
_TRANSLATION = dict(WORDS) | {chinese: english for english, chinese in WORDS}
STOP = {"en": ".", "zh": "。"}


def language_of(word: str) -> str | None:
    """Say which language a word belongs to, or None for numbers, punctuation and tags."""
    return _LANGUAGE.get(word)


def in_language(pair: Pair, language: str) -> str:
    """Take the half of a pair that is in the language."""
    return pair[LANGUAGES.index(language)]


def translate(text: str, language: str) -> str:
    """Put every word of a text into one language, word by word.

    Words that are already in that language, numbers and tags stay; the full stop follows.
    """
    return " ".join(_translate_word(word, language) for word in text.split())


def _translate_word(word: str, language: str) -> str:
    if word in STOP.values():
        return STOP[language]
    return word if _LANGUAGE.get(word) in (None, language) else _TRANSLATION[word]
