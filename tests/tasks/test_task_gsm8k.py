"""Does a file of questions become a task that never trains on what it measures?"""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from minir1.errors import UserError
from minir1.tasks import open_task
from minir1.tasks.gsm8k import LONGEST_LINE


def write(path: Path, lines: list[Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def numbered(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [
        {"question": f"What is {i} plus one?", "answer": f"We add. #### {i + 1}"}
        for i in range(start, start + count)
    ]


def questions(task: Any, part: str) -> set[str]:
    if part == "train":
        return {e.question for step in range(40) for e in task.training(1, "rl", step, 50)}
    return {e.question for e in task.held_out(part, 10**6)}


def test_both_ways_of_giving_a_gold_are_read(tmp_path: Path) -> None:
    lines = [
        {"question": "a?", "answer": "6 * 7 #### 42"},
        {"question": "b?", "gold": "1/2"},
        {"question": "c?", "gold": 7, "answer": "no mark"},
        {"question": "d?", "answer": "first #### 1 then #### 2"},
    ]
    task = open_task(str(write(tmp_path / "own.jsonl", lines)))
    everything = {
        e.question: e
        for e in task.training(0, "rl", 0, 9)
        + task.held_out("validation", 9)
        + task.held_out("test", 9)
    }
    golds = {question: exercise.gold for question, exercise in everything.items()}
    assert golds == {"a?": "42", "b?": "1/2", "c?": "7", "d?": "2"}
    assert task.dropped == 0
    assert task.score(everything["a?"], "42") == 1
    assert task.score(everything["b?"], "0.5") == 1
    other_name = (tmp_path / "own.jsonl").rename(tmp_path / "own.txt")
    assert open_task(f"gsm8k:{other_name}").name == str(other_name)


def test_what_has_no_verifiable_gold_is_dropped_and_counted(tmp_path: Path) -> None:
    without = [
        {"question": "no gold?"},
        {"question": "null?", "gold": None},
        {"question": "unmarked?", "answer": "42"},
        {"question": "blank?", "answer": "so #### "},
        {"question": "words?", "gold": "1/0"},
        {"question": "flag?", "gold": True},
        {"question": "list?", "gold": ["42"]},
    ]
    task = open_task(str(write(tmp_path / "mixed.jsonl", numbered(30) + without)))
    assert task.dropped == len(without)
    for part in ("train", "validation", "test"):
        assert not questions(task, part) & {line["question"] for line in without}


def test_nothing_but_gold_less_lines_is_a_mistake(tmp_path: Path) -> None:
    path = write(tmp_path / "bare.jsonl", [{"question": "a?", "answer": "42"}] * 3)
    with pytest.raises(UserError, match=r"0 usable, 3 without a gold .* #### 42"):
        open_task(str(path))


@pytest.mark.parametrize("count, validation, test", [(20, 1, 2), (1000, 50, 100)])
def test_a_hash_holds_out_what_the_file_does_not(
    tmp_path: Path, count: int, validation: int, test: int
) -> None:
    task = open_task(str(write(tmp_path / "all.jsonl", numbered(count))))
    parts = {part: questions(task, part) for part in ("train", "validation", "test")}
    sizes = {part: len(found) for part, found in parts.items()}
    assert sizes == {
        "train": count - validation - test,
        "validation": validation,
        "test": test,
    }
    assert len(set().union(*parts.values())) == count  # nothing is in two parts
    shuffled = open_task(str(write(tmp_path / "turned.jsonl", numbered(count)[::-1])))
    assert questions(shuffled, "test") == parts["test"]


def test_held_out_parts_are_capped(tmp_path: Path) -> None:
    task = open_task(str(write(tmp_path / "large.jsonl", numbered(6000))))
    assert len(questions(task, "validation")) == 250
    assert len(questions(task, "test")) == 500


def test_the_file_may_say_the_part(tmp_path: Path) -> None:
    lines = [{**line, "split": "train"} for line in numbered(40)]
    lines += [{**line, "split": "test"} for line in numbered(5, start=100)]
    lines += [{**line, "split": "validation"} for line in numbered(3, start=200)]
    task = open_task(str(write(tmp_path / "parts.jsonl", lines)))
    assert [len(questions(task, p)) for p in ("train", "validation", "test")] == [40, 3, 5]
    write(tmp_path / "parts.jsonl", [{**numbered(1)[0], "split": "trian"}])
    with pytest.raises(UserError, match=r'parts.jsonl line 1: "split" is trian; wanted train'):
        open_task(str(tmp_path / "parts.jsonl"))


@pytest.mark.parametrize(
    "names", [("train.jsonl", "test.jsonl"), ("my_train.jsonl", "my_test.jsonl")]
)
def test_a_test_file_beside_the_training_file_is_held_out(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    train = write(tmp_path / names[0], numbered(40))
    write(tmp_path / names[1], numbered(10, start=35))
    task = open_task(str(train))
    assert questions(task, "test") == {line["question"] for line in numbered(10, start=35)}
    assert not questions(task, "train") & questions(task, "test")
    assert len(questions(task, "train")) + len(questions(task, "validation")) == 35
    assert task.duplicates == 5


def test_a_question_that_comes_again_is_kept_once_and_counted(tmp_path: Path) -> None:
    lines = [*numbered(20), {"question": " what is 3  plus ONE? ", "gold": "4"}]
    task = open_task(str(write(tmp_path / "twice.jsonl", lines)))
    assert task.duplicates == 1
    assert sum(len(questions(task, p)) for p in ("train", "validation", "test")) == 20


@pytest.mark.parametrize(
    "data, said",
    [
        (b"not json\n", r"line 2 is no JSON"),
        (b"[1, 2]\n", r"line 2 is no JSON object"),
        (b'{"gold": "1"}\n', r'line 2: no "question"'),
        (b'{"question": 5, "gold": "1"}\n', r'line 2: no "question"'),
        (b'{"question": "\xff", "gold": "1"}\n', r"line 2 is not UTF-8 \(byte 0xff\)"),
        (b"[" * 100_000 + b"\n", r"line 2 is no JSON"),
        (b'{"question": "' + b"a" * LONGEST_LINE + b'", "gold": "1"}\n', r"line 2 is longer"),
    ],
)
def test_damage_is_named_with_its_line(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "damaged.jsonl"
    path.write_bytes(json.dumps(numbered(1)[0]).encode() + b"\n" + data)
    with pytest.raises(UserError, match=said) as caught:
        open_task(str(path))
    assert "damaged.jsonl" in str(caught.value)
    assert len(str(caught.value)) < 300 + len(str(path))


def test_a_missing_file_and_a_folder_are_answered(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="could not be read: No such file"):
        open_task(str(tmp_path / "none.jsonl"))
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(UserError, match="could not be read: Is a directory"):
        open_task(str(tmp_path / "folder.jsonl"))


def test_byte_order_marks_blank_lines_and_windows_lines_are_read(tmp_path: Path) -> None:
    path = tmp_path / "windows.jsonl"
    lines = [json.dumps(line) for line in numbered(20)]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n\r\n".join(lines).encode())
    task = open_task(str(path))
    assert sum(len(questions(task, p)) for p in ("train", "validation", "test")) == 20


def test_half_characters_can_be_encoded(tmp_path: Path) -> None:
    lines = [{**line, "question": line["question"] + " \ud800"} for line in numbered(20)]
    task = open_task(str(write(tmp_path / "half.jsonl", lines)))
    for exercise in task.training(0, "rl", 0, 17):
        assert exercise.question.encode().endswith(b"?")


def test_an_epoch_repeats_nothing_and_an_address_asks_the_same(tmp_path: Path) -> None:
    path = str(write(tmp_path / "all.jsonl", numbered(100)))
    task, again = open_task(path), open_task(path)
    epoch = [e.question for step in range(17) for e in task.training(1, "rl", step, 5)]
    assert len(set(epoch)) == len(epoch) == 85
    assert task.training(1, "rl", 40, 8) == again.training(1, "rl", 40, 8)
    assert task.training(1, "rl", 40, 8) != task.training(2, "rl", 40, 8)


@pytest.mark.parametrize(
    "answer",
    ["", "  \n", "41", "4" * 10**6, "(" * 10**6, "{" * 10**6, "__import__('os')", "\ud800\x00",
     "9**9**9**9", "41 or 42", "everything", "[42, 43]"],
)  # fmt: skip
def test_hostile_answers_are_worth_nothing_and_quickly(tmp_path: Path, answer: str) -> None:
    task = open_task(str(write(tmp_path / "all.jsonl", [{"question": "a?", "gold": "42"}])))
    started = time.perf_counter()
    assert task.score(task.training(0, "rl", 0, 1)[0], answer) == 0
    assert time.perf_counter() - started < 1
