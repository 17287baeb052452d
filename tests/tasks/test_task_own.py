"""Can a newcomer write a task, and does each of his mistakes come back in one line?"""

import re
import time
from pathlib import Path
from typing import Any

import pytest

from minir1.errors import UserError
from minir1.tasks import open_task

PAGE = Path(__file__).parents[2] / "docs" / "tasks.md"
GOOD = """
def exercises(part):
    start = {"train": 0, "validation": 100, "test": 200}[part]
    for i in range(start, start + 20):
        yield {"question": f"What is {i} plus one?", "gold": str(i + 1), "number": i}

def score(exercise, answer):
    return answer.strip() == str(exercise["number"] + 1)
"""


def write(folder: Path, text: str) -> str:
    path = folder / "mine.py"
    path.write_text(text)
    return str(path)


def with_score(body: str) -> str:
    """A good file but for its scorer."""
    return GOOD.partition("def score")[0] + f"def score(exercise, answer):\n    {body}\n"


def with_exercises(body: str) -> str:
    """A good file but for its exercises."""
    return f"def exercises(part):\n    {body}\n\ndef score" + GOOD.partition("def score")[2]


def everything(task: Any) -> dict[str, set[str]]:
    asked = {e.question for step in range(9) for e in task.training(1, "rl", step, 10)}
    held = {p: {e.question for e in task.held_out(p, 999)} for p in ("validation", "test")}
    return {"train": asked, **held}


def test_the_example_of_the_documentation_is_a_task(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert "def exercises(part):" in example
    task = open_task(write(tmp_path, example))
    assert {part: len(found) for part, found in everything(task).items()} == {
        "train": 8,
        "validation": 2,
        "test": 3,
    }
    exercise = task.held_out("test", 1)[0]
    assert exercise.question == "Write the word summer backwards."
    assert task.score(exercise, " Remmus\n") == 1
    assert task.score(exercise, "summer") == 0


def test_a_file_is_a_task(tmp_path: Path) -> None:
    task = open_task(write(tmp_path, GOOD))
    exercise = task.training(0, "rl", 3, 5)[0]
    assert task.score(exercise, exercise.gold) == 1
    assert task.score(exercise, "no") == 0
    assert task.training(0, "rl", 3, 5) == open_task(task.name).training(0, "rl", 3, 5)
    epoch = [e.question for step in range(4) for e in task.training(0, "rl", step, 5)]
    assert len(set(epoch)) == 20
    assert (task.dropped, task.duplicates) == (0, 0)


def test_lists_and_dataclasses_may_be_used(tmp_path: Path) -> None:
    text = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Two:\n    a: int = 1\n"
        "def exercises(part):\n    return [{'question': part, 'gold': Two().a}]\n"
        "def score(exercise, answer):\n    return 1 if answer == '1' else 0\n"
    )
    task = open_task(write(tmp_path, text))
    assert task.score(task.training(0, "rl", 0, 1)[0], "1") == 1


def test_what_is_asked_twice_is_held_out_and_counted(tmp_path: Path) -> None:
    same = with_exercises(
        "return [{'question': f'{i}?', 'gold': i + 1, 'number': i}\n"
        "            for i in range({'train': 9, 'test': 3}.get(part, 5))]"
    )
    task = open_task(write(tmp_path, same))
    found = everything(task)
    assert found["test"] == {"0?", "1?", "2?"}
    assert found["validation"] == {"3?", "4?"}
    assert found["train"] == {"5?", "6?", "7?", "8?"}
    assert task.duplicates == 3 + 5


@pytest.mark.parametrize("gold", ["None", "''", "' '", "'wrong'", "missing"])
def test_a_gold_that_cannot_be_verified_is_dropped_and_counted(
    tmp_path: Path, gold: str
) -> None:
    bad = (
        "{'question': 'bad?'}"
        if gold == "missing"
        else f"{{'question': 'bad?', 'gold': {gold}}}"
    )
    text = with_score("return float(answer == exercise['gold'] != 'wrong')").replace(
        "    for i", f"    yield {bad}\n    for i"
    )
    task = open_task(write(tmp_path, text))
    assert task.dropped == 3  # once a part
    assert not any("bad?" in found for found in everything(task).values())


