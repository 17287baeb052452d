"""What are the answers to a task's exercises worth, token by token as they were drawn?"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from tiny_models import END, PAD, START, text_tokenizer

from minir1.config import override
from minir1.exercises import RIGHT, TaskWorld, behaviour
from minir1.real_config import real
from minir1.rollout import Rollout, assemble
from minir1.tasks import Exercise
from minir1.text_tokenizer import TextTokenizer

WORDS = text_tokenizer()
EXERCISES = [Exercise("one?", "1"), Exercise("two?", "2"), Exercise("three?", "3")]


@dataclass
class Scripted:
    """A policy that says what it is told to, and remembers what it was asked."""

    completions: list[list[int]]
    asked: list[list[int]] = field(default_factory=list)
    tolerance: float = 1e-4
    importance_cap: float | None = None

    def sample(
        self, params: Any, prompts: list[list[int]], group: int, settings: Any,
        address: Any, eos_ids: Any, pad_id: int, *rest: Any, **more: Any,
    ) -> Rollout:  # fmt: skip
        self.asked = prompts
        rows = [
            (np.array(said, np.int32), np.full(len(said), -1.0), np.full(len(said), 0.5))
            for said in self.completions
        ]
        return assemble([p for p in prompts for _ in range(group)], rows, eos_ids, pad_id)


class Marked:
    """A task that pays what the answer says, up to 1, and 1 for the gold."""

    name, dropped = "marked", 0

    def training(self, seed: int, stage: str, step: int, count: int) -> list[Exercise]:
        return EXERCISES[:count]

    def score(self, exercise: Exercise, answer: str) -> float:
        return 1.0 if answer == exercise.gold else float(answer) % 1


def said(*texts: str) -> list[list[int]]:
    return [WORDS.encode(text) for text in texts]


def world(
    completions: list[list[int]], *settings: str, tokenizer: TextTokenizer = WORDS
) -> TaskWorld:
    usual = "prompt.template=plain", "prompt.answer=last", "grpo.minibatches=1"
    config = override(real("model", "marked"), (*usual, *settings))
    policy: Any = Scripted(completions)
    return TaskWorld(config, policy, tokenizer, Marked(), "test")


def attempts(*texts: str, group: int = 1, place: str = "last") -> list[Any]:
    asked = EXERCISES[: len(texts) // group]
    made = world(said(*texts), f"prompt.answer={place}")
    return made.ask({}, asked, group, (0, "test", 0))[1]


def test_every_exercise_is_asked_as_its_prompt_and_answered_a_group_at_a_time() -> None:
    made = world(said(*(f"{n}{END}" for n in range(6))))
    rollout, found = made.ask({}, EXERCISES, 2, (0, "test", 0))
    prompts = [f"Question: {e.question}\nAnswer:" for e in EXERCISES]
    assert made.policy.asked == [WORDS.encode(prompt) for prompt in prompts]
    assert [a.prompt for a in found] == [p for p in prompts for _ in range(2)]
    assert [a.completion for a in found] == list("012345")
    assert [a.exercise for a in found] == [e for e in EXERCISES for _ in range(2)]
    assert len(rollout.tokens) == 6


def test_the_end_token_is_counted_and_no_part_of_the_text() -> None:
    (found,) = attempts(f"1{END}")
    assert (found.completion, found.completion_tokens, found.finished) == ("1", 2, True)
    assert found.answer == "1" and found.right and found.well_formed


def test_what_was_cut_off_earns_nothing() -> None:
    for place, text in (("last", "1"), ("boxed", "\\boxed{1}")):
        (found,) = attempts(text, place=place)
        assert found.answer == "1" and not found.finished
        assert (found.score, found.right, found.well_formed) == (0.0, False, False)
    (nothing,) = attempts(END)
    assert (nothing.completion, nothing.answer, nothing.score) == ("", None, 0.0)
    assert nothing.finished and not nothing.well_formed


def test_special_tokens_within_a_completion_are_text() -> None:
    hostile = f"1{START}system\n{PAD}2{PAD}"
    (found,) = attempts(hostile + END)
    assert found.completion == hostile and found.answer == "2" and found.finished
    (cut,) = attempts(hostile)
    assert cut.completion == hostile and not cut.finished  # padding did not end it


def test_half_a_point_is_no_right_answer() -> None:
    for answer, right in (("0.5", False), ("0.99", False), ("0.9995", True), ("1", True)):
        (found,) = attempts(answer + END)
        assert found.right is right, answer
    assert 0.99 < RIGHT < 1


# what is paid


def graded(*texts: str, group: int = 2, settings: tuple[str, ...] = ()) -> Any:
    made = world(said(*texts), f"grpo.group={group}", "grpo.prompts=3", *settings)
    return made.rollout({}, 0)


TEXTS = (f"1{END}", f"0.5{END}", "2", f"so{END}", f"3{END}", f"0.25{END}")


def test_rewards_are_laid_out_by_exercise_and_group() -> None:
    paid = graded(*TEXTS)
    assert paid.parts["accuracy"].tolist() == [[1, 0.5], [0, 0], [1, 0.25]]
    assert paid.parts["format"].tolist() == [[1, 1], [0, 0], [1, 1]]
    np.testing.assert_allclose(paid.rewards, [[1.1, 0.6], [0, 0], [1.1, 0.35]])
    weighed = graded(*TEXTS, settings=("reward.accuracy=2", "reward.format=0"))
    np.testing.assert_allclose(weighed.rewards, [[2, 1], [0, 0], [2, 0.5]])


def test_language_is_paid_by_its_weight() -> None:
    texts = (f"so 1{END}", f"да 1{END}", *TEXTS[2:])
    paid = graded(*texts, settings=("reward.language=0.5",))
    assert paid.parts["language"].tolist() == [[1, 0], [0, 0], [1, 1]]
    assert paid.rewards[0].tolist() == [1 + 0.1 + 0.5, 1 + 0.1]


def test_the_format_control_pays_for_the_form_alone() -> None:
    paid = graded(*TEXTS, settings=("reward.kind=format",))
    np.testing.assert_allclose(paid.rewards, [[0.1, 0.1], [0, 0], [0.1, 0.1]])


def test_the_random_control_tosses_a_coin_of_its_own_for_everyone() -> None:
    control = ("reward.kind=random",)
    paid = graded(*TEXTS, settings=control)
    others = graded(*(["x"] * 6), settings=control)
    assert np.array_equal(paid.rewards, others.rewards)  # whatever was answered
    made = world([[1]] * 400, "grpo.group=400", "grpo.prompts=1", *control)
    many = made.rollout({}, 0).rewards
    assert set(np.unique(many)) == {0, 1} and 0.4 < many.mean() < 0.6
    assert not np.array_equal(many, made.rollout({}, 1).rewards)
    elsewhere = replace(made, stage="other").rollout({}, 0)
    assert not np.array_equal(many, elsewhere.rewards)
    assert np.array_equal(many, made.rollout({}, 0).rewards)


def test_a_rollout_is_described_by_its_means() -> None:
    made = world(said(*TEXTS), "grpo.group=2", "grpo.prompts=3")
    seen = made.describe(made.rollout({}, 0))
    expected = {
        "reward": 3.15 / 6,
        "accuracy": 2 / 6,
        "score": 2.75 / 6,
        "format_rate": 4 / 6,
        "completion_tokens": sum(map(len, said(*TEXTS))) / 6,
        "truncated": 1 / 6,
        "reflections": 0.0,
        "entropy": 0.5,
    }
    assert {name: seen[name] for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize(
    "text, count",
    [
        ("Wait, hmm, let me check: wait", 4), ("awaiting the waiter", 0), ("DOUBLE-CHECK", 1),
        ("let me re-check", 1), ("actually I made a mistake", 2), ("", 0),
    ],
)  # fmt: skip
def test_reflection_is_counted_in_whole_words(text: str, count: int) -> None:
    assert behaviour(attempts(f"{text} 1{END}"))["reflections"] == count


# how a prompt begins


def test_only_what_no_template_wrote_begins_as_the_tokenizer_begins_a_text() -> None:
    from tokenizers import processors

    marks = text_tokenizer(bos_token=START)
    first = WORDS.encode(START)
    assert marks.begin == []  # it has a first token, and does not put it there
    known = TextTokenizer(with_post_processor(processors, START, first[0]), "here")
    assert known.begin == first
    for template, begins in (("plain", True), ("r1-zero", True), ("chat", False)):
        made = world([[1]], f"prompt.template={template}", tokenizer=known)
        text = made.prompt("one?")
        assert (made.encode(text) == first + WORDS.encode(text)) is begins
        assert made.encode(text).count(first[0]) == (1 if begins else text.count(START))


def with_post_processor(processors: Any, word: str, token: int) -> dict[str, bytes]:
    from tiny_models import tokenizer_files
    from tokenizers import Tokenizer

    files = tokenizer_files(bos_token=word)
    tokenizer = Tokenizer.from_str(files["tokenizer.json"].decode())
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{word} $A", special_tokens=[(word, token)]
    )
    return {**files, "tokenizer.json": tokenizer.to_str().encode()}
