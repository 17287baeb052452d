"""How does a file of questions become a task? One JSON object a line, with its right answer.

    {"question": "…", "answer": "… so 6 * 7 = 42 #### 42"}       as GSM8K writes it
    {"question": "…", "gold": "42"}                              or plainly

A gold that the verifier cannot verify teaches nothing: its line is dropped and counted.
The file may say which part a line belongs to ("split": "train", "validation" or "test");
`train.jsonl` may lie beside `test.jsonl`; else a hash of the question decides.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minir1.errors import UserError, shorten
from minir1.tasks.base import HELD_OUT, Exercise, rank, readable, says_something
from minir1.tasks.listed import Listed, Parts, without_duplicates
from minir1.verifier import verify

LONGEST_LINE = 2**20  # bytes
LARGEST_FILE = 2**30  # bytes
SHARES = {"validation": 0.05, "test": 0.1}  # held out where the file does not say
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Questions(Listed):
    """The task of a JSONL file."""

    def score(self, exercise: Exercise, answer: str) -> float:
        """Pay 1 for what the verifier finds equal to the gold, 0 for anything else."""
        return float(says_something(answer) and verify(exercise.gold, answer) is True)


def open_questions(path: Path) -> Questions:
    """Read a file of questions, and the files of its other parts beside it.

    Raises: UserError that names the file and the line that cannot be used.
    """
    found: dict[str, list[Exercise]] = {part: [] for part in PARTS}
    dropped = 0
    for part, file in {"train": path, **siblings(path)}.items():
        for place, line in _lines(file):
            part_of_line = _part(line, place, part)
            exercise = _exercise(line, place)
            if exercise is None:
                dropped += 1
            else:
                found[part_of_line].append(exercise)
    usable = sum(map(len, found.values()))
    parts, duplicates = without_duplicates(found)
    parts = _hold_out(parts)
    if not parts.train:
        raise UserError(
            f"{path}: no question is left for training ({usable} usable, {dropped} without a "
            'gold that can be verified): end each "answer" with #### 42, or give a "gold"'
        )
    return Questions(str(path), parts, dropped, duplicates)


def siblings(path: Path) -> dict[str, Path]:
    """Find the validation and test files that lie beside a file of training questions."""
    before, train, after = path.name.rpartition("train")
    if not train:
        return {}
    beside = {part: path.with_name(before + part + after) for part in HELD_OUT}
    return {part: file for part, file in beside.items() if file.is_file()}


def gold_of(line: Mapping[str, Any]) -> str | None:
    """Return the right answer that a line gives, if it gives one."""
    gold = line.get("gold")
    if gold is None and isinstance(line.get("answer"), str):
        _, marked, gold = line["answer"].rpartition("####")
        gold = gold if marked else None
    if isinstance(gold, bool) or not isinstance(gold, str | int | float):
        return None
    return str(gold).strip() or None


def _exercise(line: Mapping[str, Any], place: str) -> Exercise | None:
    """Make an exercise of a line; None if its gold cannot be verified."""
    question = line.get("question")
    if not isinstance(question, str) or not question.strip():
        raise UserError(f'{place}: no "question"; wanted {{"question": "…", "gold": "42"}}')
    gold = gold_of(line)
    if gold is None or verify(gold, gold) is not True:
        return None
    return Exercise(readable(question), gold)


def _part(line: Mapping[str, Any], place: str, default: str) -> str:
    part = line.get("split", default)
    if part not in PARTS:
        raise UserError(f'{place}: "split" is {shorten(part)}; wanted {", ".join(PARTS)}')
    return part if default == "train" else default


def _hold_out(parts: Parts) -> Parts:
    """Take from training what the file itself does not hold out, by a hash."""
    ordered = sorted(parts.train, key=lambda exercise: rank(exercise.question))
    held: dict[str, list[Exercise]] = {}
    for part in ("test", "validation"):
        held[part] = list(getattr(parts, part))
        if not held[part] and len(ordered) > 1:
            size = min(max(1, int(len(parts.train) * SHARES[part])), HELD_OUT[part])
            held[part], ordered = ordered[:size], ordered[size:]
    taken = {exercise.question for part in held.values() for exercise in part}
    train = [exercise for exercise in parts.train if exercise.question not in taken]
    return Parts(train, held["validation"], held["test"])


def _lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read a file line by line: where the line is, and the object on it."""
    try:
        with open(path, "rb") as file:
            if path.stat().st_size > LARGEST_FILE:
                raise UserError(f"{path} is larger than {LARGEST_FILE >> 30} GB: cut it")
            number = 0
            while data := file.readline(LONGEST_LINE + 1):
                number += 1
                if data.strip():
                    yield f"{path} line {number}", _object(data, f"{path} line {number}")
    except OSError as error:
        raise UserError(f"{path} could not be read: {error.strerror or error}") from error


def _object(data: bytes, place: str) -> dict[str, Any]:
    if len(data) > LONGEST_LINE:
        raise UserError(f"{place} is longer than {LONGEST_LINE >> 20} MB: cut it")
    try:
        value = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UserError(
            f"{place} is not UTF-8 (byte {data[error.start]:#04x}): save the file as UTF-8"
        ) from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{place} is no JSON ({shorten(error)})") from error
    if not isinstance(value, dict):
        raise UserError(f'{place} is no JSON object; wanted {{"question": "…", "gold": "42"}}')
    return value
