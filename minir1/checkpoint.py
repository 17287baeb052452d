"""How does a model become a folder that any tool reads, and a folder a model again?

A checkpoint is a Hugging Face folder: config.json, model.safetensors, tokenizer.json,
generation_config.json and what goes with them; `minir1.json` holds what only we know (a
digest of the weights, the tokenizer's fingerprint, how the checkpoint was made). Writing is
atomic. Reading believes nothing: every fault is named, with the file and what to do.
Leaves out what resume needs beside the weights: that is in `runfolder.py`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from minir1.errors import UserError, shorten
from minir1.model_config import ModelConfig
from minir1.parameters import Head, require_finite, require_shapes, without_copies
from minir1.storage.files import (
    flush_tree,
    kept_aside,
    read_json,
    replace_folder,
    to_json,
    write_flushed,
    writing,
)
from minir1.storage.resolve import WEIGHTS, guess, resolve
from minir1.storage.tensorfile import digest, pack, read_tensors
from minir1.tokenizer import WordTokenizer
from minir1.vocabulary import (
    AGAIN,
    AnyTokenizer,
    load_tokenizer,
    require_same_tokenizer,
    require_vocabulary,
)

__all__ = [
    "load_checkpoint",
    "read_checkpoint",
    "read_config",
    "read_metadata",
    "require_same_tokenizer",
    "resolve",
    "save_checkpoint",
]

OURS = "minir1.json"


def save_checkpoint(
    folder: str | Path,
    params: Mapping[str, np.ndarray],
    config: ModelConfig,
    tokenizer: AnyTokenizer,
    dtype: Literal["float32", "float16"] = "float32",
    metadata: Mapping[str, Any] | None = None,
    head: Head = "CausalLM",
) -> Path:
    """Write a Hugging Face folder that appears whole or not at all.

    What is there already stays until the new one is complete and on the disk. Parameters
    with NaN or infinity are refused (float16 ends at 65,504), so that a broken run never
    replaces a good checkpoint.

    Raises: UserError for bad parameters; WriteError if the disk says no.
    """
    folder = Path(folder).absolute()
    with np.errstate(over="ignore"):  # float16 ends at 65,504; refused below, by name
        stored = {name: np.asarray(value).astype(dtype) for name, value in params.items()}
    require_shapes(stored, config, folder, "these parameters", head)
    require_finite(stored, folder, f"not saved; as {dtype} ")
    require_vocabulary(config, tokenizer, folder)
    ours = {
        "schema": 1,
        "digest": digest(stored),
        "tokenizer": tokenizer.fingerprint(),
        "metadata": dict(metadata or {}),
    }
    ids = {"bos": tokenizer.bos_id, "eos": tokenizer.eos_id, "pad": tokenizer.pad_id}
    new = folder.parent / f".{folder.name}.new"
    with writing(folder):
        try:
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir(parents=True)
            _save_tokenizer(tokenizer, new)
            named = {**config.to_hf(**ids), **_architecture(config, head), "dtype": dtype}
            _write_json(new / "config.json", named)
            if head == "CausalLM":
                _write_json(new / "generation_config.json", _generation(ids, tokenizer.eos_ids))
            _write_json(new / OURS, ours)
            write_flushed(new / WEIGHTS, pack(stored, "format", "pt"))
            flush_tree(new)
            _require_ours(folder, new)
            replace_folder(new, folder)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    return folder


def _save_tokenizer(tokenizer: AnyTokenizer, folder: Path) -> None:
    """Write the tokenizer's files; its library says OSError with a plain Exception."""
    try:
        tokenizer.save(folder)
    except OSError:
        raise
    except Exception as error:
        raise OSError(str(error)) from error


def _require_ours(folder: Path, new: Path) -> None:
    """Refuse to replace a folder that holds anything but a checkpoint's files."""
    if folder.exists():
        others = {p.name for p in folder.iterdir()} - {p.name for p in new.iterdir()}
        if others:
            raise UserError(
                f"{folder} holds other files ({shorten(min(others))}): not replaced; "
                "give a new folder"
            )


def _write_json(path: Path, value: dict[str, Any]) -> None:
    write_flushed(path, (to_json(value, indent=2) + "\n").encode())


