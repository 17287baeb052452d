"""Only a finished, single, right answer is paid; the gallery of tricks is not."""

import time
from dataclasses import dataclass, replace

import pytest
from gallery import ANSWER, NOT_PAID, RIGHT
from hypothesis import given, settings
from hypothesis import strategies as st

from minir1.config import RewardConfig
from minir1.rewards import (
    accuracy,
    format_reward,
    general_format,
    language_consistency,
    lenient_answer,
    paid_parts,
    part_weights,
    reward,
    strict_answer,
    vote,
)


@dataclass(frozen=True)
class Puzzle:
    numbers: tuple[int, ...] = (3, 7, 1)
    target: int = 11


PUZZLE = Puzzle()
THOUGHT = "try 3 * 1 = 3 , 3 * 7 = 21 no wait 7 + 1 = 8 , 8 + 3 = 11 yes so"
PERFECT = f"<think> {THOUGHT} </think> <answer> {RIGHT} </answer>"


def test_a_perfect_transcript_earns_every_part_in_full():
    weights = RewardConfig(accuracy=1.0, format=0.1, language=0.3)
    total, parts = reward(PUZZLE, PERFECT, True, "en", weights)
    assert parts == {"accuracy": 1.0, "format": 1.0, "language_consistency": 1.0}
    assert total == pytest.approx(1.4)
    assert reward(PUZZLE, PERFECT, True, "en", RewardConfig())[0] == pytest.approx(1.1)


@pytest.mark.parametrize(
    "completion",
    [
        PERFECT,
        PERFECT + " <eos>",
        "  " + PERFECT + " <eos> ",
        PERFECT.replace(" ", "").replace("<answer>", "\n<answer>"),
        PERFECT.replace("<answer>", "\n\n<answer>\n"),
        PERFECT.replace(THOUGHT, "试 7 + 1 = 8 , 8 + 3 = 11 对"),
    ],
)
def test_blanks_the_eos_and_the_thoughts_language_change_nothing(completion):
    assert accuracy(PUZZLE, completion, True) == 1
    assert format_reward(completion, True) == 1


def test_the_base_may_answer_at_once_but_without_the_format():
    completion = f"<answer> {RIGHT} </answer>"
    assert accuracy(PUZZLE, completion, True) == 1
    assert format_reward(completion, True) == 0


def test_text_between_thinking_and_answer_costs_the_format_alone():
    completion = PERFECT.replace("<answer>", "so I say <answer>")
    assert accuracy(PUZZLE, completion, True) == 1
    assert format_reward(completion, True) == 0


def test_a_prompt_may_open_the_thinking():
    completion = PERFECT.removeprefix("<think>")
    assert accuracy(PUZZLE, completion, True) == 1
    assert format_reward(completion, True) == 0
    assert language_consistency(completion, "en") == 1


@pytest.mark.parametrize("ending", ["", " <eos>"])
def test_a_truncated_completion_earns_nothing_whatever_it_says(ending):
    weights = RewardConfig(accuracy=1.0, format=0.1, language=0.3)
    total, parts = reward(PUZZLE, PERFECT + ending, False, "en", weights)
    assert total == 0
    assert parts == {"accuracy": 0.0, "format": 0.0, "language_consistency": 1.0}
    assert reward(PUZZLE, PERFECT, False, "en", replace(weights, kind="format"))[0] == 0
    assert vote(PERFECT, False) is None


@pytest.mark.parametrize("completion", NOT_PAID.values(), ids=NOT_PAID.keys())
def test_no_trick_earns_accuracy_and_each_is_refused_within_a_millisecond(completion):
    fastest = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        graded = accuracy(PUZZLE, completion, True)
        fastest = min(fastest, time.perf_counter() - start)
        assert graded == 0
    assert fastest < 1e-3


def test_an_answer_in_the_thinking_is_a_draft_and_not_graded():
    drafted = f"<think> maybe <answer> 7 </answer> </think> {ANSWER}"
    assert accuracy(PUZZLE, drafted, True) == 1
    assert format_reward(drafted, True) == 0
    wrong = f"<think> maybe {ANSWER} </think> <answer> 7 </answer>"
    assert accuracy(PUZZLE, wrong, True) == 0


@pytest.mark.parametrize(
    "completion",
    [
        *(text for name, text in NOT_PAID.items() if "<think> so </think>" not in text),
        "<think> </think> <answer> 7 </answer>",
        "<think> so </think> <answer> </answer>",
        "so <think> so </think> <answer> 7 </answer>",
        "<think> so </think> so <answer> 7 </answer>",
        "<think> so </think> <answer> 7 </answer> so",
        "<answer> 7 </answer> <think> so </think>",
        "<think> so <answer> </think> 7 </answer>",
        "<think> so </think> <think> so </think> <answer> 7 </answer>",
        "<think> so </think> <answer> 7 </answer> </answer>",
        "<think> so User: hello </think> <answer> 7 </answer>",
        "<think> so <eos> </think> <answer> 7 </answer>",
        "<think> so </think> <answer> 7 </answer> <eos> <eos>",
    ],
)
def test_every_other_order_of_the_tags_earns_no_format(completion):
    assert format_reward(completion, True) == 0


