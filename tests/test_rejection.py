"""Which answers are learnt from, and what is left of them? One fault at a time."""

import dataclasses

import pytest

from minir1.behaviour import Sample, speaks_another
from minir1.finetune import Document
from minir1.rejection import LONG_SEARCH, cold_start, keep, stopped, tidy
from minir1.rewards import accuracy, format_reward, language_consistency, strict_answer
from minir1.traces import read_attempts, thinking
from minir1.world.problems import Problem

PROBLEM = Problem((1, 3, 7), 11, 2)
PROMPT = "<bos> User: use 3 7 1 to make 11 . Assistant:"
MISS = "try 3 * 1 = 3 , 3 * 7 = 21 no"
AGAIN = "try 1 * 3 = 3 , 7 * 3 = 21 no"  # the same work
OTHER = "wait 3 - 1 = 2 , 2 * 7 = 14 no"
FALSE = "wait 3 - 1 = 5 , 5 * 7 = 35 no"  # 3 - 1 is 2
ILLEGAL = "wait 9 - 1 = 8 , 8 * 7 = 56 no"  # nobody gave a 9
SHORT = "wait 3 - 1 = 2 no"  # 7 is left over
UNJUDGED = "wait 7 - 1 = 6 , 6 * 3 = 18"
HIT = "wait 7 + 1 = 8 , 8 + 3 = 11 yes"
CHECKED = "wait 7 + 1 = 8 , 8 + 3 = 11 yes check 7 + 1 = 8 , 8 + 3 = 11 yes"
ANSWER = "( 7 + 1 ) + 3"


def sample(*thoughts: str, end: str = "so", language: str = "en", tail: str = "") -> Sample:
    """An answer to PROBLEM that thinks in these attempts."""
    tail = tail or f"</think> <answer> {ANSWER} </answer> <eos>"
    text = " ".join(["<think>", *thoughts, end, tail])
    return Sample(PROBLEM, language, " ".join(text.split()), len(text.split()), True)


def told(*thoughts: str) -> str:
    """The tidy answer that thinks in these attempts."""
    return " ".join(
        [
            "<think>",
            *thoughts,
            "so",
            "</think>",
            f"{ANSWER} = 11 <answer> {ANSWER} </answer> <eos>",
        ]
    )


# what is put in order


def test_a_good_answer_keeps_its_thinking_and_gains_a_summary() -> None:
    assert tidy(sample(MISS, HIT)) == told(MISS, HIT)
    assert tidy(sample(MISS, OTHER, CHECKED)) == told(MISS, OTHER, CHECKED)


@pytest.mark.parametrize("fault", [FALSE, ILLEGAL, SHORT, UNJUDGED, AGAIN])
def test_each_fault_alone_is_left_out_and_nothing_else(fault: str) -> None:
    first = [] if fault == AGAIN else [MISS]
    assert tidy(sample(*first, fault, OTHER, HIT)) == told(
        *first, *([AGAIN] if fault == AGAIN else []), OTHER, HIT
    )


def test_of_an_attempt_made_twice_the_later_one_stays() -> None:
    assert tidy(sample(MISS, OTHER, AGAIN, HIT)) == told(
        OTHER.replace("wait", "try"), AGAIN, HIT
    )


def test_a_thought_whose_beginning_is_gone_begins_with_try() -> None:
    """Not with "wait": nothing came before it."""
    assert tidy(sample(FALSE, OTHER, HIT)) == told(OTHER.replace("wait", "try"), HIT)
    chinese = sample(FALSE, HIT.replace("wait", "等等").replace("yes", "对"), end="所以")
    assert (tidy(chinese) or "").startswith("<think> 试 7 + 1")


@pytest.mark.parametrize(
    "answer",
    [
        sample(MISS, HIT, tail="</think> <answer> ( 7 + 1 ) * 3 </answer> <eos>"),  # wrong
        dataclasses.replace(sample(MISS, HIT), finished=False),
        sample(MISS, HIT, tail=f"</think> 7 <answer> {ANSWER} </answer> <eos>"),  # no form
        sample(),  # no attempt
        sample(HIT, MISS),  # does not end with what it found
        sample(MISS, HIT.replace("yes", "no")),
        sample(MISS, HIT.removesuffix(" yes")),
        sample(MISS, "wait 7 + 1 = 8 , 8 * 3 = 11 yes"),  # right by a slip
        sample(MISS, "wait 9 + 1 = 10 , 10 + 1 = 11 yes"),  # of other numbers
        sample(MISS, "wait 3 - 1 = 2 , 2 * 7 = 14 yes"),  # ends with another result
        sample(MISS, CHECKED.replace("check 7 + 1 = 8 ,", "check 7 + 1 = 9 ,")),
        sample(MISS, CHECKED.replace("wait 7 + 1 = 8 ,", "wait 7 + 1 = 9 ,")),
    ],
)
def test_what_cannot_be_put_in_order_is_not_learnt_from(answer: Sample) -> None:
    assert tidy(answer) is None
    assert cold_start([PROMPT], [answer], 9) == keep([PROMPT], [answer], 9) == []


SEARCHES = [
    [HIT], [MISS, HIT], [MISS, AGAIN, HIT], [FALSE, ILLEGAL, OTHER, HIT], [MISS, CHECKED],
    [SHORT, UNJUDGED, HIT], [OTHER, MISS, OTHER, FALSE, HIT],
]  # fmt: skip


