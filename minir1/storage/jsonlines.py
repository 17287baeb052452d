"""How is a log kept that a kill can only shorten?

One JSON object a line, added at the end. A kill or a full disk can leave half a line at the
end and nothing worse: reading leaves it out, the next line written replaces it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from minir1.errors import UserError, shorten
from minir1.storage.files import encode, to_json, writing


def append_lines(path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    """Add objects at the end of a file, all of them or none.

    Raises: WriteError, and the file ends where it ended before.
    """
    data = encode("".join(to_json(line) + "\n" for line in lines))
    with writing(path), open(path, "ab+") as file:
        end = _whole_lines(file)
        try:
            file.truncate(end)
            file.write(data)
            file.flush()
        except OSError:
            os.ftruncate(file.fileno(), end)
            raise


def _whole_lines(file: Any) -> int:
    """Return how many bytes of a file are whole lines."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - 65536)
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def flush_lines(path: Path) -> None:
    """Force a file's lines onto the disk, if it exists.

    Raises: WriteError.
    """
    if path.exists():
        with writing(path), open(path, "rb+") as file:
            os.fsync(file.fileno())


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a file, none if there is no file; half a last line is left out.

    Raises: UserError that names the line that is damaged.
    """
    try:
        *whole, _ = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"{path} could not be read: {error.strerror or error}") from error
    return [_parse(path, number, line) for number, line in enumerate(whole, start=1)]


def _parse(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{path} line {number} is damaged ({shorten(error)}): delete that line"
        ) from error
    if not isinstance(value, dict):
        raise UserError(f"{path} line {number} is no object: delete that line")
    return value