def test_a_scorer_that_cannot_say_drops_everything(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"left nothing to train on \(60 dropped"):
        open_task(write(tmp_path, with_score("return None")))


def test_an_answer_that_cannot_be_judged_is_paid_nothing(tmp_path: Path) -> None:
    task = open_task(
        write(tmp_path, with_score("return 1 if answer == exercise['gold'] else None"))
    )
    assert task.score(task.training(0, "rl", 0, 1)[0], "hm") == 0


@pytest.mark.parametrize(
    "text, said",
    [
        ("def exercises(part):\n    return [\n", r"mine.py line 2, in the file itself: Syntax"),
        ("import no_such_module\n", r"mine.py line 1, in the file itself: ModuleNotFoundError"),
        ("raise SystemExit(3)\n", r"mine.py line 1, in the file itself: SystemExit: 3"),
        ("x = 1\n", r"mine.py has no function exercises"),
        ("exercises = print\nscore = 5\n", r"mine.py has no function score"),
        (with_exercises("return 1 / 0"), r'line 2, in exercises\("train"\): ZeroDivisionError'),
        (with_exercises("yield {}['x']"), r'line 2, in exercises\("train"\): KeyError'),
        (with_exercises("return None"), r'exercises\("train"\) returned None; wanted a list'),
        (with_exercises("return 'abc'"), r'exercises\("train"\) returned \'abc\'; wanted a'),
        (with_exercises("return ['abc']"), r'exercises\("train"\) gave \'abc\'; wanted \{"'),
        (with_exercises("return [{'gold': '1'}]"), r"wanted \{\"question\": \"…\""),
        (with_exercises("return [{'question': 5, 'gold': '1'}]"), r"wanted \{\"question\""),
        (with_exercises("return []"), r"left nothing to train on \(0 dropped"),
        (with_exercises("while True: yield {'question': 'a?', 'gold': 1}"), r"gives more than"),
        (with_score("return 1 / 0"), r"line 8, in score\(…, '1'\): ZeroDivisionError"),
        (with_score("return 2"), r"score\(…, '1'\) returned 2; wanted a number from 0 to 1"),
        (with_score("return -0.1"), r"returned -0.1; wanted a number from 0 to 1"),
        (with_score("return float('nan')"), r"returned nan; wanted a number from 0 to 1"),
        (with_score("return 'yes'"), r"returned 'yes'; wanted a number from 0 to 1"),
        (with_score("return '1'"), r"returned '1'; wanted a number from 0 to 1"),
        (with_score("return [1]"), r"returned \[1\]; wanted a number from 0 to 1"),
        (GOOD.replace("score(exercise, answer)", "score(answer)"), r"in score.*TypeError"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        open_task(write(tmp_path, text))
    assert "\n" not in str(caught.value)
    assert "mine.py" in str(caught.value)


def test_a_scorer_that_fails_on_an_answer_is_named_by_its_line(tmp_path: Path) -> None:
    text = with_score("return float(int(answer) == exercise['number'] + 1)")
    task = open_task(write(tmp_path, text))
    exercise = task.training(0, "rl", 0, 1)[0]
    with pytest.raises(UserError, match=r"line 8, in score\(…, 'about four'\): ValueError"):
        task.score(exercise, "about four")


def test_a_missing_file_is_answered(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.py: no such file"):
        open_task(str(tmp_path / "none.py"))


@pytest.mark.parametrize(
    "answer", ["", " \n\t", "1" * 10**6, "(" * 10**6, "\ud800\x00", "__import__('os')"]
)
def test_hostile_answers_are_worth_nothing_and_quickly(tmp_path: Path, answer: str) -> None:
    """Blank and endless ones do not reach the file, which would pay for them."""
    body = "return 1 if answer == exercise['gold'] else float(not 0 < len(answer.strip()) < 99)"
    task = open_task(write(tmp_path, with_score(body)))
    started = time.perf_counter()
    assert task.score(task.training(0, "rl", 0, 1)[0], answer) == 0
    assert time.perf_counter() - started < 1
