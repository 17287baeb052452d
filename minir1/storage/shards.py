"""How are a pretrained model's weights read, so that the memory holds them only once?

A Hugging Face folder has one model.safetensors, or several files and an index that says
which tensor is where. Each tensor is mapped from the disk and turned into float32 by itself.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minir1.errors import UserError, shorten
from minir1.storage.files import read_json
from minir1.storage.resolve import WEIGHTS

INDEX = f"{WEIGHTS}.index.json"
FLOATS = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": np.uint16}
AGAIN = "download or copy it again"


@dataclass(frozen=True)
class Stored:
    """Where one tensor lies: its file, its first byte, its type and its shape."""

    path: Path
    offset: int
    dtype: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Return how many numbers it holds."""
        return math.prod(self.shape)

    def read(self) -> np.ndarray:
        """Return the tensor in float32."""
        kind = FLOATS[self.dtype]
        with self.path.open("rb") as file:
            values = np.fromfile(file, kind, self.size, offset=self.offset)
        if self.dtype == "BF16":  # the upper half of a float32
            values = (values.astype(np.uint32) << 16).view(np.float32)
        return values.astype(np.float32, copy=False).reshape(self.shape)


def find_tensors(folder: Path) -> dict[str, Stored]:
    """List every tensor of a folder's weights without reading any.

    Raises: UserError if a file is missing, damaged, or of another type than floats.
    """
    tensors: dict[str, Stored] = {}
    for path in _files(folder):
        for name, stored in _table(path):
            if name in tensors:
                raise UserError(f"{folder}: tensor {shorten(name)} is in two files; {AGAIN}")
            tensors[name] = stored
    return tensors


def _files(folder: Path) -> list[Path]:
    """Return the files that hold the weights."""
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / INDEX).is_file():
        named = read_json(folder / INDEX).get("weight_map")
        names = set(named.values()) if isinstance(named, dict) else set()
        if not names or any(not isinstance(n, str) or Path(n).name != n for n in names):
            raise UserError(f"{folder / INDEX} names no files of this folder; {AGAIN}")
        return [folder / name for name in sorted(names)]
    old = next(iter(sorted(folder.glob("*.bin"))), None)
    if old:
        raise UserError(
            f"{old} holds pickles, which can run code: wanted {WEIGHTS}; transformers writes "
            "it with save_pretrained"
        )
    raise UserError(f"{folder} holds no weights: wanted {WEIGHTS} or a .gguf file")


def _table(path: Path) -> Iterator[tuple[str, Stored]]:
    """Yield the tensors of one file; the safetensors library checks that it is whole."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np"):
            pass
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length))
    except (OSError, ValueError, SafetensorError) as error:
        why = "it is missing" if not path.exists() else shorten(error)
        raise UserError(f"{path} could not be read ({why}); {AGAIN}") from error
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if entry["dtype"] not in FLOATS:
            raise UserError(
                f"{path}: {shorten(name)} has type {entry['dtype']}: wanted float32, float16 "
                "or bfloat16; for quantised weights, type --backend mlx"
            )
        start = 8 + length + entry["data_offsets"][0]
        yield name, Stored(path, start, entry["dtype"], tuple(entry["shape"]))
