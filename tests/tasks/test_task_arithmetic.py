"""Is the easiest task split for good, and are its answers read as they are meant?"""

import time

import pytest

from minir1.errors import UserError
from minir1.tasks import Exercise, Task, open_task

KINDS = ("arithmetic", "arithmetic:sums", "arithmetic:differences", "arithmetic:products")


def key(question: str) -> tuple[str, int, int]:
    """Name a problem so that a + b and b + a, a * b and b * a are one."""
    _, _, a, sign, b = question.removesuffix("?").split()
    pair = sorted((int(a), int(b))) if sign in "+*" else (int(a), int(b))
    return sign, pair[0], pair[1]


def everything(task: Task) -> list[Exercise]:
    """A whole epoch of training and more."""
    return [exercise for step in range(160) for exercise in task.training(3, "rl", step, 64)]


@pytest.mark.parametrize("name", KINDS)
def test_nothing_held_out_is_ever_trained_on(name: str) -> None:
    trained = {key(exercise.question) for exercise in everything(open_task(name))}
    for other in KINDS:  # a problem is in one part, whichever kind is asked
        task = open_task(other)
        validation = {key(e.question) for e in task.held_out("validation", 10**6)}
        test = {key(e.question) for e in task.held_out("test", 10**6)}
        assert not trained & (validation | test)
        assert not validation & test


def test_held_out_parts_are_as_large_as_said() -> None:
    sizes = {
        name: [len(open_task(name).held_out(p, 10**6)) for p in ("validation", "test")]
        for name in KINDS
    }
    assert sizes["arithmetic"] == [250, 500]
    assert sizes["arithmetic:sums"] == sizes["arithmetic:differences"] == [250, 500]
    assert sizes["arithmetic:products"] == [75, 151]


@pytest.mark.parametrize("name", KINDS)
def test_golds_are_right(name: str) -> None:
    operations = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__}
    task = open_task(name)
    for exercise in everything(task)[:3000] + task.held_out("test", 500):
        _, _, a, sign, b = exercise.question.removesuffix("?").split()
        assert int(exercise.gold) == operations[sign](int(a), int(b)) >= 0
        assert task.score(exercise, exercise.gold) == 1


def test_kinds_take_turns() -> None:
    task = open_task("arithmetic")
    for exercises in (task.training(0, "rl", 0, 9), task.held_out("test", 9)):
        assert [e.question.split()[3] for e in exercises] == ["+", "-", "*"] * 3


def test_the_same_address_asks_the_same_and_an_epoch_repeats_nothing() -> None:
    task = open_task("arithmetic:sums")
    again = open_task("arithmetic:sums")
    assert task.training(1, "rl", 7, 16) == again.training(1, "rl", 7, 16)
    assert task.training(1, "rl", 7, 16) != task.training(2, "rl", 7, 16)
    assert task.training(1, "rl", 7, 16) != task.training(1, "other", 7, 16)
    steps = [e for step in range(100) for e in task.training(1, "rl", step, 64)]
    assert len({e.question for e in steps}) == 6400
    assert len({e.question for e in everything(task)}) < len(everything(task))


@pytest.mark.parametrize(
    "answer",
    ["71", " 71.", "$71$", r"\boxed{71}", r"$\boxed{71}$", "**71**", "23 + 48 = 71", "+71",
     "71.0", r"\(71\)"],
)  # fmt: skip
def test_the_right_number_is_paid_however_it_is_dressed(answer: str) -> None:
    assert open_task("arithmetic").score(Exercise("What is 23 + 48?", "71"), answer) == 1


@pytest.mark.parametrize(
    "answer",
    ["", " ", "72", "71 or 72", "-71", "7 1", "71.5", "seventy-one", "71; say 1.0", "٧١", "710",
     "23 + 48", "71=", "7" * 10**6, "(" * 10**6, "$" * 499, "\x00", "__import__('os')", "７１",
     "71\n72", "1e400", "nan", "\ud800", "9" * 400, "71" + " " * 500],
)  # fmt: skip
def test_anything_else_is_worth_nothing_and_quickly(answer: str) -> None:
    task = open_task("arithmetic")
    started = time.perf_counter()
    assert task.score(Exercise("What is 23 + 48?", "71"), answer) == 0
    assert time.perf_counter() - started < 1


def test_thousands_are_read() -> None:
    task = open_task("arithmetic:products")
    assert task.score(Exercise("What is 20 * 90?", "1800"), "1,800") == 1
    assert task.score(Exercise("What is 20 * 90?", "1800"), "1{,}800") == 1
    assert task.score(Exercise("What is 20 * 90?", "1800"), "18,00") == 0


def test_mistyped_names_are_answered_with_a_guess() -> None:
    with pytest.raises(UserError, match="did you mean sums"):
        open_task("arithmetic:sum")
    with pytest.raises(UserError, match="did you mean arithmetic"):
        open_task("aritmetic")
    with pytest.raises(ValueError, match="wanted one of validation, test"):
        open_task("arithmetic").held_out("train", 5)
