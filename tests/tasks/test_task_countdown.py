"""Can every Countdown problem be solved, by an expression and by nothing else?"""

import time

import pytest

from minir1.countdown import solves
from minir1.errors import UserError
from minir1.tasks import Exercise, open_task

NAMES = ("countdown", "countdown:3", "countdown:4")
ASKED = Exercise("", "19 + 55 - 36 / 4", {"numbers": (19, 36, 55, 4), "target": 65})


def key(exercise: Exercise) -> tuple[tuple[int, ...], int]:
    return tuple(sorted(exercise.data["numbers"])), exercise.data["target"]


@pytest.mark.parametrize("name", NAMES)
def test_problems_are_solvable_and_say_what_they_hold(name: str) -> None:
    task = open_task(name)
    exercises = task.training(0, "rl", 0, 200) + task.held_out("test", 100)
    for exercise in exercises:
        numbers, target = exercise.data["numbers"], exercise.data["target"]
        assert solves(exercise.gold, numbers, target)
        assert task.score(exercise, exercise.gold) == 1
        assert f"{', '.join(map(str, numbers))}, make {target}." in exercise.question
        assert all(1 <= number <= 99 for number in [*numbers, target])
    sizes = {len(exercise.data["numbers"]) for exercise in exercises}
    assert sizes == ({3, 4} if name == "countdown" else {int(name[-1])})


def test_nothing_held_out_is_ever_trained_on() -> None:
    small = open_task("countdown:3")
    trained = {key(e) for step in range(30) for e in small.training(4, "rl", step, 64)}
    for name in NAMES:
        validation, test = (
            {key(e) for e in open_task(name).held_out(part, 999)}
            for part in ("validation", "test")
        )
        assert (len(validation), len(test)) == (250, 500)
        assert not trained & (validation | test)
        assert not validation & test


def test_the_same_address_asks_the_same_and_a_step_repeats_nothing() -> None:
    task = open_task("countdown")
    asked = task.training(1, "rl", 7, 64)
    assert asked == open_task("countdown").training(1, "rl", 7, 64)
    assert asked != task.training(1, "rl", 8, 64)
    assert asked != task.training(2, "rl", 7, 64)
    assert len({key(e) for e in asked}) == 64
    assert task.held_out("test", 20) == task.held_out("test", 40)[:20]


@pytest.mark.parametrize(
    "answer",
    ["19 + 55 - 36 / 4", "19+55-36/4=65", "$19 + 55 - 36 \\div 4 = 65$", "55 + (19 − 36 ÷ 4)",
     r"\boxed{19 + 55 - \frac{36}{4}}", "`19 + 55 - 36/4`.", "**(19 + 55) - 36 / 4 = 65**",
     r"\[ 19 + 55 - \dfrac{36}{4} \]", r"\left(19 + 55\right) - 36/4"],
)  # fmt: skip
def test_a_solution_is_paid_however_it_is_dressed(answer: str) -> None:
    assert open_task("countdown").score(ASKED, answer) == 1


def test_crosses_multiply() -> None:
    exercise = Exercise("", "", {"numbers": (3, 4, 5), "target": 60})
    for answer in ("3 x 4 x 5", "3×4×5", r"3 \times 4 \cdot 5", "(3)x(4) X 5 = 60"):
        assert open_task("countdown").score(exercise, answer) == 1


@pytest.mark.parametrize(
    "answer",
    ["", "65", "= 65", "65 = 65", "19 + 55 - 36 / 4 = 66", "19 + 55 - 9", "19 + 36 + 55 + 4",
     "19 + 55 - 36 / 4 or 65", "19 + 55 - 36 / 4 = 65 = 65", "65 = 19 + 55 - 36 / 4",
     "19 + 55 - 36 // 4", "19 + 55 - 36 / 4 + 0 * 7", "1" * 10**6, "(" * 10**6,
     "9**9**9**9", "__import__('os').system('true')", "\ud800\x00", "\\frac{" * 90,
     "١٩ + 55 - 36 / 4", "=" * 10**6, "1 x " * 120, "{" * 450, r"\left" * 90],
)  # fmt: skip
def test_anything_else_is_worth_nothing_and_quickly(answer: str) -> None:
    started = time.perf_counter()
    assert open_task("countdown").score(ASKED, answer) == 0
    assert time.perf_counter() - started < 1


def test_mistyped_sizes_are_answered() -> None:
    with pytest.raises(UserError, match="There are countdown, countdown:3 and countdown:4"):
        open_task("countdown:5")
    with pytest.raises(ValueError, match="wanted one of validation, test"):
        open_task("countdown").held_out("train", 5)
