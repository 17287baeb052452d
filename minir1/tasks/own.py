"""How does a Python file become a task? By two functions, which its author wrote.

    def exercises(part):             the exercises of "train", "validation" or "test":
        yield {"question": "…", "gold": "…"}

    def score(exercise, answer):     how right an answer is, from 0 to 1
        return float(answer.strip() == exercise["gold"])

The file is executed: it is the user's own code. An exercise whose own gold is not paid 1 is
dropped and counted. A mistake in the file is reported by function and line.
"""

import importlib.util
import math
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from minir1.errors import UserError, shorten
from minir1.tasks.base import HELD_OUT, Exercise, readable, says_something
from minir1.tasks.listed import Listed, without_duplicates

MOST = 200_000  # exercises of a part
FUNCTIONS = ("exercises", "score")
FULL = 0.999  # of 1: what a scorer must pay for the gold

Score = Callable[[dict[str, Any], str], Any]


@dataclass(frozen=True, kw_only=True)
class Own(Listed):
    """The task of a Python file."""

    path: Path
    scorer: Score

    def score(self, exercise: Exercise, answer: str) -> float:
        """Pay what the file's own function pays; None pays nothing.

        Raises: UserError if the function raises, or returns no number from 0 to 1.
        """
        if not says_something(answer):
            return 0.0
        return _score(self.path, self.scorer, dict(exercise.data), answer) or 0.0


def open_own(path: Path) -> Own:
    """Load a file, ask it for the exercises of every part, check each one's gold.

    Raises: UserError that names the file, the function and the line that cannot be used.
    """
    ask, scorer = _functions(path)
    found: dict[str, list[Exercise]] = {}
    dropped = 0
    for part in ("train", *HELD_OUT):
        found[part] = []
        for row in _rows(path, ask, part):
            exercise = _exercise(path, scorer, part, row)
            if exercise is None:
                dropped += 1
            else:
                found[part].append(exercise)
    parts, duplicates = without_duplicates(found)
    if not parts.train:
        raise UserError(
            f'{path}: exercises("train") left nothing to train on ({dropped} dropped, '
            f"{duplicates} asked twice): yield exercises for which score(exercise, "
            'exercise["gold"]) is 1'
        )
    return Own(str(path), parts, dropped, duplicates, path=path, scorer=scorer)


def _functions(path: Path) -> tuple[Callable[[str], Any], Score]:
    """Execute a file and return its two functions."""
    if not path.is_file():
        raise UserError(f"--task {path}: no such file")
    name = f"minir1_task_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"--task {path}: no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up here
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise _mistake(path, error, "the file itself") from error
    for function in FUNCTIONS:
        if not callable(getattr(module, function, None)):
            raise UserError(
                f"{path} has no function {function}: wanted exercises(part) and "
                "score(exercise, answer); docs/tasks.md has an example"
            )
    return module.exercises, module.score


def _rows(path: Path, ask: Callable[[str], Any], part: str) -> list[Any]:
    """List what `exercises` gives for a part."""
    try:
        given = ask(part)
        if not isinstance(given, Iterable) or isinstance(given, str | bytes | dict):
            raise UserError(
                f'{path}: exercises("{part}") returned {shorten(repr(given))}; '
                'wanted a list of {"question": "…", "gold": "…"}'
            )
        rows = list(islice(given, MOST + 1))
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        raise _mistake(path, error, f'exercises("{part}")') from error
    if len(rows) > MOST:
        raise UserError(
            f'{path}: exercises("{part}") gives more than {MOST:,} exercises: stop it earlier'
        )
    return rows


def _exercise(path: Path, scorer: Score, part: str, row: Any) -> Exercise | None:
    """Make an exercise of what the file gave; None if its gold cannot be verified."""
    question = row.get("question") if isinstance(row, dict) else None
    if not isinstance(question, str) or not question.strip():
        raise UserError(
            f'{path}: exercises("{part}") gave {shorten(repr(row))}; '
            'wanted {"question": "…", "gold": "…"}'
        )
    gold = row.get("gold")
    if gold is None or not str(gold).strip():
        return None
    paid = _score(path, scorer, dict(row), str(gold))
    if paid is None or paid < FULL:
        return None
    return Exercise(readable(question), str(gold), row)


def _score(path: Path, scorer: Score, row: dict[str, Any], answer: str) -> float | None:
    """Call the file's own function and check what it returns."""
    try:
        paid = scorer(row, answer)
    except (Exception, SystemExit) as error:
        raise _mistake(path, error, f"score(…, {shorten(repr(answer), 30)})") from error
    if paid is None:
        return None
    try:
        value = math.nan if isinstance(paid, str | bytes) else float(paid)
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not 0 <= value <= 1:
        raise UserError(
            f"{path}: score(…, {shorten(repr(answer), 30)}) returned {shorten(repr(paid))}; "
            "wanted a number from 0 to 1, or None if it cannot say"
        )
    return value


def _mistake(path: Path, error: BaseException, where: str) -> UserError:
    """Say in one line what went wrong in the user's file, and in which line of it."""
    number = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else None
    for frame in traceback.extract_tb(error.__traceback__):
        if Path(frame.filename).resolve() == path.resolve():
            number = frame.lineno
    line = f" line {number}" if number else ""
    return UserError(f"{path}{line}, in {where}: {type(error).__name__}: {shorten(error)}")
