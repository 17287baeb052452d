"""How is a checkpoint written so that every tool reads it? As a plain Hugging Face folder.

config.json, model.safetensors in one file and one type, the tokenizer's files as they were,
the chat template, and a generation_config.json that samples the model's own distribution and
stops at every token that ends a text. Nothing that only minir1 knows.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from minir1.checkpoint import OURS, read_checkpoint
from minir1.errors import UserError
from minir1.export.source import Source
from minir1.machine import require_memory
from minir1.model_config import ModelConfig
from minir1.parameters import require_finite
from minir1.pretrained import open_model
from minir1.storage.files import read_json, to_json, writing
from minir1.storage.resolve import WEIGHTS
from minir1.storage.shards import find_tensors
from minir1.vocabulary import AnyTokenizer, load_tokenizer

DTYPES = {"float32": ("F32", 4), "float16": ("F16", 2), "bfloat16": ("BF16", 2)}
BYTES = 4  # of a number while it is converted


def write_model(source: Source, folder: Path, dtype: str = "float32") -> AnyTokenizer:
    """Write a model into a new folder; return its tokenizer.

    Raises: UserError for a model that cannot be read, or does not fit the type.
    """
    tensors, config, tokenizer = _open(source.place)
    ids = {"bos": tokenizer.bos_id, "eos": tokenizer.eos_id, "pad": tokenizer.pad_id}
    shape = config.to_hf(**ids) if isinstance(config, ModelConfig) else dict(config)
    shape.pop("torch_dtype", None)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        tokenizer.save(folder)
        _write(folder / "config.json", {**shape, "dtype": dtype})
        _write(folder / "generation_config.json", _generation(ids, tokenizer))
        _save(folder / WEIGHTS, tensors, dtype, source.place)
    return tokenizer


def _open(
    place: Path,
) -> tuple[dict[str, np.ndarray], ModelConfig | dict[str, Any], AnyTokenizer]:
    """Open ours and GGUF files with every check; another folder's tensors as they are."""
    if place.is_file():
        return open_model(place)
    if (place / OURS).is_file():
        return read_checkpoint(place)
    config = read_json(place / "config.json")
    if config.get("quantization") or config.get("quantization_config"):
        raise UserError(
            f"{place} is quantised: wanted weights in full; mlx_lm convert -d writes them"
        )
    tokenizer, found = load_tokenizer(place), find_tensors(place)
    require_memory(2 * BYTES * sum(tensor.size for tensor in found.values()), str(place))
    return {name: tensor.read() for name, tensor in found.items()}, config, tokenizer


def stored(values: np.ndarray, dtype: str) -> np.ndarray:
    """Round numbers to a type; bfloat16, which numpy lacks, as the upper halves of float32."""
    if dtype != "bfloat16":
        with np.errstate(over="ignore"):  # float16 ends at 65,504
            return np.ascontiguousarray(values.astype(dtype))
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    to_even = ((bits >> 16) & 1) + np.uint32(0x7FFF)
    return ((bits + to_even) >> 16).astype(np.uint16)


def _save(path: Path, tensors: Mapping[str, np.ndarray], dtype: str, where: Path) -> None:
    """Write a safetensors file in one type, a tensor at a time.

    The library writes no bfloat16 from numpy; the format is a JSON header and the bytes.

    Raises: UserError for what is not finite in that type.
    """
    label, width = DTYPES[dtype]
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, values in tensors.items():
        start, end = end, end + width * values.size
        header[name] = {"dtype": label, "shape": values.shape, "data_offsets": [start, end]}
    text = to_json(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, values in tensors.items():
            rounded = stored(values, dtype)
            number = values if dtype == "bfloat16" else rounded
            require_finite({name: number}, where, f"not exported; as {dtype} ")
            file.write(rounded.tobytes())


def _write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(to_json(value, indent=2) + "\n", encoding="utf-8")


def _generation(ids: dict[str, int | None], tokenizer: AnyTokenizer) -> dict[str, Any]:
    """Return how other tools should sample: temperature 1, nothing cut off."""
    named: dict[str, Any] = {f"{n}_token_id": i for n, i in ids.items() if i is not None}
    named["eos_token_id"] = list(tokenizer.eos_ids)
    return {**named, "do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0}


@contextmanager
def new_folder(out: str | Path) -> Iterator[Path]:
    """Give a folder to fill, which appears under its name when it is whole, or not at all.

    Raises: UserError if there is something of that name already.
    """
    folder = Path(out).absolute()
    if os.path.lexists(folder) and not (folder.is_dir() and not any(folder.iterdir())):
        raise UserError(f"--out {out} holds something already: wanted a new folder")
    new = folder.parent / f".{folder.name}.new"
    shutil.rmtree(new, ignore_errors=True)
    try:
        with writing(folder):
            new.mkdir(parents=True)
        yield new
        with writing(folder):
            os.replace(new, folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
