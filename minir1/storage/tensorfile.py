"""How do arrays get into one file and back, and how is a damaged file noticed?

The format is safetensors: a JSON header, then the bytes. It cannot run code, unlike pickle.
The format itself notices a truncated file; a digest of the contents notices a flipped bit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from minir1.errors import UserError, shorten

DTYPES = {
    "BOOL": np.bool_,
    "U8": np.uint8,
    "U32": np.uint32,
    "U64": np.uint64,
    "I8": np.int8,
    "I32": np.int32,
    "I64": np.int64,
    "F16": np.float16,
    "F32": np.float32,
    "F64": np.float64,
}


def digest(arrays: Mapping[str, np.ndarray]) -> str:
    """Name the contents in 32 hex digits: equal if and only if every bit is."""
    total = hashlib.blake2b(digest_size=16)
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        total.update(f"{name} {array.dtype.name} {array.shape} ".encode())
        total.update(array.tobytes())
    return total.hexdigest()


def pack(arrays: Mapping[str, np.ndarray], key: str, value: str) -> bytes:
    """Return a safetensors file with one metadata entry.

    One, because the library writes several in an order that changes between processes:
    so equal contents are equal bytes.
    """
    from safetensors.numpy import save

    return save({k: np.asarray(v, order="C") for k, v in arrays.items()}, {key: value})


def unpack(data: bytes, key: str) -> tuple[dict[str, np.ndarray], str]:
    """Return what `pack` wrote, from bytes that are known to be whole."""
    from safetensors.numpy import load

    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return load(data), header["__metadata__"][key]


def read_tensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read a safetensors file: its arrays (bfloat16 as float32) and its metadata.

    Raises: UserError if the file is missing, unreadable, truncated or corrupt.
    """
    from safetensors import SafetensorError, deserialize

    try:
        data = path.read_bytes()
        entries = deserialize(data)
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing") from error
    except OSError as error:
        raise UserError(f"{path} could not be read: {error.strerror or error}") from error
    except SafetensorError as error:
        why = shorten(str(error).removeprefix("Error while deserializing: "))
        raise UserError(
            f"{path} is truncated or corrupt ({len(data):,} bytes; {why})"
        ) from error
    arrays = {name: _array(path, name, entry) for name, entry in entries}
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return arrays, header.get("__metadata__") or {}


def read_metadata(path: Path) -> dict[str, str]:
    """Read the metadata of a safetensors file without its arrays.

    Raises: UserError if the file is truncated or corrupt.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            return file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path} is truncated or corrupt ({shorten(error)})") from error


def _array(path: Path, name: str, entry: dict[str, Any]) -> np.ndarray:
    """Turn one entry's bytes into an array."""
    dtype = entry["dtype"]
    if dtype == "BF16":  # the upper half of a float32
        high = np.frombuffer(entry["data"], np.uint16).astype(np.uint32) << 16
        return high.view(np.float32).reshape(entry["shape"])
    if dtype not in DTYPES:
        raise UserError(f"{path}: {shorten(name)} has type {dtype}: wanted float16 or float32")
    return np.frombuffer(entry["data"], DTYPES[dtype]).reshape(entry["shape"])
