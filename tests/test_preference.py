"""Are pairs what they claim: two answers to one prompt, the better first, balanced, noisy?"""

from collections import Counter
from functools import cache

import numpy as np
import pytest

from minir1 import preference
from minir1.conversation import GeneralSample
from minir1.preference import Pair, judged_text, label_ceiling, make_pairs
from minir1.rng import generator
from minir1.world.corpus_config import CorpusConfig
from minir1.world.demonstrations import said
from minir1.world.general import GeneralPrompt, general_prompts
from minir1.world.utility import utility

PROMPTS = general_prompts("train")
FACT = next(p for p in PROMPTS if p.question == "what colour is the sky ?")
HARMFUL = next(p for p in PROMPTS if p.kind == "harmful")
OFFER = HARMFUL.careless[0]


def written(prompt: GeneralPrompt, completion: str, finished: bool = True) -> GeneralSample:
    return GeneralSample(prompt, completion, len(completion.split()), finished)


@cache
def from_the_web() -> tuple[GeneralSample, ...]:
    """Sixteen answers to every prompt, in the manners of the corpus."""
    draw, shares = generator(0, "tests", "web").random, CorpusConfig().chat_shares()
    return tuple(written(p, said(draw, p, shares)) for p in PROMPTS for _ in range(16))


def better_first(pair: Pair) -> Pair:
    return pair.turned() if pair.flipped else pair


def worth(pair: Pair) -> tuple[float, float]:
    return utility(pair.prompt, pair.chosen, True), utility(pair.prompt, pair.rejected, True)


def lengths(pairs: list[Pair]) -> np.ndarray:
    """How much longer the chosen text is, a pair."""
    return np.array([len(a.split()) - len(b.split()) for a, b in (p.texts for p in pairs)])


def test_the_judge_of_help_reads_the_final_answer_alone() -> None:
    thought = "<think> the sky is red no </think> <answer> the sky is blue . </answer> <eos>"
    seen = "<bos> User: what colour is the sky ? Assistant: the sky is blue . <eos>"
    assert judged_text(FACT, thought) == judged_text(FACT, "the sky is blue . <eos>") == seen
    assert judged_text(FACT, "<think> never closed <eos>") == f"{FACT.prompt} <eos>"


def test_the_judge_of_harm_reads_the_whole_response() -> None:
    completion = f"<think> {OFFER} </think> sorry , i cannot help . <eos>"
    assert judged_text(HARMFUL, completion) == f"{HARMFUL.prompt} {completion}"
    assert judged_text(HARMFUL, OFFER) == f"{HARMFUL.prompt} {OFFER} <eos>"  # it ends once


def test_the_better_of_two_answers_is_chosen() -> None:
    """Equal worth is not compared, nor are two texts that the judge sees as one."""
    answers = [
        "blue . <eos>",
        "red . <eos>",
        "green . <eos>",
        "<think> no </think> red . <eos>",
    ]
    pairs = make_pairs([written(FACT, a) for a in answers], 10, 0.0, 0)
    assert {(p.chosen, p.rejected) for p in pairs} == {
        ("blue . <eos>", "red . <eos>"),
        ("blue . <eos>", "green . <eos>"),
    }
    assert not any(p.flipped for p in pairs) and len(pairs) == 2


def test_answers_of_almost_the_same_worth_are_not_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gold = {"red .": 0.5, "blue .": 0.69, "green .": 0.7}
    monkeypatch.setattr(preference, "utility", lambda _, completion, __: gold[completion])
    pairs = make_pairs([written(FACT, answer) for answer in gold], 10, 0.0, 0)
    assert [(p.chosen, p.rejected) for p in pairs] == [("green .", "red .")]


def test_an_answer_that_was_cut_off_is_in_no_pair() -> None:
    answers = [written(FACT, "blue . <eos>"), written(FACT, "red .", finished=False)]
    assert make_pairs(answers, 10, 0.0, 0) == []


