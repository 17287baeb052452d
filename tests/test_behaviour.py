"""Each number counts what it says, on hand-written transcripts and on the corpus."""

import json
import time

import pytest

from minir1.behaviour import Sample, describe, observe, speaks_another
from minir1.rng import generator
from minir1.world.corpus_config import CorpusConfig
from minir1.world.problems import Problem, split
from minir1.world.thoughts import think

PROBLEM = Problem((1, 3, 7), 11, 1)  # difficulty 4
EASY = Problem((1, 3, 7), 11, 4)  # difficulty 1

FOUND = (
    "<think> try 3 * 1 = 3 , 3 * 7 = 21 no wait 7 + 1 = 8 , 8 + 3 = 11 yes "
    "check 7 + 1 = 8 , 8 + 3 = 11 yes so </think> <answer> ( 7 + 1 ) + 3 </answer> <eos>"
)
GAVE_UP = (
    "<think> try 3 * 1 = 3 , 3 * 7 = 21 no hmm 1 * 3 = 3 , 7 * 3 = 21 no so </think> "
    "<answer> ( 3 * 1 ) * 7 </answer> <eos>"
)
CUT_OFF = "<think> try 3 * 1 = 3 , 3 * 7 = 21 不 maybe 7 + 7 = 14 , 14 - 3 = 11"
FALSE_YES = (
    "<think> 试 7 + 3 = 10 , 10 + 1 = 12 对 所以 </think> "
    "<answer> ( 7 + 3 ) + 1 </answer> <eos>"
)
AT_ONCE = "<answer> 7 + 3 + 1 </answer> <eos>"


def sample(completion, problem=PROBLEM, language="en", tokens=None, finished=None):
    if finished is None:
        finished = completion.endswith("<eos>")
    return Sample(problem, language, completion, tokens or len(completion.split()), finished)


def only(completion, **options):
    return describe([sample(completion, **options)])


def test_a_trace_that_finds_its_way():
    seen = only(FOUND)
    assert seen["accuracy"] == seen["format_rate"] == 1
    assert seen["truncated"] == seen["gave_up"] == 0
    assert seen["attempts_per_answer"] == 2
    assert seen["repeated_attempts_per_answer"] == 0
    assert seen["reflections_per_answer"] == 3  # no, wait, check
    assert seen["reevaluations_per_answer"] == 2  # wait, check
    assert seen["reflections_per_100_tokens"] == pytest.approx(300 / len(FOUND.split()))
    assert seen["useful_reflection_rate"] == 1
    assert seen["check_rate"] == 1
    assert (seen["yes_given_hit"], seen["yes_given_miss"]) == (1, 0)
    assert (seen["judged_hits"], seen["judged_misses"]) == (1, 1)
    assert seen["language_consistency"] == 1
    assert seen["mixed_language_rate"] == 0
    assert seen["arithmetic_right"] == 1
    assert seen["illegal_operand_rate"] == 0


def test_a_trace_that_gives_up():
    seen = only(GAVE_UP)
    assert seen["gave_up"] == 1
    assert seen["accuracy"] == seen["useful_reflection_rate"] == 0
    assert seen["attempts_per_answer"] == 2
    assert seen["repeated_attempts_per_answer"] == 1
    assert seen["yes_given_hit"] is None
    assert seen["yes_given_miss"] == 0
    assert only(FOUND.replace("yes so", "no so"))["gave_up"] == 1
    assert only(GAVE_UP.replace("</think>", ""))["gave_up"] == 0
    assert only(GAVE_UP.replace("no so", "so"))["gave_up"] == 0


def test_a_trace_that_is_cut_off():
    seen = only(CUT_OFF)
    assert seen["truncated"] == 1
    assert seen["gave_up"] == seen["accuracy"] == seen["format_rate"] == 0
    assert seen["attempts_per_answer"] == 2
    assert seen["illegal_operand_rate"] == 0.5  # 7 was used twice
    assert (seen["judged_hits"], seen["judged_misses"]) == (0, 1)
    assert seen["mixed_language_rate"] == 1
    assert seen["language_consistency"] == pytest.approx(2 / 3)
    assert only(FOUND, finished=False)["accuracy"] == 0


def test_a_verdict_is_held_against_the_result_as_written():
    seen = only(FALSE_YES, language="zh")
    assert seen["yes_given_miss"] == 1
    assert seen["yes_given_hit"] is None
    assert seen["arithmetic_right"] == 0.5
    assert seen["accuracy"] == 1  # the answer is right all the same
    assert (
        only(FOUND.replace("check 7 + 1 = 8", "check 7 + 1 = 9"))["arithmetic_right"] == 5 / 6
    )
    missed = only(FALSE_YES.replace("12 对", "11 不"), language="zh")
    assert missed["yes_given_hit"] == 0
    assert missed["yes_given_miss"] is None


def test_a_completion_without_thinking_has_nothing_to_be_a_share_of():
    seen = only(AT_ONCE)
    assert seen["accuracy"] == 1
    assert seen["format_rate"] == 0
    assert seen["attempts_per_answer"] == seen["reflections_per_answer"] == 0
    for name in ("illegal_operand_rate", "arithmetic_right", "yes_given_hit", "yes_given_miss"):
        assert seen[name] is None
    assert seen["language_consistency"] == 1


