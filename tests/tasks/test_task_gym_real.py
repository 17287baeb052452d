"""Do all datasets of reasoning-gym that may be used behave? With the real one, if installed."""

import ast
import inspect
import textwrap
import time

import pytest

from minir1.tasks import open_task
from minir1.tasks.gym_names import READ, REFUSED

pytestmark = [  # a library below one of the datasets leaves a file open
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

factory = pytest.importorskip("reasoning_gym").factory


def test_no_scorer_that_was_read_executes_an_answer() -> None:
    """`number_sorting` gives Python its own gold, never the answer."""
    for name, (dataset, _) in factory.DATASETS.items():
        if name not in READ:
            continue
        source = textwrap.dedent(inspect.getsource(dataset.score_answer))
        for node in ast.walk(ast.parse(source)):
            if not isinstance(node, ast.Call):
                continue
            called = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if called in ("eval", "exec", "compile", "parse_expr", "sympify", "loads_yaml"):
                assert (name, ast.unparse(node)) == ("number_sorting", "eval(entry['answer'])")


def test_every_name_of_the_tested_release_is_decided() -> None:
    assert READ | set(REFUSED) >= set(factory.DATASETS)
    assert set(factory.DATASETS) >= READ


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(READ))
def test_every_dataset_asks_pays_and_withstands(name: str) -> None:
    length = 4000
    hostile = [
        "", "x", "nan", "[NaN, NaN, NaN]", "1e999999999", "1/0", "9" * length, "(" * length,
        "[" * length, "{" * length, "-" * length, "A" * length, "R " * (length // 2), "\ud800",
        "(R U)500000000", "F+999999999", "1 " * (length // 2), "~" * length, "null", "{}",
        "[[[]]]", '{"a": 1}', "²", "9" * 10**6, "__import__('os').system('true')",
    ]  # fmt: skip
    task = open_task(f"rg:{name}")
    exercises = task.training(0, "rl", 0, 8)
    assert len(exercises) == 8
    assert not {e.question for e in exercises} & {e.question for e in task.held_out("test", 4)}
    for exercise in exercises[:3]:
        assert task.score(exercise, exercise.gold) == 1
        for answer in hostile:
            started = time.perf_counter()
            assert task.score(exercise, answer) < 0.5, answer[:20]
            assert time.perf_counter() - started < 1, answer[:20]
