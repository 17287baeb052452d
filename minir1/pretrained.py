"""How does somebody else's model become parameters, a shape and a tokenizer of ours?

A Hugging Face folder of the Llama and Qwen family, or a GGUF file; a name on the Hub is
looked up by `hub.py`. Checkpoints that minir1 wrote from such a model open here too.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from minir1.checkpoint import OURS, read_checkpoint
from minir1.errors import UserError, shorten
from minir1.gguf_model import read_params, read_shape
from minir1.gguf_tokenizer import read_tokenizer
from minir1.hub import locate
from minir1.machine import require_memory
from minir1.model import parameter_shapes
from minir1.model_config import ModelConfig
from minir1.parameters import require_finite, require_shapes, without_copies
from minir1.storage.files import read_json
from minir1.storage.gguf_file import open_gguf
from minir1.storage.shards import find_tensors
from minir1.text_tokenizer import TextTokenizer
from minir1.vocabulary import require_vocabulary, speaks_text

Opened = tuple[dict[str, np.ndarray], ModelConfig, TextTokenizer]
BYTES = 4  # of a number in float32


def open_model(path_or_repo: str | Path) -> Opened:
    """Read a pretrained model: parameters in float32, shape, tokenizer.

    Raises: UserError that says what is wrong with it and what to do.
    """
    path = locate(path_or_repo)
    params, config, tokenizer = _open_folder(path) if path.is_dir() else _open_gguf(path)
    require_vocabulary(config, tokenizer, path)
    require_shapes(params, config, path, "the weights", "CausalLM")
    require_finite(params, path, "")
    in_order = {name: params[name] for name in parameter_shapes(config)}
    return in_order, config, tokenizer


def _open_gguf(path: Path) -> Opened:
    file = open_gguf(path)
    config, tokenizer = read_shape(file), read_tokenizer(file)
    numbers = sum(math.prod(entry.shape) for entry in file.entries.values())
    require_memory(BYTES * numbers, str(path))
    return read_params(file, config), config, tokenizer


def _open_folder(folder: Path) -> Opened:
    config = _shape(folder)
    if (folder / "tokenizer.json").is_file() and not speaks_text(folder):
        raise UserError(
            f"{folder} is a model of the tiny world: type minir1 train --tiny --base {folder}"
        )
    if (folder / OURS).is_file():
        params, config, tokenizer = read_checkpoint(folder)
        assert isinstance(tokenizer, TextTokenizer)
        return params, config, tokenizer
    tokenizer = TextTokenizer.load(folder)
    tensors = find_tensors(folder)
    require_memory(BYTES * sum(stored.size for stored in tensors.values()), str(folder))
    params = {name: stored.read() for name, stored in tensors.items()}
    return without_copies(params, config), config, tokenizer


def _shape(folder: Path) -> ModelConfig:
    """Read config.json; what this decoder does not compute, mlx-lm may.

    Raises: UserError.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise UserError(f"{folder} {_instead(folder)}")
    config = read_json(path)
    try:
        return ModelConfig.from_hf(config)
    except UserError as error:
        raise UserError(
            f"{path}: {error}; --backend mlx runs whatever mlx-lm does, quantised too"
        ) from error


def _instead(folder: Path) -> str:
    """Say what a folder without config.json holds, and what to give instead."""
    files = sorted(folder.glob("*.gguf"))
    if files:
        return f"has no config.json: give the file, {shorten(files[0], 200)}"
    if (folder / "adapter_config.json").is_file():
        return "holds adapters alone: merge them into their model first"
    return "has no config.json: wanted a model's Hugging Face folder or a .gguf file"