@pytest.mark.parametrize(
    ("completion", "useful"),
    [
        (FOUND, True),
        (FOUND.replace("no wait", "so"), True),  # check still follows
        (FOUND.replace("no wait", "so").replace("check", "try"), False),
        (FOUND.replace("( 7 + 1 ) + 3", "( 7 + 1 ) * 3"), False),
        (
            FALSE_YES.replace("= 12", "= 11").replace("所以", "检查 所以"),
            False,
        ),  # right at once
        (AT_ONCE, False),
        (FOUND.replace("no wait", "so").replace("check", "so").replace("try", "hmm"), False),
        (FOUND.replace("3 * 1 = 3 , 3 * 7 = 21", "3 + 1 = 5 , 5 + 7 = 12"), False),  # a slip
        (FOUND.replace("3 * 1 = 3 , 3 * 7 = 21", "3 + 8 = 11"), True),  # hit by cheating
    ],
)
def test_reflection_is_useful_where_it_turned_a_wrong_start_around(completion, useful):
    assert observe(sample(completion)).useful_reflection == useful


@pytest.mark.parametrize(
    ("completion", "language", "mixed"),
    [
        (FOUND, "en", False),
        (FOUND, "zh", True),
        (FALSE_YES, "zh", False),
        (FALSE_YES, "en", True),
        (FOUND.replace("wait", "等等"), "en", True),
        (AT_ONCE, "en", False),
        ("<answer> 7 </answer> 你好 <eos>", "en", True),
        ("<think> 7 。 </think>", "en", False),
    ],
)
def test_mixed_is_any_word_that_is_not_of_the_prompts_language(completion, language, mixed):
    assert speaks_another(completion, language) == mixed
    assert only(completion, language=language)["mixed_language_rate"] == mixed


def test_lengths_are_split_by_difficulty_and_by_outcome():
    samples = [
        sample(FOUND, tokens=40),
        sample(FOUND, tokens=60, problem=EASY),
        sample(GAVE_UP, tokens=30),
        sample(CUT_OFF, tokens=300),
        sample(CUT_OFF, tokens=302, problem=EASY),
    ]
    seen = describe(samples)
    assert seen["samples"] == 5
    assert seen["completion_tokens"] == pytest.approx(732 / 5)
    assert seen["completion_tokens_by_difficulty"] == {
        "1": 181,
        "4": pytest.approx(370 / 3),
    }
    assert seen["completion_tokens_by_outcome"] == {"right": 50, "wrong": 30, "truncated": 301}
    assert seen["accuracy_by_difficulty"] == {"1": 0.5, "4": pytest.approx(1 / 3)}
    assert seen["reflections_per_100_tokens"] == pytest.approx(100 * 13 / 732)
    # ranks of length 2 3 1 4 5, of difficulty 4 1.5 4 4 1.5
    assert seen["length_difficulty_correlation"] == pytest.approx(-5 / 75**0.5)
    assert only(FOUND)["length_difficulty_correlation"] is None
    assert only(FOUND)["completion_tokens_by_outcome"]["wrong"] is None


def test_nothing_cannot_be_described():
    with pytest.raises(ValueError, match="at least one"):
        describe([])


def corpus_samples(count, **settings):
    """Write think traces as the corpus does, as if a model had sampled them."""
    problems, config = split()["validation"], CorpusConfig(**settings)
    samples = []
    for i in range(count):
        problem, language = problems[i % len(problems)], ("en", "zh")[i % 2]
        draw = generator(0, "traces", i).random
        text = think(draw, config, problem.numbers, problem.target, language) + " <eos>"
        samples.append(sample(text, problem, language))
    return samples


def test_the_corpus_is_described_as_it_is_made():
    honest = describe(corpus_samples(600, slip=0.0, mixing_short=0.0, mixing_long=0.0))
    assert honest["format_rate"] == 1
    assert honest["truncated"] == honest["illegal_operand_rate"] == 0
    assert honest["repeated_attempts_per_answer"] == honest["mixed_language_rate"] == 0
    assert honest["arithmetic_right"] == honest["language_consistency"] == 1
    assert (honest["yes_given_hit"], honest["yes_given_miss"]) == (1, 0)
    assert honest["gave_up"] == pytest.approx(1 - honest["accuracy"])
    assert honest["judged_hits"] == round(honest["accuracy"] * 600)


def test_slips_mixing_and_checks_of_the_corpus_are_seen():
    samples = corpus_samples(
        600, slip=0.2, mixing_short=0.5, mixing_long=0.5, check_rate=1.0, give_up_short=0.0
    )
    seen = describe(samples)
    assert 0.85 < seen["arithmetic_right"] < 0.98
    assert 0.40 < seen["mixed_language_rate"] < 0.52
    assert 0.6 < seen["language_consistency"] < 0.85
    assert seen["check_rate"] > 0.8
    assert seen["repeated_attempts_per_answer"] == 0
    assert seen["accuracy"] < 1


def test_json_takes_the_description():
    assert json.loads(json.dumps(describe(corpus_samples(4)), allow_nan=False))
    assert json.loads(json.dumps(only("")))


def test_hostile_completions_are_described_too():
    for text in (
        "<think>" * 1000,
        "= = 7 , <think> + no",
        "\0",
        "<think> 1 + 1 = 2 , 1 </think>",
    ):
        assert describe([sample(text)])["accuracy"] == 0


def test_8000_completions_of_100_tokens_take_under_3_seconds():
    long = [s for s in corpus_samples(300, long_think=1.0) if 60 < s.completion_tokens < 200]
    mean = sum(s.completion_tokens for s in long) / len(long)
    assert 80 < mean < 130
    many = (long * (8000 // len(long) + 1))[:8000]
    start = time.process_time()  # however busy the machine is with others
    describe(many)
    assert time.process_time() - start < 3
