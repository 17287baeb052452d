"""How is a file written so that a crash, a full disk or a kill loses nothing?

A file or folder is written whole beside its place under another name, flushed to the disk
(fsync), and only then renamed: a reader finds the old one or the new one, never half of one.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from minir1.errors import UserError, shorten

_locks: dict[Path, IO[bytes]] = {}  # held until the process ends
LARGEST_JSON = 64 * 2**20  # bytes; a larger file is not one of ours


class WriteError(UserError):
    """The disk said no: which file could not be written, and why."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the system's refusal to write into one line that names the file.

    Raises: WriteError.
    """
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise WriteError(f"{path} could not be written: {why}") from error


def flush_folder(folder: Path) -> None:
    """Force a folder's list of names onto the disk, where the system can do that."""
    if os.name == "nt":
        return  # Windows cannot open a folder
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def flush_tree(folder: Path) -> None:
    """Force the files of a folder onto the disk, and then its list of names."""
    for path in sorted(folder.iterdir()):
        with open(path, "rb+") as file:
            os.fsync(file.fileno())
    flush_folder(folder)


def write_flushed(path: Path, data: bytes) -> None:
    """Write a file and force it onto the disk."""
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace_file(path: Path, data: bytes) -> None:
    """Put a file in place of another in one instant; until then the old one stays whole.

    Raises: WriteError, and the old file is as it was.
    """
    new = path.with_name(f".{path.name}.new")
    with writing(path):
        try:
            write_flushed(new, data)
            os.replace(new, path)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
        flush_folder(path.parent)


def kept_aside(folder: Path) -> Path:
    """Return where the old folder waits during the two renames of replace_folder."""
    return folder.parent / f".{folder.name}.old"


def replace_folder(new: Path, folder: Path) -> None:
    """Put a complete folder in place of another, which a crash cannot lose.

    No system call swaps two folders everywhere, so the old one steps aside for an instant;
    who reads looks there too (see `kept_aside`).
    """
    old = kept_aside(folder)
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.replace(folder, old)
    try:
        os.replace(new, folder)
    except OSError:
        if old.exists():
            os.replace(old, folder)
        raise
    flush_folder(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def lock_folder(folder: Path) -> None:
    """Refuse a folder that another living process writes to; a kill frees it.

    Where the system has no such locks (Windows, some network disks) nothing is refused.

    Raises: UserError.
    """
    try:
        import fcntl
    except ImportError:
        return
    place = folder.resolve()
    if place in _locks and os.path.exists(place / ".lock"):
        return
    with writing(folder / ".lock"):
        file = open(place / ".lock", "ab")  # noqa: SIM115 (stays open: it is the lock)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise UserError(
            f"{folder} is in use by another process: wait until it ends, or stop it"
        ) from error
    except OSError:
        pass
    _locks[place] = file


def to_json(value: Any, indent: int | None = None) -> str:
    """Write JSON that every reader takes: NaN and infinity are refused.

    Raises: ValueError for NaN or infinity, TypeError for what JSON cannot hold.
    """
    return json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False, default=_plain)


def _plain(value: Any) -> Any:
    """Turn numpy's numbers and arrays, and other mappings, into what JSON holds."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"JSON cannot hold {value!r}")


def encode(text: str) -> bytes:
    """Return JSON text as UTF-8; half a surrogate pair becomes the JSON escape for it."""
    return text.encode("utf-8", "backslashreplace")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Raises: UserError if it is missing, unreadable, broken or something else.
    """
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise UserError(
                f"{path} is {path.stat().st_size:,} bytes: wanted a small JSON file"
            )
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing") from error
    except OSError as error:
        raise UserError(f"{path} could not be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not valid JSON: {shorten(error)}") from error
    if not isinstance(value, dict):
        raise UserError(f"{path} holds {shorten(repr(value))}: wanted a JSON object")
    return value
