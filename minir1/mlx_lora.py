"""What is trained of a big model, and what is written down of it? Adapters of low rank.

    y = W x + scale · B A x          W frozen, A and B trained, B = 0 at the start

mlx-lm's own LoRA layers, so that mlx-lm reads what we write: `adapters.safetensors` with
`adapter_config.json`, or a whole folder in which B A has been added to W.
Source: Hu et al. 2021 (LoRA), section 4.1
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten, tree_unflatten
from mlx_lm.tuner.utils import linear_to_lora_layers
from mlx_lm.utils import dequantize_model, save_config, save_model

from minir1.errors import UserError, did_you_mean, shorten
from minir1.rng import generator

# What a folder holds beside weights and config.json: copied as it is.
TOKENIZER_FILES = ("*token*", "*.jinja", "vocab.*", "merges.txt", "generation_config.json")


@dataclass(frozen=True)
class Lora:
    """Which layers get adapters, and how large."""

    rank: int = 8
    scale: float = 20.0  # mlx-lm's default
    layers: int = -1  # the last so many blocks, -1: all
    keys: tuple[str, ...] = ()  # names inside a block such as self_attn.q_proj; none: every one

    def mlx_lm(self) -> dict[str, Any]:
        """Say it as mlx-lm's adapter_config.json does."""
        parameters: dict[str, Any] = {"rank": self.rank, "scale": self.scale, "dropout": 0.0}
        if self.keys:
            parameters["keys"] = list(self.keys)
        return {
            "fine_tune_type": "lora",
            "num_layers": self.layers,
            "lora_parameters": parameters,
        }


def add_lora(model: nn.Module, lora: Lora, seed: int) -> None:
    """Freeze the model and add adapters, which change nothing yet: B is zero.

    A is uniform within ±1/sqrt(inputs), as in mlx-lm, drawn at an address of its own.

    Raises: UserError for a key that names no layer, or a number of layers there is not.
    """
    _check(model, lora)
    model.freeze()
    said = lora.mlx_lm()
    linear_to_lora_layers(model, said["num_layers"], said["lora_parameters"])
    drawn = []
    for name, old in tree_flatten(model.trainable_parameters()):
        if name.endswith("lora_a"):
            inputs = old.shape[-1] if old.ndim == 3 else old.shape[0]  # experts: (E, r, in)
            u = generator(seed, "lora", name).uniform(-1, 1, old.shape) * inputs**-0.5
            drawn.append((name, mx.array(u.astype("float32"))))
    model.update(tree_unflatten(drawn))


def _check(model: nn.Module, lora: Lora) -> None:
    blocks = len(model.layers)
    if lora.layers != -1 and not 1 <= lora.layers <= blocks:
        raise UserError(f"lora layers={lora.layers}: wanted 1 to {blocks}, or -1 for all")
    if lora.rank < 1:
        raise UserError(f"lora rank={lora.rank}: wanted 1 or more")
    names = {name for layer in model.layers for name, _ in layer.named_modules()}
    names |= {name for name, _ in model.named_modules()}
    for key in lora.keys:
        if key not in names:
            guess = did_you_mean(key, names) or "; such as self_attn.q_proj"
            raise UserError(f"lora keys={shorten(key)}: the model has no such layer{guess}")


def without(params: dict[str, Any]) -> dict[str, Any]:
    """Return the same adapters switched off: every B is zero."""
    return {
        name: mx.zeros_like(value) if name.endswith("lora_b") else value
        for name, value in params.items()
    }


def save_adapters(folder: Path, params: dict[str, Any], lora: Lora) -> Path:
    """Write adapters that `mlx_lm.load(base, adapter_path=folder)` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    mx.save_safetensors(str(folder / "adapters.safetensors"), params)
    text = json.dumps(lora.mlx_lm(), indent=2)
    (folder / "adapter_config.json").write_text(text + "\n", encoding="utf-8")
    return folder


def save_fused(
    folder: Path,
    source: Path,
    model: nn.Module,
    config: dict[str, Any],
    dequantize: bool = False,
) -> Path:
    """Write a whole model that mlx-lm loads, adapters added to the weights they adapt.

    A quantised weight is quantised again after the addition, which rounds it once more;
    dequantize=True writes it in full instead. The given model is left as it was.
    """
    said = dict(config)
    replaced = {name: m for name, m in model.named_modules() if hasattr(m, "fuse")}
    fused = [(name, m.fuse(dequantize=dequantize)) for name, m in replaced.items()]
    model.update_modules(tree_unflatten(fused))
    if dequantize:
        replaced |= {name: m for name, m in model.named_modules() if hasattr(m, "bits")}
        said = {k: v for k, v in said.items() if not k.startswith("quantization")}
        dequantize_model(model)
    try:
        save_model(folder, model)
    finally:
        model.update_modules(tree_unflatten(list(replaced.items())))
    save_config(said, folder / "config.json")
    copy_words(source, folder)
    return folder


def copy_words(source: Path, folder: Path, patterns: Sequence[str] = TOKENIZER_FILES) -> None:
    """Copy tokenizer, chat template and generation settings, byte for byte."""
    for pattern in patterns:
        for file in source.glob(pattern):
            if file.is_file():
                shutil.copyfile(file, folder / file.name)
