"""Is reasoning-gym adapted without its dangers? Tried on a stand-in with its two functions.

The real one, where it is installed: `test_task_gym_real.py`.
"""

import dataclasses
import random
import sys
import time
import types
from typing import Any

import pytest

from minir1.errors import UserError
from minir1.tasks import open_task
from minir1.tasks.gym import Gym, part_of
from minir1.tasks.gym_names import READ, REFUSED


@dataclasses.dataclass
class Config:
    """What the stand-in can be told; the names are reasoning-gym's."""

    max_digits: int = 3
    allow_negation: bool = False
    share: float = 0.5
    style: str = "plain"
    list_of: tuple[int, ...] = (1, 2)
    without_gold: bool = False
    seed: int | None = None
    size: int = 500


class StandIn:
    """Adds two numbers; its scorer has the faults that real ones have."""

    def __init__(self, config: Config):
        assert config.max_digits > 0, "max_digits must be positive"
        self.config = config

    def __getitem__(self, idx: int) -> dict[str, Any]:
        rng = random.Random((self.config.seed or 0) + idx)
        a, b = (rng.randrange(10**self.config.max_digits) for _ in range(2))
        print("noise while generating")
        gold = None if self.config.without_gold or a % 7 == 3 else str(a + b)
        return {"question": f"{a} + {b} = ?", "answer": gold, "metadata": {"sum": a + b}}

    def score_answer(self, answer: str, entry: dict[str, Any]) -> Any:
        print("noise while scoring")
        if answer == "nothing":
            return None
        if answer == "too much":
            return 7.0
        if answer == "too little":
            return -3.0
        if not answer.strip():
            return 0.9
        if answer == "half":
            return 0.5
        if "nan" in answer:
            return 1.0
        return float(int(answer) == entry["metadata"]["sum"])  # raises for words


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the stand-in where reasoning-gym would be."""
    package = types.ModuleType("reasoning_gym")
    factory = types.ModuleType("reasoning_gym.factory")
    factory.DATASETS = {"chain_sum": (StandIn, Config)}  # type: ignore[attr-defined]
    package.create_dataset = lambda name, **options: StandIn(Config(**options))  # type: ignore[attr-defined]
    package.factory = factory  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "reasoning_gym", package)
    monkeypatch.setitem(sys.modules, "reasoning_gym.factory", factory)


pytestmark = pytest.mark.usefixtures("stand_in")


def asked(task: Any, steps: int, count: int = 32) -> set[str]:
    return {e.question for step in range(steps) for e in task.training(5, "rl", step, count)}


def test_nothing_held_out_is_ever_trained_on() -> None:
    task = open_task("rg:chain_sum?max_digits=1")  # 100 questions: they come again and again
    trained = asked(task, steps=60)
    validation = {e.question for e in task.held_out("validation", 250)}
    test = {e.question for e in task.held_out("test", 500)}
    assert not trained & (validation | test) and not validation & test
    assert len(trained) > 30 and len(validation) > 10 and len(test) > 10


def test_held_out_parts_are_fixed_and_capped() -> None:
    task = open_task("rg:chain_sum")
    assert [len(task.held_out(part, 999)) for part in ("validation", "test")] == [250, 500]
    assert task.held_out("test", 10) == open_task("rg:chain_sum").held_out("test", 30)[:10]
    with pytest.raises(ValueError, match="wanted one of validation, test"):
        task.held_out("train", 5)


def test_the_same_address_asks_the_same_and_a_step_repeats_nothing() -> None:
    task = open_task("rg:chain_sum")
    step = task.training(1, "rl", 7, 32)
    assert step == open_task("rg:chain_sum").training(1, "rl", 7, 32)
    assert step != task.training(1, "rl", 8, 32) != task.training(2, "rl", 8, 32)
    assert len({e.question for e in step}) == 32


def test_too_few_questions_are_asked_again_rather_than_fewer() -> None:
    assert len(open_task("rg:chain_sum?max_digits=1").training(0, "rl", 0, 200)) == 200


def test_what_has_no_gold_is_dropped_and_counted_once() -> None:
    task = open_task("rg:chain_sum")
    step = task.training(1, "rl", 7, 64)
    assert all(e.gold and int(e.question.split()[0]) % 7 != 3 for e in step)
    assert 0 < task.dropped < 64
    before = task.dropped
    task.training(1, "rl", 7, 64)
    assert task.dropped == before


def test_nothing_but_questions_without_gold_is_a_mistake() -> None:
    task = open_task("rg:chain_sum?without_gold=true")
    with pytest.raises(UserError, match=r"none of 320 .* \([0-9]+ without a verifiable gold\)"):
        task.training(0, "rl", 0, 8)


def test_a_scorer_that_pays_for_no_answer_verifies_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(StandIn, "score_answer", lambda self, answer, entry: 1.0)
    assert open_task("rg:chain_sum").held_out("test", 5) == []


def test_its_own_scorer_pays_within_bounds_and_faults_are_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    task = open_task("rg:chain_sum")
    assert isinstance(task, Gym)
    (exercise,) = task.training(0, "rl", 0, 1)
    pays = {answer: task.score(exercise, answer) for answer in (exercise.gold, "half", "1")}
    assert pays == {exercise.gold: 1.0, "half": 0.5, "1": 0.0}
    assert task.failed == 0
    assert task.score(exercise, "too much") == 1 and task.score(exercise, "too little") == 0
    assert task.score(exercise, "nothing") == 0 and task.score(exercise, "words") == 0
    assert task.failed == 2
    assert capsys.readouterr().out == ""  # what datasets print does not reach the screen


@pytest.mark.parametrize(
    "answer",
    ["", " \n", "nan", "[NaN, nan]", "1 + sNaN", "9" * 10**6, "(" * 10**6, "\ud800\x00",
     "__import__('os').system('true')", "٧٧", "inf", "-Infinity"],
)  # fmt: skip
def test_hostile_answers_are_worth_nothing_and_quickly(answer: str) -> None:
    task = open_task("rg:chain_sum")
    (exercise,) = task.training(0, "rl", 0, 1)
    started = time.perf_counter()
    assert task.score(exercise, answer) == 0
    assert time.perf_counter() - started < 1


def test_options_have_the_type_of_their_defaults() -> None:
    task = open_task("rg:chain_sum?max_digits=1&allow_negation=True&share=0.25&style=dice")
    assert isinstance(task, Gym)
    config = task._scorer.config
    assert (config.max_digits, config.allow_negation, config.share) == (1, True, 0.25)
    assert config.style == "dice"
    assert open_task("rg:chain_sum?allow_negation=false")._scorer.config.allow_negation is False


@pytest.mark.parametrize(
    "name, said",
    [
        ("rg:chain_sum?max_digit=2", r"no such option; did you mean max_digits\? There are"),
        ("rg:chain_sum?max_digits=two", r"max_digits=two: wanted a whole number"),
        ("rg:chain_sum?max_digits", r"max_digits=: wanted a whole number"),
        ("rg:chain_sum?share=lots", r"share=lots: wanted a number"),
        ("rg:chain_sum?allow_negation=1", r"allow_negation=1: wanted true or false"),
        ("rg:chain_sum?seed=4", r"no such option"),
        ("rg:chain_sum?size=4", r"no such option"),
        ("rg:chain_sum?list_of=3", r"no such option"),
        ("rg:chain_sum?max_digits=0", r"reasoning-gym says: max_digits must be positive"),
        ("rg:n_queens", r"rg:n_queens cannot be trained on: its scorer gives the answer"),
        ("rg:rubiks_cube", r"it keeps no right answer"),
        ("rg:coin_flip", r"pays 1 for the answer 0"),
        ("rg:n_queen", r"did you mean n_queens\?"),
        ("rg:maze", r"is not in the reasoning-gym that is installed"),
    ],
)  # fmt: skip
def test_mistakes_are_answered(name: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        open_task(name)


def test_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "reasoning_gym.factory", None)
    with pytest.raises(UserError, match=r"pip install 'minir1\[gym\]'"):
        open_task("rg:chain_sum")


def test_no_name_is_both_read_and_refused() -> None:
    assert not READ & set(REFUSED)
    assert len(READ) == 89 and len(REFUSED) == 17
    assert {part_of(str(i)) for i in range(99)} == {"train", "validation", "test"}
