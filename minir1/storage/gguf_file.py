"""What does a GGUF file say about itself, and which arrays does it hold?

The format of llama.cpp: a header of keys and values, a table of tensors, then their bytes,
mostly quantised. Every count and length is held against the bytes that are there before
anything is made of it, so a damaged file is refused and never fills the memory. The `gguf`
package (an optional extra) turns quantised blocks into floats. What the keys mean for a
model is in `gguf_model.py`.

Source: the GGUF specification, version 3 (ggml, docs/gguf.md)
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minir1.errors import UserError, shorten

MAGIC, VERSIONS = b"GGUF", (2, 3)
LARGEST_HEADER = 2**28  # bytes; a vocabulary of a million words is a tenth of it
LARGEST_DIMENSIONS = 4
# What struct calls the types of single values; 8 is a string, 9 an array.
SCALARS = dict(enumerate("BbHhIif?")) | {10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9
AGAIN = "download or copy the file again"


@dataclass(frozen=True)
class Entry:
    """Where one tensor lies in the file, and how."""

    shape: tuple[int, ...]
    kind: int  # the number of its ggml type: 0 is float32, 3 is Q4_1, …
    offset: int  # bytes from the start of the file
    row_bytes: int


@dataclass(frozen=True)
class GGUFFile:
    """A file that was found whole: its keys, and where its tensors lie."""

    path: Path
    metadata: dict[str, Any]
    entries: dict[str, Entry]

    def read(self, name: str) -> np.ndarray:
        """Return one tensor in float32.

        Raises: UserError for a quantisation that the installed gguf does not know.
        """
        from gguf.constants import GGMLQuantizationType
        from gguf.quants import dequantize

        entry = self.entries[name]
        rows = math.prod(entry.shape[:-1])
        place = (rows, entry.row_bytes)
        stored = np.memmap(self.path, np.uint8, "r", entry.offset, place)
        kind = GGMLQuantizationType(entry.kind)
        try:
            values = dequantize(stored, kind)
        except NotImplementedError as error:
            raise UserError(
                f"{self.path}: {shorten(name)} is {kind.name}, which the installed gguf does "
                "not dequantise: take a file of another kind, such as Q8_0 or F16"
            ) from error
        return np.array(values, np.float32).reshape(entry.shape)


def open_gguf(path: Path) -> GGUFFile:
    """Read the header and the table of tensors, and check that the bytes are there.

    Raises: UserError if gguf is not installed, or the file is missing, damaged or foreign.
    """
    _require_package()
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            cursor = _Cursor(file.read(LARGEST_HEADER))
    except OSError as error:
        why = error.strerror or error
        raise UserError(f"{path} could not be read: {why}") from error
    try:
        return _parse(path, cursor, size)
    except _Damaged as error:
        raise UserError(f"{path} is no whole GGUF file ({error}): {AGAIN}") from error


def _require_package() -> None:
    try:
        import gguf  # noqa: F401
    except ImportError as error:
        raise UserError("GGUF files need a package: pip install 'minir1[gguf]'") from error


class _Damaged(Exception):
    """What is wrong with the bytes."""


class _Cursor:
    """A place in the header that only moves within it."""

    def __init__(self, header: bytes):
        self.header, self.at = header, 0

    def take(self, count: int) -> bytes:
        """Return the next bytes."""
        if count > len(self.header) - self.at:
            raise _Damaged(f"it ends within its header, at byte {len(self.header):,}")
        self.at += count
        return self.header[self.at - count : self.at]

    def number(self, code: str) -> Any:
        """Return the next value of a struct type, little-endian."""
        return struct.unpack("<" + code, self.take(struct.calcsize("<" + code)))[0]

    def text(self) -> str:
        """Return the next string: its length, then UTF-8."""
        return self.take(self.number("Q")).decode("utf-8", "replace")

    def value(self, kind: int) -> Any:
        """Return the next value of a GGUF type."""
        if kind == STRING:
            return self.text()
        if kind == ARRAY:
            return self.array(self.number("I"), self.number("Q"))
        if kind not in SCALARS:
            raise _Damaged(f"a value of unknown type {kind}")
        return self.number(SCALARS[kind])

    def array(self, kind: int, count: int) -> list[Any]:
        """Return the next values of one type; arrays of arrays are not in use."""
        if kind == STRING and count <= len(self.header) // 8:
            return [self.text() for _ in range(count)]
        if kind not in SCALARS:
            raise _Damaged(f"an array of {count:,} values of type {kind}")
        data = self.take(count * struct.calcsize("<" + SCALARS[kind]))
        return [value for (value,) in struct.iter_unpack("<" + SCALARS[kind], data)]


def _parse(path: Path, cursor: _Cursor, size: int) -> GGUFFile:
    """Read everything before the tensors' bytes."""
    if cursor.take(4) != MAGIC:
        raise _Damaged("it does not begin with GGUF")
    version = cursor.number("I")
    if version not in VERSIONS:
        raise _Damaged(f"its version is {version}: wanted 2 or 3, little-endian")
    tensors, keys = cursor.number("Q"), cursor.number("Q")
    metadata = {}
    for _ in range(keys):  # a count that lies ends at the end of the header
        name = cursor.text()
        metadata[name] = cursor.value(cursor.number("I"))
    table = {}
    for _ in range(tensors):
        name = cursor.text()
        if name in table:
            raise _Damaged(f"two tensors are called {shorten(name)}")
        table[name] = _table_row(cursor)
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or alignment < 1:
        raise _Damaged(f"its alignment is {shorten(alignment)}")
    start = -(-cursor.at // alignment) * alignment
    entries = {name: _entry(name, row, start, size) for name, row in table.items()}
    return GGUFFile(path, metadata, entries)


def _table_row(cursor: _Cursor) -> tuple[tuple[int, ...], int, int]:
    """Return the next tensor's shape (slowest dimension first), type and offset."""
    count = cursor.number("I")
    if not 1 <= count <= LARGEST_DIMENSIONS:
        raise _Damaged(f"a tensor of {count:,} dimensions")
    shape = tuple(cursor.number("Q") for _ in range(count))[::-1]
    return shape, cursor.number("I"), cursor.number("Q")


def _entry(name: str, row: tuple[tuple[int, ...], int, int], start: int, size: int) -> Entry:
    """Find where a tensor lies and check that the file reaches that far."""
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

    shape, number, offset = row
    try:
        block, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType(number)]
    except (ValueError, KeyError):
        raise _Damaged(f"{shorten(name)} has unknown type {number}") from None
    if min(shape) < 1 or shape[-1] % block:
        raise _Damaged(f"{shorten(name)} has shape {shape}")
    row_bytes = shape[-1] // block * block_bytes
    end = start + offset + math.prod(shape[:-1]) * row_bytes
    if end > size:
        raise _Damaged(f"{shorten(name)} ends at byte {end:,} of {size:,}")
    return Entry(shape, number, start + offset, row_bytes)
