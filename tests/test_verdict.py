"""Does the probe show a hit and the nearest miss, and is the answer read at the right place?"""

import itertools
import operator
from typing import Any

import numpy as np
import pytest
from small_run import BASE

from minir1 import model
from minir1.backend import from_numpy, to_numpy, xp
from minir1.checkpoint import load_checkpoint
from minir1.tokenizer import WordTokenizer
from minir1.verdict import FIRST, FOURTH, probe_texts, verdicts
from minir1.world.languages import CONNECTIVES, language_of
from minir1.world.problems import Problem, prompt
from minir1.world.questions import Question, held_out_questions

QUESTIONS = held_out_questions("test", 60)
ON = {"+": operator.add, "-": operator.sub, "*": operator.mul}


def reachable(numbers: tuple[int, int, int]) -> set[int]:
    """All that three numbers make in two steps that stay within 0..99, by trying."""
    found = set()
    for a, b, c in itertools.permutations(numbers):
        for first, second in itertools.product(ON.values(), repeat=2):
            partial = first(a, b)
            for value in (second(partial, c), second(c, partial)):
                if 0 <= partial <= 99 and 0 <= value <= 99:
                    found.add(value)
    return found


def attempts_in(question: Question, text: str) -> list[tuple[list[str], int]]:
    """The attempts of a probe: its words after "try", and the value that it comes to.

    Every line of arithmetic is done again, with the given numbers, each once.
    """
    words = CONNECTIVES[question.language]
    assert text.startswith(f"{question.prompt} <think> {words['try']} ")
    found = []
    for part in text.split("<think>")[1].split(f" {words['try']} ")[1:]:
        tokens = part.split()
        judged = tokens[-1] == words["no"]
        a, first, b, _, partial, _, c, second, d, _, value = tokens[: 11 if not judged else -1]
        assert ON[first](int(a), int(b)) == int(partial)
        assert ON[second](int(c), int(d)) == int(value)
        left = [int(n) for n in (a, b, c, d)]
        left.remove(int(partial))
        assert tuple(sorted(left)) == question.problem.numbers
        found.append((tokens, int(value)))
    return found


@pytest.mark.parametrize("place", [FIRST, FOURTH])
def test_the_last_attempt_hits_or_misses_by_as_little_as_can_be(place: int) -> None:
    for question in QUESTIONS:
        target = question.problem.target
        texts = probe_texts(question, place)
        assert texts is not None
        hit, miss = (attempts_in(question, text) for text in texts)
        assert len(hit) == len(miss) == place
        assert hit[-1][1] == target
        nearest = min(abs(v - target) for v in reachable(question.problem.numbers) - {target})
        assert abs(miss[-1][1] - target) == nearest


def test_the_attempts_before_it_miss_and_are_told_so() -> None:
    for question in QUESTIONS:
        texts = probe_texts(question, FOURTH)
        assert texts is not None
        hit, miss = (attempts_in(question, text) for text in texts)
        assert hit[:-1] == miss[:-1]
        for tokens, value in hit[:-1]:
            assert value != question.problem.target
            assert tokens[-1] == CONNECTIVES[question.language]["no"]
        everything = [" ".join(tokens[:11]) for tokens, _ in miss]
        assert len(set(everything)) == FOURTH


def test_a_probe_ends_before_the_verdict_and_keeps_to_its_language() -> None:
    tokenizer = WordTokenizer()
    for question in QUESTIONS:
        for text in probe_texts(question, FOURTH) or ():
            assert text.split()[-1].isdigit() and text.split()[-2] == "="
            assert {language_of(w) for w in text.split()} == {None, question.language}
            assert len(tokenizer.encode(text)) < 100


def test_every_held_out_problem_can_be_probed() -> None:
    for part in ("validation", "test"):
        for question in held_out_questions(part, 500):
            assert probe_texts(question, FOURTH) is not None


def test_a_problem_without_a_hit_or_with_too_few_misses_has_no_probe() -> None:
    unreachable = Problem((1, 1, 1), 50, 0)
    assert probe_texts(Question(unreachable, "en", prompt(unreachable, "en")), 1) is None
    few = Problem((1, 1, 1), 1, 0)
    question = Question(few, "en", prompt(few, "en"))
    assert probe_texts(question, 1) is not None and probe_texts(question, 20) is None


@pytest.mark.parametrize("place", [FIRST, FOURTH])
def test_the_verdict_is_read_after_the_last_word(place: int) -> None:
    """Each text alone, without padding, must say what the batch says."""
    params, config, tokenizer = load_checkpoint(BASE)
    told: dict[bool, list[float]] = {True: [], False: []}
    meant = {w: [tokenizer.vocab[c[w]] for c in CONNECTIVES.values()] for w in ("yes", "no")}
    for question in QUESTIONS[:12]:
        for hits, text in zip((True, False), probe_texts(question, place) or (), strict=True):
            tokens = np.array([tokenizer.encode(text)], np.int32)
            hidden = model.forward(from_numpy(params), config, tokens)
            z = to_numpy(model.logits(from_numpy(params), hidden))[0, -1].astype(float)
            yes, no = (np.exp(z[ids]).sum() for ids in (meant["yes"], meant["no"]))
            told[hits].append(yes / (yes + no))
    ours = verdicts(from_numpy(params), config, tokenizer, QUESTIONS[:12], place)
    assert ours["yes_given_hit"] == pytest.approx(np.mean(told[True]), rel=1e-4)
    assert ours["yes_given_miss"] == pytest.approx(np.mean(told[False]), rel=1e-4)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_model_that_knows_scores_one_and_zero(
    language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the language of its yes; and what else it might say does not count."""
    params, config, tokenizer = load_checkpoint(BASE)
    yes, no = (tokenizer.vocab[CONNECTIVES[language][word]] for word in ("yes", "no"))

    def knowing(_: Any, hidden: Any) -> Any:
        scores = np.zeros((len(to_numpy(hidden)), len(tokenizer)), np.float32)
        scores[:, tokenizer.vocab["hmm"]] = 50
        scores[0::2, yes] = scores[1::2, no] = 20
        return xp.array(scores)

    monkeypatch.setattr(model, "logits", knowing)
    told = verdicts(from_numpy(params), config, tokenizer, QUESTIONS[:8])
    assert told["yes_given_hit"] == pytest.approx(1, abs=1e-6)
    assert told["yes_given_miss"] == pytest.approx(0, abs=1e-6)