@pytest.mark.parametrize("thoughts", SEARCHES, ids=len)
def test_every_tidy_answer_is_right_well_formed_true_and_never_repeats(
    thoughts: list[str],
) -> None:
    text = tidy(sample(*thoughts)) or ""
    assert accuracy(PROBLEM, text, True) == format_reward(text, True) == 1
    tried = [a for a in read_attempts(thinking(text)) if not a.is_check]
    assert all(step.correct for attempt in tried for step in attempt.steps)
    assert len({attempt.steps for attempt in tried}) == len(tried)
    _, _, after = text.partition("</think> ")
    summary, _, _ = after.partition(" <answer>")
    assert summary == f"{strict_answer(text)} = 11"
    again = Sample(PROBLEM, "en", text, len(text.split()), True)
    assert tidy(again) == text


# cold start


MIXED = sample(MISS, HIT.replace("wait", "等等"))


def test_the_cold_start_is_translated_into_the_language_of_the_question() -> None:
    (document,) = cold_start([PROMPT], [MIXED], 9)
    assert document == Document(PROMPT, told(MISS, HIT))
    asked = "<bos> User: 用 3 7 1 来 凑 11 。 Assistant:"
    (document,) = cold_start([asked], [dataclasses.replace(MIXED, language="zh")], 9)
    assert document.prompt == asked
    assert language_consistency(document.completion, "zh") == 1
    assert accuracy(PROBLEM, document.completion, True) == 1
    assert document.completion.startswith("<think> 试 3 * 1 = 3 , 3 * 7 = 21 不 等等 7 + 1")


def test_the_cold_start_has_one_answer_to_a_prompt_and_no_more_than_asked_for() -> None:
    prompts = [PROMPT, PROMPT, PROMPT + " a", PROMPT + " b"]
    samples = [sample(FALSE), sample(MISS, HIT), sample(HIT), sample(HIT)]
    assert cold_start([PROMPT] * 2, [sample(MISS, HIT), sample(HIT)], 9) == [
        Document(PROMPT, told(MISS, HIT))
    ]
    documents = cold_start(prompts, samples, 2)
    assert [d.prompt for d in documents] == [PROMPT, PROMPT + " a"]


# rejection sampling


def test_rejection_sampling_drops_what_is_double_and_what_mixes_languages() -> None:
    answers = [sample(MISS, HIT), MIXED, sample(MISS, FALSE, HIT), sample(HIT)]
    documents = keep([PROMPT] * 4, answers, 9)
    first = HIT.replace("wait", "try")
    assert documents == [Document(PROMPT, told(MISS, HIT)), Document(PROMPT, told(first))]
    assert not any(speaks_another(d.completion, "en") for d in documents)
    assert keep([PROMPT] * 4, answers, 1) == documents[:1]
    chinese = [dataclasses.replace(answer, language="zh") for answer in answers]
    assert keep([PROMPT] * 4, chinese, 9) == []


# how to end


def searching(attempts: int) -> list[str]:
    """A long search in vain: each attempt is sound, and other work than the last."""
    return [MISS, OTHER] * (attempts // 2) + [MISS] * (attempts % 2)


CUT = dataclasses.replace(sample(*searching(LONG_SEARCH), tail="wait"), finished=False)


def test_a_long_search_in_vain_is_kept_for_its_end_alone() -> None:
    """What was thought is given: only how to stop is learnt, and the last attempt is told."""
    document = stopped(PROMPT, CUT)
    assert document is not None
    assert document.prompt == f"{PROMPT} <think> {' '.join(searching(LONG_SEARCH))}"
    answer = "( 3 - 1 ) * 7"
    assert document.completion == f"so </think> {answer} = 14 <answer> {answer} </answer> <eos>"
    whole = f"{document.prompt.removeprefix(PROMPT).strip()} {document.completion}"
    assert format_reward(whole, True) == 1 and accuracy(PROBLEM, whole, True) == 0


def test_the_end_comes_after_the_last_sound_attempt_in_the_prompts_language() -> None:
    late = sample(*searching(LONG_SEARCH), FALSE, "wait 3 - 1", tail="hmm", language="zh")
    document = stopped(PROMPT, dataclasses.replace(late, finished=False))
    assert document is not None
    assert document.prompt.endswith("3 - 1 = 2 , 2 * 7 = 14 不")
    assert document.completion.startswith("所以 </think> ( 3 - 1 ) * 7 = 14")


@pytest.mark.parametrize(
    "answer",
    [
        sample(*searching(LONG_SEARCH), HIT),  # found something
        sample(*searching(LONG_SEARCH - 1), tail="wait"),  # too short a search
        sample(*searching(LONG_SEARCH - 1), FALSE, ILLEGAL, SHORT, UNJUDGED, tail="wait"),
        sample(tail="wait"),
    ],
)
def test_other_searches_are_not_taught_to_end(answer: Sample) -> None:
    assert stopped(PROMPT, answer) is None


def test_both_sets_teach_how_to_end_and_count_only_answers() -> None:
    answers = [CUT, sample(HIT), sample(MISS, HIT)]
    for choose in (cold_start, keep):
        *kept, last = choose([PROMPT, PROMPT, PROMPT + " a"], answers, 1)
        assert len(kept) == 1 and last == stopped(PROMPT, CUT)
    mixed = dataclasses.replace(CUT, completion=CUT.completion.replace("no wait", "不 wait", 1))
    assert keep([PROMPT], [mixed], 9) == []
