"""Are these the parameters that the shape describes?

Missing, surplus, misshapen or broken tensors are refused by name, before anything computes
with them. What other tools write twice is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from minir1.errors import UserError, shorten
from minir1.model_config import ModelConfig

Head = Literal["CausalLM", "SequenceClassification"]  # what the decoder ends in: words, a score


def without_copies(stored: dict[str, np.ndarray], config: ModelConfig) -> dict[str, np.ndarray]:
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


def require_shapes(
    arrays: Mapping[str, np.ndarray], config: ModelConfig, where: Path, what: str, head: Head
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


def require_finite(arrays: Mapping[str, np.ndarray], where: Path, said: str) -> None:
    """Refuse NaN and infinity, naming the tensor."""
    for name, value in arrays.items():
        bad = value.size - int(np.isfinite(value).sum())
        if bad:
            kind = "NaN" if np.isnan(value).any() else "infinity"
            raise UserError(
                f"{where}: {said}{name} holds {kind} ({bad:,} of {value.size:,} values); "
                "go back to an earlier checkpoint"
            )
