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
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from minir1.errors import UserError, shorten
from minir1.model_config import ModelConfig
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

__all__ = [
    "load_checkpoint",
    "read_config",
    "read_metadata",
    "require_same_tokenizer",
    "resolve",
    "save_checkpoint",
]

OURS = "minir1.json"
Head = Literal["CausalLM", "SequenceClassification"]  # what the decoder ends in: words, a score
AGAIN = "copy the folder again, or use an earlier checkpoint"


def save_checkpoint(
    folder: str | Path,
    params: Mapping[str, np.ndarray],
    config: ModelConfig,
    tokenizer: WordTokenizer,
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
    _require_shapes(stored, config, folder, "these parameters", head)
    _require_finite(stored, folder, f"not saved; as {dtype} ")
    _require_vocabulary(config, tokenizer, folder)
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
                _write_json(new / "generation_config.json", _generation(ids))
            _write_json(new / OURS, ours)
            write_flushed(new / WEIGHTS, pack(stored, "format", "pt"))
            flush_tree(new)
            _require_ours(folder, new)
            replace_folder(new, folder)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    return folder


def _save_tokenizer(tokenizer: WordTokenizer, folder: Path) -> None:
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


def _generation(ids: dict[str, int]) -> dict[str, Any]:
    """Return how other tools should sample: the model's own distribution, nothing cut off."""
    named = {f"{name}_token_id": value for name, value in ids.items()}
    return {**named, "do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0}


def _architecture(config: ModelConfig, head: Head) -> dict[str, Any]:
    """Name the model's class as transformers does; one that scores has a single label."""
    words = config.ARCHITECTURES[config.model_type]
    named = {"architectures": [words.replace("CausalLM", head)]}
    return named if head == "CausalLM" else {**named, "num_labels": 1}


def load_checkpoint(
    folder: str | Path, head: Head = "CausalLM"
) -> tuple[dict[str, np.ndarray], ModelConfig, WordTokenizer]:
    """Read a checkpoint folder: parameters in float32, shape, tokenizer.

    Raises: UserError that names the file, what is wrong with it and what to do.
    """
    folder = _present(Path(folder))
    config = read_config(folder)
    tokenizer = WordTokenizer.load(folder)
    _require_vocabulary(config, tokenizer, folder)
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
    stored = _without_copies(stored, config)
    _require_shapes(stored, config, path, "the file", head)
    params = {name: value.astype(np.float32) for name, value in stored.items()}
    _require_finite(params, path, "")
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


def require_parameters(params: dict[str, np.ndarray], config: ModelConfig, where: Path) -> None:
    """Refuse parameters of another shape than the model's, NaN and infinity.

    Raises: UserError that names the tensor.
    """
    _require_shapes(params, config, where, "the file", "CausalLM")
    _require_finite(params, where, "")


def _without_copies(
    stored: dict[str, np.ndarray], config: ModelConfig
) -> dict[str, np.ndarray]:
    """Drop what other tools write twice: a tied output layer, the rotary frequencies."""
    kept = {n: v for n, v in stored.items() if not n.endswith("rotary_emb.inv_freq")}
    head, embedding = kept.get("lm_head.weight"), kept.get("model.embed_tokens.weight")
    if head is None or embedding is None or not config.tie_word_embeddings:
        return kept
    if np.array_equal(head, embedding):
        del kept["lm_head.weight"]
    return kept


def _shapes(config: ModelConfig, head: Head) -> dict[str, tuple[int, ...]]:
    """Name every parameter of a decoder with a head, and its shape."""
    from minir1.model import parameter_shapes

    shapes = parameter_shapes(config)
    if head == "SequenceClassification":
        shapes.pop("lm_head.weight", None)
        shapes["score.weight"] = (1, config.hidden_size)
    return shapes


def _require_shapes(
    arrays: dict[str, np.ndarray], config: ModelConfig, where: Path, what: str, head: Head
) -> None:
    """Refuse parameters that are not exactly those of the model's shape."""
    if config.num_hidden_layers > len(arrays):
        layers = f"{config.num_hidden_layers} layers"
        raise UserError(
            f"{where}: config.json says {layers}, {what} hold {len(arrays)} tensors"
        )
    wanted = _shapes(config, head)
    missing = [name for name in wanted if name not in arrays]
    surplus = [name for name in arrays if name not in wanted]
    for names, said in ((missing, "lacks"), (surplus, "has surplus")):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise UserError(
                f"{where}: {what} {said} tensor {shorten(names[0])}{more}; "
                f"wanted the {len(wanted)} tensors that config.json describes"
            )
    for name, shape in wanted.items():
        if arrays[name].shape != shape:
            raise UserError(
                f"{where}: {name} has shape {arrays[name].shape}; config.json wants {shape}"
            )
        if arrays[name].dtype.kind != "f":
            raise UserError(f"{where}: {name} has type {arrays[name].dtype}; wanted floats")


def _require_finite(arrays: dict[str, np.ndarray], where: Path, said: str) -> None:
    """Refuse NaN and infinity, naming the tensor."""
    for name, value in arrays.items():
        bad = value.size - int(np.isfinite(value).sum())
        if bad:
            kind = "NaN" if np.isnan(value).any() else "infinity"
            raise UserError(
                f"{where}: {said}{name} holds {kind} ({bad:,} of {value.size:,} values); "
                "go back to an earlier checkpoint"
            )


def _require_vocabulary(config: ModelConfig, tokenizer: WordTokenizer, where: Path) -> None:
    """Refuse a tokenizer with ids beyond the embedding (an embedding may have spare rows)."""
    if len(tokenizer) > config.vocab_size:
        raise UserError(
            f"{where}: tokenizer.json has {len(tokenizer)} words, config.json a vocab_size of "
            f"{config.vocab_size}; {AGAIN}"
        )


def require_same_tokenizer(
    a: WordTokenizer, b: WordTokenizer, name_a: str = "one", name_b: str = "the other"
) -> None:
    """Refuse two checkpoints whose token ids mean different words."""
    if a.fingerprint() != b.fingerprint():
        raise UserError(
            f"{name_a} and {name_b} have different tokenizers ({len(a)} words, "
            f"{a.fingerprint()}; {len(b)} words, {b.fingerprint()}): wanted checkpoints that "
            "grew from the same base"
        )