def test_format_does_not_judge_what_is_inside():
    assert format_reward("<think> no </think> <answer> no </answer>", True) == 1
    assert format_reward("<think> no </think> <answer> no </answer>", False) == 0


TAGS = ["<think>", "</think>", "<answer>", "</answer>", "<eos>", "so", RIGHT]


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from(TAGS), max_size=8))
def test_format_is_one_pattern_and_accuracy_needs_exactly_one_answer(words):
    completion = " ".join(words)
    bare = words[:-1] if words[-1:] == ["<eos>"] else words
    kinds = "".join({"so": "w", RIGHT: "w", "<eos>": "e"}.get(word, word) for word in bare)
    while "ww" in kinds:
        kinds = kinds.replace("ww", "w")
    assert format_reward(completion, True) == (kinds == "<think>w</think><answer>w</answer>")
    if accuracy(PUZZLE, completion, True):
        assert bare[-3:] == ["<answer>", RIGHT, "</answer>"]
        assert "<answer>" not in bare[:-3] or bare.index("<answer>") < bare.index("</think>")


def test_strict_answer_returns_the_text_between_the_tags():
    assert strict_answer(PERFECT) == RIGHT
    assert strict_answer(PERFECT.replace(RIGHT, "no idea")) == "no idea"
    assert strict_answer("<answer></answer>") == ""


@pytest.mark.parametrize(
    "completion",
    [
        f"{ANSWER} {ANSWER}",
        f"<answer> {ANSWER}",
        f"{ANSWER} </answer>",
        f"<think> {ANSWER}",
        f"<answer> {RIGHT}",
        f"{ANSWER} so",
    ],
)
def test_strict_answer_takes_one_pair_of_tags_at_the_end_and_nothing_else(completion):
    assert strict_answer(completion) is None


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        (PERFECT, RIGHT),
        (f"<answer> {RIGHT}", RIGHT),
        (f"<think> {THOUGHT} <answer> {RIGHT} </answer> <answer> 7 - 1 </answer>", "7 - 1"),
        ("<answer> 7 * 3 , 7 - 1 so </answer> 3 * 1", "7 - 1"),
        (f"<answer> {RIGHT} = 11 </answer>", RIGHT),
        ("<answer> ( 7 + 1 ) + ", None),
        ("<answer> 11 </answer>", None),
        ("<answer> 2.5 * 4 </answer>", None),
        ("<answer> - 3 + 4 </answer>", None),
        (f"<think> {THOUGHT} </think> <answer> hmm </answer>", None),
        (f"<think> {THOUGHT}", "( 7 + 1 ) + 3"),
        (f"<think> {THOUGHT} </think>", "( 7 + 1 ) + 3"),
        ("<think> try 7 - 1 = 6 , 6 * 3 = 18 no 3 - 1 = 2 , 7 - 2 = 5", "7 - ( 3 - 1 )"),
        (THOUGHT, None),
        ("", None),
    ],
)
def test_lenient_answer(completion, expected):
    assert lenient_answer(completion) == expected


def test_lenient_reading_of_a_long_text_is_bounded():
    start = time.perf_counter()
    assert lenient_answer("<answer>" + "( x " * 200_000) is None
    assert lenient_answer("<think>" + "1 + 1 = 2 , " * 20_000) is not None
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    ("thought", "english", "chinese"),
    [
        (THOUGHT, 1.0, 0.0),
        ("试 7 + 1 = 8 不 等等", 0.0, 1.0),
        ("try 7 + 1 = 8 不 wait 所以", 0.5, 0.5),
        ("try wait hmm 对", 0.75, 0.25),
        ("7 + 1 = 8 , 。", 1.0, 1.0),
        ("", 1.0, 1.0),
    ],
)
def test_language_consistency_counts_the_thinkings_words(thought, english, chinese):
    completion = f"<think> {thought} </think> hello 你好 <answer> {RIGHT} </answer>"
    assert language_consistency(completion, "en") == english
    assert language_consistency(completion, "zh") == chinese


def test_language_consistency_of_an_open_or_missing_thinking():
    assert language_consistency("<think> try 不", "en") == 0.5
    assert language_consistency("不 不", "en") == 1


def test_answers_that_commute_vote_together_and_the_unreadable_abstain():
    other = PERFECT.replace(RIGHT, "3 + ( 1 + 7 )")
    assert vote(PERFECT, True) == vote(other, True) is not None
    assert vote(PERFECT.replace(RIGHT, "7 + ( 1 + 3 )"), True) != vote(PERFECT, True)
    assert vote(PERFECT.replace(RIGHT, "hmm"), True) is None
    assert vote(f"{ANSWER} {ANSWER}", True) is None


