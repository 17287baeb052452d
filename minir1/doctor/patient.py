"""What can be read of a run, whatever state it is in?

config.json, metrics.jsonl and samples.jsonl and nothing else, so nothing that says how the
run was meant to end. Any of it may be damaged, missing, enormous or of another version: what
cannot be read is noted and left out. Only a folder without a run in it is refused.
"""

import json
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minir1.doctor.course import Course, Row
from minir1.errors import UserError, shorten
from minir1.reporting.formats import mapping, number
from minir1.screen.terminal import clean
from minir1.storage.files import read_json

LARGEST_FILE = 64 * 2**20  # bytes of a file that are read: some 80,000 steps
LONGEST_LINE = 2**20  # bytes; a longer line is none of ours


@dataclass(frozen=True)
class Patient:
    """A run as it was found: its stages of reinforcement learning, and what was unreadable."""

    name: str
    courses: tuple[Course, ...]
    notes: tuple[str, ...] = ()
    tuned: tuple[str, ...] = ()  # stages without rewards: nothing to be said about them


def read_patient(folder: Path) -> Patient:
    """Read a run folder.

    Raises: UserError if there is no run in it.
    """
    if not folder.is_dir():
        raise UserError(
            f"{shorten(folder, 200)} is no folder; wanted a run, for example runs/r1-zero-seed0"
        )
    config, notes = _config(folder / "config.json")
    rows, more = _read_lines(folder / "metrics.jsonl")
    notes += more
    if config is None and not any("step" in row for row in rows):
        raise UserError(
            f"{shorten(folder, 200)} holds no run (no config.json of a run, no metrics.jsonl); "
            "wanted a run folder, for example runs/r1-zero-seed0"
        )
    samples, more = _read_lines(folder / "samples.jsonl") if rows else ([], [])
    notes += more
    by_stage = _by_stage(rows)
    looks = _by_stage(samples)
    courses = tuple(
        Course(name, config or {}, _in_order(lines), tuple(looks.get(name, ())))
        for name, lines in by_stage.items()
        if any("reward" in line for line in lines)
    )
    tuned = tuple(name for name in by_stage if name not in {c.stage for c in courses})
    return Patient(clean(folder.resolve().name), courses, tuple(notes), tuned)


def _config(path: Path) -> tuple[Mapping[str, Any] | None, list[str]]:
    """Return the settings of a run, None where there are none, and what was wrong."""
    if not _is_file(path):
        return None, ["config.json is missing: the usual settings are taken for granted"]
    try:
        described = read_json(path)
    except UserError as error:
        return None, [f"{clean(shorten(error, 200))}: the usual settings are taken for granted"]
    settings = mapping(described.get("config"))
    if not settings:
        return None, ["config.json is not a run's: the usual settings are taken for granted"]
    return settings, []


def _is_file(path: Path) -> bool:
    """Say whether something can be read to its end: no folder, no pipe, no device."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _read_lines(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the objects of a file and a note of what could not be read."""
    if not _is_file(path):
        return [], [f"{path.name} is missing"]
    found, damaged, first, whole = [], 0, 0, True
    try:
        for place, line in enumerate(_pieces(path), start=1):
            value = _parse(line)
            if value is not None:
                found.append(value)
            elif line.endswith(b"\n"):
                damaged, first = damaged + 1, first or place
        whole = path.stat().st_size <= LARGEST_FILE
    except OSError as error:
        return found, [f"{path.name} could not be read: {error.strerror or error}"]
    notes = []
    if damaged:
        lines = "a line" if damaged == 1 else f"{damaged} lines"
        notes.append(f"{path.name}: {lines} could not be read (line {first})")
    if not whole:
        notes.append(f"{path.name}: only the first {LARGEST_FILE // 2**20} MiB were read")
    return found, notes


def _pieces(path: Path) -> Iterator[bytes]:
    """Read lines up to the largest size; what is too long for a line comes in pieces."""
    with open(path, "rb") as file:
        while file.tell() < LARGEST_FILE and (line := file.readline(LONGEST_LINE)):
            yield line


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _by_stage(lines: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for line in lines:
        if isinstance(line.get("stage"), str) and number(line.get("step")) is not None:
            found.setdefault(clean(shorten(line["stage"])), []).append(line)
    return found


def _in_order(lines: Sequence[Row]) -> tuple[Row, ...]:
    """Sort lines by step; of two lines of a step the later one counts, as after a resume."""
    by_step = {float(line["step"]): line for line in lines}
    return tuple(by_step[step] for step in sorted(by_step))
