"""How is a model asked, and which part of its text counts as its answer?"""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import text_tokenizer

from minir1.errors import UserError
from minir1.prompting import LONGEST, Prompting, last_number, tagged_answer

# Table 1 of DeepSeek-R1 (arXiv 2501.12948v2), "prompt" replaced by the question.
TABLE_1 = (
    "A conversation between User and Assistant. The user asks a question, and the Assistant "
    "solves it. The assistant first thinks about the reasoning process in the mind and then "
    "provides the user with the answer. The reasoning process and answer are enclosed within "
    "<think>...</think> and <answer>...</answer> tags, respectively, i.e., <think> reasoning "
    "process here </think> <answer> answer here </answer>. User: How many? Assistant:"
)
PLACES = ("tags", "boxed", "last")
RIGHT = "<think> 2 and 2 </think> <answer> 4 </answer>"


class Echo:
    """A tokenizer whose chat template shows what it was given."""

    def apply_chat_template(
        self, messages: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        said = [f"[{message['role']}: {message['content']}]" for message in messages]
        return "".join(said) + " >" * add_generation_prompt


def asked(template: str, question: str, place: str = "last", system: str = "") -> str:
    return Prompting(template, place, system).prompt(question, Echo())


def test_the_template_of_r1_zero_is_the_one_of_the_paper() -> None:
    assert asked("r1-zero", "How many", "tags") == TABLE_1.replace("?", ".")
    assert asked("r1-zero", "How many. ", "tags") == TABLE_1.replace("?", ".")
    assert asked("r1-zero", "How many?", "tags") == TABLE_1.replace("?", "?.")


def test_a_chat_is_written_by_the_models_own_template() -> None:
    assert asked("chat", "How many?") == "[user: How many?] >"
    assert asked("chat", "How many?", system="Be brief.") == (
        "[system: Be brief.][user: How many?] >"
    )
    assert Prompting("chat", "last", "Hm").prompt("2+2?", text_tokenizer()) == (
        "<|im_start|>system\nHm<|im_end|>\n<|im_start|>user\n2+2?<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    with pytest.raises(UserError, match="no chat template"):
        Prompting("chat", "last").prompt("2+2?", text_tokenizer(chat_template=None))


def test_a_plain_question_is_a_question_and_the_place_of_an_answer() -> None:
    assert asked("plain", "How many?") == "Question: How many?\nAnswer:"


@pytest.mark.parametrize("template", ["chat", "r1-zero", "plain"])
def test_a_boxed_answer_is_asked_for_in_words(template: str) -> None:
    assert "\\boxed{}" in asked(template, "How many?", "boxed")
    assert "\\boxed" not in asked(template, "How many?", "last")


@pytest.mark.parametrize("template", ["chat", "r1-zero", "plain"])
@pytest.mark.parametrize(
    "question",
    ["{question}", "{0} {x!r} {{}}", "100 % of %s", "$question \\1 \\g<0>"],
)
def test_a_question_stands_in_the_prompt_as_it_is(template: str, question: str) -> None:
    assert asked(template, question).count(question) == 1


# between tags


def test_one_pair_of_each_kind_in_order_holds_the_answer() -> None:
    assert tagged_answer(RIGHT) == "4"
    assert tagged_answer(f"\n {RIGHT}\n\n") == "4"
    assert tagged_answer("<think></think><answer>a\nb</answer>") == "a\nb"
    assert tagged_answer("<think>a < b > c </ think></think><answer>1</answer>") == "1"
    assert tagged_answer("<think>x</think><answer> </answer>") == ""


@pytest.mark.parametrize(
    "completion",
    [
        "", "4", "<answer>4</answer>", "<think>x</think>", "<think>x</think><answer>4",
        "<think>x<answer>4</answer>", "<answer>4</answer><think>x</think>",
        "<think><answer>4</answer></think>", "<think>x</think>4</answer><answer>",
        f"{RIGHT} so 5", f"well, {RIGHT}", f"{RIGHT}{RIGHT}", f"{RIGHT}<answer>5</answer>",
        f"<think>{RIGHT}", RIGHT.replace("</think>", "</think></think>"), f"{RIGHT}</answer>",
        RIGHT.replace("<answer>", "<answer><answer>"),
        "<think>x</think> and <answer>4</answer>",
        "x</think><answer><think>4</answer>",
        "<THINK>x</THINK><ANSWER>4</ANSWER>",
    ],
)  # fmt: skip
def test_any_other_form_has_no_answer(completion: str) -> None:
    assert tagged_answer(completion) is None
    assert tagged_answer(completion, opened=True) is None


def test_a_chat_template_may_have_begun_the_thought_itself() -> None:
    rest = RIGHT.removeprefix("<think>")
    assert tagged_answer(rest) is None
    assert tagged_answer(rest, opened=True) == tagged_answer(RIGHT, opened=True) == "4"
    assert Prompting("chat", "tags").answer(rest) == "4"
    assert Prompting("r1-zero", "tags").answer(rest) is None


# the last number


@pytest.mark.parametrize(
    "text, number",
    [
        ("it is 7", "7"), ("3.", "3"), ("1, 2 or 3!", "3"), ("1,2", "2"), ("x=-3", "-3"),
        ("5-3 = 2", "2"), ("10-3", "3"), ("10 - 3", "3"), ("(4)-3", "3"), ("x-3", "3"),
        ("-3", "-3"), (": −3", "-3"), ("10−3", "3"), ("**-3**", "-3"), ("--3", "-3"),
        ("1,234", "1,234"), ("-12,345,678.50", "-12,345,678.50"), ("1,2345", "2345"),
        ("12,34", "34"), ("3.14", "3.14"), ("about .5", ".5"), ("about -.5", "-.5"),
        ("and...5", "5"), ("1.2.3", "3"), ("007", "007"), ("$5", "5"), ("50%", "50"),
        ("one", None), ("", None), ("-", None), ("٣ and ४ and ³", None), ("x² + 2²", "2"),
        ("6 is <|im_end|>", "6"), ("10\n\n", "10"),
    ],
)  # fmt: skip
def test_the_last_number_is_the_answer(text: str, number: str | None) -> None:
    assert last_number(text) == number
    assert Prompting("plain", "last").answer(text) == number


@given(st.integers(-(10**6), 10**6), st.text(alphabet="ab .:=*$\n", max_size=20))
def test_a_number_is_found_however_it_is_written(value: int, around: str) -> None:
    for written in (str(value), f"{value:,}", f"{value}.0"):
        assert last_number(f"5-3=2 {around} is {written}{around.lstrip('.')}") == written


@given(st.integers(0, 999), st.integers(0, 999))
def test_what_is_taken_away_is_no_negative_number(a: int, b: int) -> None:
    assert last_number(f"{a}-{b}") == str(b)
    assert last_number(f"{a}-{b}={a - b}") == str(a - b)


# in a box


def test_the_last_box_is_the_answer() -> None:
    boxed = Prompting("chat", "boxed")
    assert boxed.answer("\\boxed{1} or \\boxed{\\frac{1}{2}}.") == "\\frac{1}{2}"
    assert boxed.answer("#### 12") == "12"
    assert boxed.answer("12") is None


# hostile text


@given(st.text(), st.sampled_from(PLACES), st.sampled_from(["chat", "r1-zero", "plain"]))
def test_any_text_has_an_answer_or_none(text: str, place: str, template: str) -> None:
    answer = Prompting(template, place).answer(text)
    assert answer is None or answer.replace("-", "").strip() in text.replace("−", "")


PIECES = (
    " ", "\n", "1", "1,111,", "-", ".", "1.", "<", "<think>", "</think>", "<answer>",
    "</answer>", "</think><answer>", "</think> ", "<think> </think>", "\\boxed{", "\\boxed",
    "{", "####", "\\",
)  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("piece", PIECES)
def test_a_megabyte_of_anything_is_read_at_once(place: str, piece: str) -> None:
    prompting = Prompting("chat", place)
    hostile = piece * (2**20 // len(piece))
    started = time.process_time()
    for text in (hostile, f"<think>{hostile}</think>{hostile}<answer>", f"{hostile}x"):
        prompting.answer(text)
    assert time.process_time() - started < 0.5


def test_only_the_end_of_a_long_text_is_searched_for_boxes_and_numbers() -> None:
    for place, text in (("last", "12 "), ("boxed", "\\boxed{12}")):
        assert Prompting("plain", place).answer(text + " " * (LONGEST - 20)) == "12"
        assert Prompting("plain", place).answer(text + " " * LONGEST) is None
    thought = "so " * LONGEST
    assert tagged_answer(f"<think>{thought}</think><answer>12</answer>") == "12"
    assert tagged_answer(f"<answer><think>{thought}</think><answer>12</answer>") is None