def test_controls_pay_without_looking_at_the_answer():
    weights = RewardConfig(accuracy=1.0, format=0.1, language=0.3)
    for completion, finished in ((PERFECT, True), ("", False)):
        paid = [
            reward(
                PUZZLE, completion, finished, "en", replace(weights, kind="random"), coin=coin
            )[0]
            for coin in (0.0, 0.49, 0.5, 0.99)
        ]
        assert paid == [1, 1, 0, 0]
    wrong = PERFECT.replace(RIGHT, "7")
    total, parts = reward(PUZZLE, wrong, True, "en", replace(weights, kind="format"))
    assert total == pytest.approx(0.1)
    assert parts == {"accuracy": 0.0, "format": 1.0, "language_consistency": 1.0}
    assert reward(PUZZLE, PERFECT, True, "en", replace(weights, kind="format"))[0] == total


def test_every_weight_moves_the_reward():
    mixed = PERFECT.replace("wait", "不").replace("yes so", "对 所以")
    totals = [
        reward(PUZZLE, mixed, True, "en", weights)[0]
        for weights in (
            RewardConfig(),
            RewardConfig(accuracy=2.0),
            RewardConfig(format=0.5),
            RewardConfig(language=1.0),
        )
    ]
    assert totals == pytest.approx([1.1, 2.1, 1.5, 1.1 + 0.4])


# what R1 adds


@pytest.mark.parametrize(
    ("summary", "earned"),
    [
        (f"{RIGHT} = 11", 1),
        ("7 + 1 = 12", 1),  # untrue, which is not for the format to say
        (f"  {RIGHT}  = 11 ", 1),
        ("11", 0),
        (RIGHT, 0),
        ("= 11", 0),
        (f"{RIGHT} =", 0),
        (f"{RIGHT} = 11 .", 0),
        (f"so {RIGHT} = 11", 0),
        (f"{RIGHT} = eleven", 0),
        (f"{RIGHT} = 11 , {RIGHT} = 11", 0),
        ("yes", 0),
        ("( " * 10**4 + "= 11", 0),
    ],
)
def test_before_the_answer_may_stand_one_equation_and_nothing_else(summary, earned):
    completion = PERFECT.replace("<answer>", f"{summary} <answer>")
    assert format_reward(completion, True) == earned
    assert accuracy(PUZZLE, completion, True) == 1  # the summary is no answer


def test_a_summary_elsewhere_is_out_of_form():
    for broken in (f"{RIGHT} = 11 {PERFECT}", f"{PERFECT} {RIGHT} = 11"):
        assert format_reward(broken, True) == 0


def test_language_is_paid_to_well_formed_answers_alone():
    """Else breaking a thought off, which mixes nothing, would be learnt."""
    settings = RewardConfig(accuracy=1.0, format=0.5, language=0.25)
    broken = f"<think> {THOUGHT} <eos>"
    for completion, finished, paid in (
        (PERFECT, True, (1, 1, 1)),
        (broken, True, (0, 0, 0)),
        (f"<answer> {RIGHT} </answer>", True, (1, 0, 0)),
        (PERFECT, False, (0, 0, 0)),
        (PERFECT.replace("wait", "等等"), True, (1, 1, 4 / 5)),
    ):
        total, parts = reward(PUZZLE, completion, finished, "en", settings)
        kinds = paid_parts(parts, finished, settings)
        assert kinds == dict(zip(("accuracy", "format", "language"), paid, strict=True))
        assert total == pytest.approx(
            sum(part_weights(settings)[k] * v for k, v in kinds.items())
        )
    assert reward(PUZZLE, broken, True, "en", settings)[1]["language_consistency"] == 1


def test_parts_have_the_weights_that_are_set():
    settings = RewardConfig(accuracy=3, format=4, language=5, preference=6)
    weights = part_weights(settings)
    assert weights == {"coin": 1, "accuracy": 3, "format": 4, "language": 5, "preference": 6}


def test_controls_are_paid_in_one_part():
    parts = reward(PUZZLE, PERFECT, True, "en", RewardConfig())[1]
    assert paid_parts(parts, True, RewardConfig(kind="format")) == {"format": 1}
    random = RewardConfig(kind="random")
    assert [paid_parts(parts, True, random, c)["coin"] for c in (0.49, 0.5)] == [1, 0]


@pytest.mark.parametrize(
    ("completion", "earned"),
    [
        ("hello . <eos>", 1),
        ("  hello .  <eos> ", 1),
        ("<think> hmm </think> hello . <eos>", 1),
        ("", 0),
        ("<eos>", 0),
        ("<think> hmm </think> <eos>", 0),
        ("<think> </think> hello . <eos>", 0),
        ("<think> hmm hello . <eos>", 0),
        ("hmm </think> hello . <eos>", 0),
        ("so <think> hmm </think> hello . <eos>", 0),
        ("<think> hmm </think> hello . </think> <eos>", 0),
        ("<think> hmm <think> hmm </think> hello . <eos>", 0),
        ("</think> hmm <think> hello . <eos>", 0),
        ("<think> hmm </think> <answer> hello . </answer> <eos>", 0),
        ("<answer> hello . </answer> <eos>", 0),
        ("hello . User: bye . <eos>", 0),
        ("hello . <eos> bye . <eos>", 0),
        ("hello . <pad> <eos>", 0),
    ],
)
def test_the_form_of_a_general_answer(completion, earned):
    assert general_format(completion, True) == earned
    assert general_format(completion, False) == 0