def test_pairs_are_of_one_prompt_apart_in_worth_and_none_comes_twice() -> None:
    pairs = make_pairs(from_the_web(), 600, 0.1, 0)
    assert len(pairs) == 600
    given = {(s.prompt.prompt, s.completion) for s in from_the_web()}
    seen = set()
    for pair in map(better_first, pairs):
        better, worse = worth(pair)
        assert better - worse >= 0.2 - 1e-9
        assert {(pair.prompt.prompt, text) for text in (pair.chosen, pair.rejected)} <= given
        assert pair.texts[0] != pair.texts[1]
        seen.add(pair.texts)
    assert len(seen) == len(pairs)


def test_pairs_come_from_all_prompts_alike() -> None:
    counts = Counter(p.prompt.prompt for p in make_pairs(from_the_web(), 760, 0.0, 0))
    assert len(counts) == len(PROMPTS) == 152
    assert np.quantile(list(counts.values()), 0.9) <= 2 * 760 / len(PROMPTS)


def test_the_better_answer_is_as_often_the_longer_as_the_shorter_one() -> None:
    """Before the labels are turned exactly so; before balancing far from it."""
    everything = [p for p, _ in preference._candidates(preference._answers(from_the_web()), 0)]
    assert abs(lengths(everything).mean()) > 0.2
    pairs = make_pairs(from_the_web(), 1000, 0.0, 0)
    differences = Counter(lengths(pairs).tolist())
    assert sum(differences[d] for d in differences if d) > 300
    assert all(differences[d] == differences[-d] for d in differences if abs(d) <= 8)
    assert abs(lengths(make_pairs(from_the_web(), 1000, 0.1, 0)).mean()) < 0.15


def test_long_responses_find_a_mirror_image_of_about_their_length() -> None:
    rng = generator(0, "tests", "long")
    samples = []
    for prompt in (p for p in PROMPTS if p.kind == "harmful"):
        for answer in (prompt.answers[0], prompt.careless[0]):
            for _ in range(2):
                thought = " ".join(["so"] * int(rng.integers(20, 250)))
                samples.append(written(prompt, f"<think> {thought} </think> {answer} <eos>"))
    pairs = make_pairs(samples, 300, 0.0, 0)
    differences = lengths(pairs)
    assert len(pairs) > 0.6 * 4 * 34 and np.abs(differences).mean() > 40
    assert (differences > 0).sum() == (differences < 0).sum()
    assert abs(differences.mean()) < 0.05 * np.abs(differences).mean()


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.3])
def test_labels_are_turned_at_the_rate_of_the_noise(noise: float) -> None:
    pairs = make_pairs(from_the_web(), 1200, noise, 3)
    right = np.mean([np.greater(*worth(pair)) for pair in pairs])
    assert right == label_ceiling(pairs) == pytest.approx(1 - noise, abs=0.03)
    assert all(np.greater(*worth(pair)) != pair.flipped for pair in pairs)


def test_pairs_follow_from_the_samples_and_the_seed() -> None:
    one, again, other = (make_pairs(from_the_web(), 300, 0.1, seed) for seed in (0, 0, 1))
    unturned = make_pairs(from_the_web(), 300, 0.0, 0)
    assert one == again
    assert {better_first(p).texts for p in other} != {p.texts for p in unturned}
    assert list(map(better_first, one)) == unturned  # noise changes labels, not the choice


def test_no_more_pairs_than_asked_for() -> None:
    for count in (0, 1, 7):
        assert len(make_pairs(from_the_web(), count, 0.1, 0)) == count
    assert make_pairs([], 10, 0.1, 0) == []


def test_mirror_images_are_kept_together_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The short answer is the better one to one prompt, the long one to the other."""
    short, long = "tea", "tea tea tea tea"
    monkeypatch.setattr(
        preference, "utility", lambda p, c, _: float((c == short) == (p == FACT))
    )
    samples = [written(p, c) for p in (FACT, PROMPTS[0]) for c in (short, long)]
    assert sorted(lengths(make_pairs(samples, 2, 0.0, 0))) == [-3, 3]
    assert make_pairs(samples, 1, 0.0, 0) == make_pairs(samples[:2], 2, 0.0, 0) == []
