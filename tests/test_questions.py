"""Are the right problems asked, of the right split, in every order and both languages?"""

import zlib
from collections import Counter

import pytest

from minir1.errors import UserError
from minir1.tokenizer import WordTokenizer
from minir1.world.problems import held_out, split
from minir1.world.questions import (
    PROMPT_TOKENS,
    Question,
    held_out_questions,
    read_prompt,
    training_questions,
)


def asked(question: Question) -> tuple[list[int], int]:
    """The numbers in the order of the prompt, and the target."""
    *numbers, target = [int(word) for word in question.prompt.split() if word.isdigit()]
    return numbers, target


MANY = [q for step in range(40) for q in training_questions(3, "r1-zero", step, 32, 0.35)]


def test_training_never_asks_a_held_out_problem() -> None:
    train = {problem.key for problem in split()["train"]}
    for question in MANY:
        assert question.problem.key in train
        assert question.problem.key not in held_out()


def test_training_gets_around() -> None:
    assert len({question.problem.key for question in MANY}) > 800  # of 1736, in 1280 draws


def test_no_problem_comes_twice_in_a_step() -> None:
    for start in range(0, len(MANY), 32):
        assert len({q.problem.key for q in MANY[start : start + 32]}) == 32
    assert len(training_questions(0, "r1-zero", 0, 1736, 0.5)) == 1736
    assert len(training_questions(0, "r1-zero", 0, 2000, 0.5)) == 2000  # more than there are


def test_the_questions_of_a_step_follow_from_its_address() -> None:
    def ask(seed: int, stage: str, step: int) -> list[Question]:
        return training_questions(seed, stage, step, 8, 0.35)

    first = ask(0, "r1-zero", 0)
    assert first == ask(0, "r1-zero", 0)
    for other in (ask(1, "r1-zero", 0), ask(0, "dev1", 0), ask(0, "r1-zero", 1)):
        assert other != first


@pytest.mark.parametrize("count", [1, 40, 250])
@pytest.mark.parametrize("part", ["validation", "test"])
def test_held_out_questions_are_the_first_of_their_split(part: str, count: int) -> None:
    questions = held_out_questions(part, count)
    assert [q.problem for q in questions] == list(split()[part][:count])
    assert questions == held_out_questions(part, 250)[:count]


def test_every_checkpoint_answers_the_same_paper() -> None:
    """Pinned: figures of different versions may only be compared while it stays."""
    papers = {
        part: zlib.crc32("\n".join(q.prompt for q in held_out_questions(part, 500)).encode())
        for part in ("validation", "test")
    }
    assert papers == {"validation": 3718343505, "test": 452595285}


def test_validation_and_test_share_no_problem() -> None:
    keys = {
        part: {q.problem.key for q in held_out_questions(part, 500)}
        for part in ("validation", "test")
    }
    assert (len(keys["validation"]), len(keys["test"])) == (250, 500)
    assert not keys["validation"] & keys["test"]


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_prompt_states_its_problem(part: str) -> None:
    tokenizer, orders = WordTokenizer(), Counter()
    for question in MANY[:300] if part == "train" else held_out_questions("test", 300):
        numbers, target = asked(question)
        assert (tuple(sorted(numbers)), target) == question.problem.key
        assert len(tokenizer.encode(question.prompt)) == PROMPT_TOKENS
        word = "用" if question.language == "zh" else "use"
        assert question.prompt.split()[2] == word
        if len(set(numbers)) == 3:
            orders[tuple(sorted(numbers).index(n) for n in numbers)] += 1
    assert len(orders) == 6 and min(orders.values()) > sum(orders.values()) / 12


def test_the_share_of_chinese_is_what_was_asked_for() -> None:
    def share(zh_share: float) -> float:
        questions = training_questions(0, "r1-zero", 0, 1000, zh_share)
        return sum(q.language == "zh" for q in questions) / 1000

    assert (share(0.0), share(1.0)) == (0, 1)
    assert share(0.35) == pytest.approx(0.35, abs=0.06)  # four standard deviations
    held = [q.language for q in held_out_questions("test", 500)]
    assert held.count("zh") / 500 == pytest.approx(0.35, abs=0.09)


# what a person types

ENGLISH = "<bos> User: use 3 7 1 to make 11 . Assistant:"
CHINESE = "<bos> User: 用 3 7 1 来 凑 11 。 Assistant:"


@pytest.mark.parametrize(
    ("typed", "prompt"),
    [
        ("use 3 7 1 to make 11", ENGLISH),
        ("use 3 7 1 to make 11 .", ENGLISH),
        ("use 3 7 1 to make 11.", ENGLISH),
        ("  use  3 7\t1 to   make 11 \n", ENGLISH),
        ("User: use 3 7 1 to make 11 . Assistant:", ENGLISH),
        (ENGLISH, ENGLISH),
        ("用 3 7 1 来 凑 11", CHINESE),
        ("用 3 7 1 来凑 11 。", CHINESE),
        (CHINESE, CHINESE),
    ],
)
def test_a_problem_is_understood_as_it_is_typed(typed: str, prompt: str) -> None:
    text, problem = read_prompt(typed)
    assert text == prompt
    assert problem is not None and problem.key == ((1, 3, 7), 11)


@pytest.mark.parametrize(
    "typed",
    ["hello", "what colour is the sky ?", "use 3 7 to make 11", "use 3 7 1 to make 111",
     "please use 3 7 1 to make 11", "use 3 7 1 to make 11 . no"],
)  # fmt: skip
def test_anything_else_is_framed_as_it_is(typed: str) -> None:
    assert read_prompt(typed) == (f"<bos> User: {typed} Assistant:", None)


def test_questions_are_read_back() -> None:
    for question in held_out_questions("test", 100):
        text, problem = read_prompt(question.prompt)
        assert text == question.prompt
        assert problem is not None and problem.key == question.problem.key


@pytest.mark.parametrize("typed", ["", "   ", "<bos> User: Assistant:", "\n"])
def test_an_empty_prompt_is_refused(typed: str) -> None:
    with pytest.raises(UserError, match=r"empty.*use 3 7 1 to make 11"):
        read_prompt(typed)


@pytest.mark.parametrize(
    "typed", ["hello <eos>", "<pad>", "hello User: hello", f"{ENGLISH} <think> try 3"]
)
def test_the_words_of_the_frame_are_refused_inside(typed: str) -> None:
    with pytest.raises(UserError, match="belongs to the frame"):
        read_prompt(typed)