def _generation(ids: dict[str, int | None], ends: Sequence[int]) -> dict[str, Any]:
    """Return how other tools should sample: the model's own distribution, nothing cut off."""
    named: dict[str, Any] = {f"{name}_token_id": value for name, value in ids.items()}
    if len(ends) > 1:
        named["eos_token_id"] = list(ends)
    return {**named, "do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0}


def _architecture(config: ModelConfig, head: Head) -> dict[str, Any]:
    """Name the model's class as transformers does; one that scores has a single label."""
    words = config.ARCHITECTURES[config.model_type]
    named = {"architectures": [words.replace("CausalLM", head)]}
    return named if head == "CausalLM" else {**named, "num_labels": 1}


def load_checkpoint(
    folder: str | Path, head: Head = "CausalLM"
) -> tuple[dict[str, np.ndarray], ModelConfig, WordTokenizer]:
    """Read a checkpoint of the tiny world: parameters in float32, shape, words.

    Raises: UserError that names the file, what is wrong with it and what to do.
    """
    params, config, tokenizer = read_checkpoint(folder, head)
    if not isinstance(tokenizer, WordTokenizer):
        raise UserError(
            f"{folder} reads and writes text: wanted a model of the tiny world's words; to "
            f"train it, type minir1 train --model {folder}"
        )
    return params, config, tokenizer


def read_checkpoint(
    folder: str | Path, head: Head = "CausalLM"
) -> tuple[dict[str, np.ndarray], ModelConfig, AnyTokenizer]:
    """Read a checkpoint folder: parameters in float32, shape, tokenizer of either kind.

    Raises: UserError that names the file, what is wrong with it and what to do.
    """
    folder = _present(Path(folder))
    config = read_config(folder)
    tokenizer = load_tokenizer(folder)
    require_vocabulary(config, tokenizer, folder)
    path = folder / WEIGHTS
    if not path.exists():
        kind = "in pieces (model.safetensors.index.json)"
        if not (folder / f"{WEIGHTS}.index.json").exists():
            kind = "missing"
        raise UserError(f"{path} is {kind}: wanted one {WEIGHTS}; {AGAIN}")
    try:
        stored, _ = read_tensors(path)
    except UserError as error:
        raise UserError(f"{error}; {AGAIN}") from error
    ours, found = read_ours(folder), digest(stored)
    if ours.get("digest", found) != found:
        raise UserError(
            f"{path} is not what was saved: its digest differs from {OURS}; {AGAIN} "
            f"(if you changed the weights on purpose, delete {OURS})"
        )
    if ours.get("tokenizer", tokenizer.fingerprint()) != tokenizer.fingerprint():
        raise UserError(
            f"{folder / 'tokenizer.json'} is not the one it was saved with; {AGAIN}"
        )
    stored = without_copies(stored, config)
    require_shapes(stored, config, path, "the file", head)
    params = {name: value.astype(np.float32) for name, value in stored.items()}
    require_finite(params, path, "")
    return params, config, tokenizer


def _present(folder: Path) -> Path:
    """Return the folder to read: also the old one, if a save was cut off between renames."""
    for place in (folder, kept_aside(folder)):
        if os.path.isdir(place):
            return place
    if os.path.exists(folder):
        raise UserError(f"{folder} is a file: wanted a checkpoint folder")
    raise UserError(f"there is no checkpoint {shorten(folder, 200)}{guess(folder)}")


def read_config(folder: Path) -> ModelConfig:
    """Read the model's shape from a folder's config.json."""
    path = folder / "config.json"
    config = read_json(path)
    try:
        return ModelConfig.from_hf(config)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def read_ours(folder: Path) -> dict[str, Any]:
    """Read minir1.json; empty for a folder that another tool wrote."""
    path = Path(folder) / OURS
    return read_json(path) if path.exists() else {}


def read_metadata(folder: str | Path) -> dict[str, Any]:
    """Return what save_checkpoint was given as metadata."""
    metadata = read_ours(_present(Path(folder))).get("metadata", {})
    return metadata if isinstance(metadata, dict) else {}
