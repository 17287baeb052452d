"""Do the demonstrations keep to the train prompts, to their shares and to their address?"""

from collections import Counter

import pytest

from minir1.tokenizer import WordTokenizer
from minir1.world.chat import manners
from minir1.world.demonstrations import CAREFUL, demonstrations
from minir1.world.general import general_prompts

PROMPTS = {prompt.prompt: prompt for prompt in general_prompts()}


def measured(pairs):
    """The share of each manner. An answer of several manners is shared out by their weights."""
    seen = Counter()
    for text, completion in pairs:
        options = manners(PROMPTS[text])
        answer = completion.removesuffix(" <eos>")
        weights = {m: CAREFUL[m] * options[m].count(answer) / len(options[m]) for m in options}
        for manner, weight in weights.items():
            seen[manner] += weight / sum(weights.values()) / len(pairs)
    return seen


def test_the_manners_have_their_shares():
    assert sum(CAREFUL.values()) == pytest.approx(1)
    seen = measured(demonstrations(0, "dev3", 6000))
    for manner, share in CAREFUL.items():
        assert seen[manner] == pytest.approx(share, abs=0.015), manner
    assert seen["rude"] == 0


def test_the_shares_can_be_changed():
    perfect = demonstrations(0, "dev3", 500, {"good": 2.0, "wrong": 0.0})
    rude = demonstrations(0, "dev3", 500, {"good": 0.0, "rude": 0.3})
    for text, completion in perfect:
        assert PROMPTS[text].is_good(completion)
    assert all("stupid" in completion or "笨" in completion for _, completion in rude)
    mostly_good = demonstrations(0, "dev3", 3000, {"good": 3.0, "careless": 1.0})
    good = sum(PROMPTS[text].is_good(completion) for text, completion in mostly_good)
    assert good / 3000 == pytest.approx(0.75, abs=0.03)


@pytest.mark.parametrize("shares", [{}, {"good": 0.0}, {"good": 1.0, "wrong": -0.1}])
def test_shares_without_sense_are_refused(shares):
    with pytest.raises(ValueError, match="wanted none below 0, and one above"):
        demonstrations(0, "dev3", 1, shares)


def test_every_train_prompt_comes_up_equally_often_and_no_other():
    train = {prompt.prompt for prompt in general_prompts("train")}
    count = Counter(text for text, _ in demonstrations(3, "dev3", 500))
    assert set(count) == train and sum(count.values()) == 500
    assert max(count.values()) - min(count.values()) == 1
    few = [text for text, _ in demonstrations(3, "dev3", 100)]
    assert len(set(few)) == 100  # not only the first kinds
    assert {PROMPTS[text].kind for text in few} == {prompt.kind for prompt in PROMPTS.values()}


def test_a_demonstration_answers_at_once_and_ends():
    tokenizer = WordTokenizer()
    for text, completion in demonstrations(0, "dev3", 300):
        assert text.startswith("<bos> User: ") and text.endswith(" Assistant:")
        assert completion.endswith(" <eos>") and completion.count("<") == 1
        assert tokenizer.decode(tokenizer.encode(completion)) == completion


def test_demonstrations_are_a_function_of_seed_and_stage():
    assert demonstrations(0, "dev3", 200) == demonstrations(0, "dev3", 200)
    others = [demonstrations(1, "dev3", 200), demonstrations(0, "r1", 200)]
    assert all(other != demonstrations(0, "dev3", 200) for other in others)
    assert demonstrations(0, "dev3", 0) == []
