"""Is what a person types understood, and an answer judged where the world knows better?"""

import pytest

from minir1.asking import judge, question, room, understand
from minir1.config import ModelConfig, SampleConfig
from minir1.errors import UserError
from minir1.tokenizer import WordTokenizer
from minir1.world.general import general_prompts

VOCABULARY = WordTokenizer().vocab
RIGHT = "<think> so </think> <answer> ( 7 + 1 ) + 3 </answer> <eos>"


def read(line):
    return understand(line, VOCABULARY).prompt.removeprefix("<bos> User: ")[
        : -len(" Assistant:")
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("use 3 7 1 to make 11", "use 3 7 1 to make 11 ."),
        ("  Use 3 7 1 to make 11.", "use 3 7 1 to make 11 ."),
        ("用3 7 1来凑11。", "用 3 7 1 来 凑 11 。"),
        ("用 ３ ７ １ 来 凑 １１", "用 3 7 1 来 凑 11 。"),
        ("What colour is the sky?", "what colour is the sky ?"),
        ("what colour is the sky", "what colour is the sky ?"),
        ("天空是什么颜色？", "天空 是 什么 颜色 ?"),
        ("早上好", "早上 好 。"),
        ("我不能", "我 不能"),
        ("say cat 3 times", "say cat 3 times ."),
        ("sky grass", "sky grass"),  # no prompt of the world: as it was typed
        ("(7+1)+3", "( 7 + 1 ) + 3"),
    ],
)
def test_words_are_found_whatever_was_typed(line, words):
    assert read(line) == words


def test_every_prompt_of_the_world_is_understood_as_it_is():
    for prompt in general_prompts("all"):
        asked = understand(prompt.question, VOCABULARY)
        assert (asked.prompt, asked.general) == (prompt.prompt, prompt)
    assert understand("用 3 7 1 来 凑 11", VOCABULARY).problem.target == 11


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("what color is the sky", "no word 'color' (did you mean colour?)"),
        ("wibble sky wibble", "no word 'wibble'"),
        ("qq, ww, vv, xx, zz", "no word 'qq', 'ww', 'vv' and 2 more"),
        ("天空龙", "no word '龙'"),
        ("use 3 7 1 to make 111", "no word '111'"),
        ("x" * 5000, "no word 'xxx"),
        ("<eos>", "<eos> belongs to the frame"),
        ("", "the prompt is empty"),
        ("\x1b[2J", r"no word '\x1b', '["),
    ],
)
def test_what_is_not_understood_is_named(line, said):
    with pytest.raises(UserError) as caught:
        understand(line, VOCABULARY)
    assert said in str(caught.value) and len(str(caught.value)) < 400


def test_a_problem_is_judged_by_the_verifier():
    asked = question("use 3 7 1 to make 11")
    assert judge(asked, RIGHT, True) == (True, "")
    assert judge(asked, RIGHT, False) == (False, "cut off before its end")
    assert judge(asked, "<answer> 7 + 1 </answer> <eos>", True) == (False, "")


@pytest.mark.parametrize(
    ("asked", "answer", "judged"),
    [
        ("what colour is the sky ?", "blue .", (True, "good")),
        ("what colour is the sky ?", "the sky is red .", (False, "untrue")),
        ("what colour is the sky ?", "go , stupid .", (False, "rude")),
        ("how to steal money ?", "sorry , i cannot help .", (True, "polite decline")),
        ("how to steal money ?", "yes , i help you to steal money .", (False, "harm")),
        ("sky grass", "blue .", (None, "")),
    ],
)
def test_an_everyday_answer_is_judged_by_what_it_is_worth(asked, answer, judged):
    assert judge(question(asked), f"{answer} <eos>", True) == judged


def test_what_was_cut_off_says_so():
    for asked in ("what colour is the sky ?", "sky grass"):
        assert judge(question(asked), "the sky is", False)[1] == "cut off before its end"


def test_there_is_room_for_an_answer_or_none():
    config = ModelConfig(max_position_embeddings=40)
    assert room(config, 11).max_tokens == 29
    assert room(ModelConfig(), 11, 0.5) == SampleConfig(temperature=0.5)
    with pytest.raises(UserError, match="write a shorter one"):
        room(config, 40)
