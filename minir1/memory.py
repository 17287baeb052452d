"""Does it fit? What a run will hold in memory, counted before it begins.

    held all the time   weights, and what is trained with its reference and AdamW's averages
    and one of          rollout: the cache of keys and values, the scores of every row
                        micro-batch: what the backward pass needs, the scores, the gradient
                        optimiser step: the new parameters and averages beside the old
                        saving: the state as bytes, twice, on its way to the disk

An estimate from the shape of the model; on MLX what was measured lay between 0.7 and 1.5 of
what is counted (see the tests), on numpy near 1.45 of it, which is therefore added. A run
that cannot fit is refused before it begins, with what to change.
"""

import resource
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from minir1.backend import xp
from minir1.errors import UserError
from minir1.machine import available_memory

WIDE = 4  # bytes of a float32
NUMPY_SLACK = 1.45  # measured over counted, on a model of 135M parameters
CACHE_STEP = 256  # positions by which mlx-lm lets a cache grow


@dataclass(frozen=True)
class Shape:
    """The numbers of a decoder that memory follows from."""

    layers: int
    width: int  # C
    inner: int  # F, of the feed-forward layer, all experts that a token meets
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Shape":
        """Read a config.json of Hugging Face, whatever the architecture calls things."""
        said = {**config, **(config.get("text_config") or {})}

        def first(names: str, default: int = 1) -> int:
            found = [said[name] for name in names.split() if isinstance(said.get(name), int)]
            return found[0] if found else default

        width, heads = first("hidden_size n_embd d_model"), first("num_attention_heads n_head")
        inner = first("intermediate_size n_inner d_ff", 4 * width)
        experts = first("num_experts_per_tok num_experts_per_token", 0)
        return cls(
            layers=first("num_hidden_layers n_layer n_layers"),
            width=width,
            inner=experts * first("moe_intermediate_size", inner) if experts else inner,
            heads=heads,
            kv_heads=first("num_key_value_heads", heads),
            head_dim=first("head_dim", width // heads),
            vocabulary=first("vocab_size"),
        )


@dataclass(frozen=True)
class Workload:
    """What a run does at once."""

    rows: int  # completions that are written together
    length: int  # tokens of a prompt and its completion, at most
    tokens: int  # of a micro-batch
    trained: int  # numbers that are trained
    everything: bool  # every weight is trained, so the reference is a copy
    width: int = WIDE  # bytes of a number that the model computes with
    checkpoint: bool = False  # layers are computed again in the backward pass
    numpy: bool = False  # our own engine: transposed copies, and temporaries not counted


@dataclass(frozen=True)
class Plan:
    """Bytes by what they are for; `total` is the most that is held at one time."""

    weights: int
    training: int
    cache: int
    rollout: int
    activations: int
    logits: int
    gradient: int
    step: int
    saving: int
    slack: float = 1.0

    @property
    def total(self) -> int:
        """Add what is always there to the hungriest of the three phases."""
        update = self.activations + self.logits + self.gradient
        phases = self.cache + self.rollout, update, self.step, self.saving
        return int(self.slack * (self.weights + self.training + max(phases)))

    def parts(self) -> list[tuple[str, int]]:
        """Name the parts as a user thinks of them."""
        return [
            ("weights", self.weights),
            ("training", self.training + max(self.step, self.saving)),
            ("cache", self.cache + self.rollout),
            ("activations", self.activations + self.logits + self.gradient),
        ]

    def describe(self) -> str:
        """Say the plan in one line."""
        parts = ", ".join(f"{name} {gigabytes(size)}" for name, size in self.parts())
        return f"memory about {gigabytes(self.total)} at most: {parts}"


def plan(shape: Shape, load: Workload, weights: int) -> Plan:
    """Estimate what a run holds; weights are the bytes of the model as it is loaded.

    If every weight is trained, they are trained in float32 beside the model's own copy.
    """
    copies = 4 if load.everything else 3  # parameters, two averages, the reference
    cast = load.trained * load.width if load.everything and load.width < WIDE else 0
    held = 2 * weights if load.numpy else cast  # the policy's and the reference's, transposed
    reach = -(-load.length // CACHE_STEP) * CACHE_STEP
    pair = 2 * shape.kv_heads * shape.head_dim * load.width
    return Plan(
        weights=held if load.everything else weights,
        training=copies * load.trained * WIDE,
        cache=load.rows * reach * shape.layers * pair,
        rollout=5 * load.rows * shape.vocabulary * WIDE,
        activations=_activations(shape, load),
        logits=4 * load.tokens * shape.vocabulary * WIDE,
        gradient=2 * load.trained * WIDE,
        step=5 * load.trained * WIDE,
        saving=2 * 3 * load.trained * WIDE,
        slack=NUMPY_SLACK if load.numpy else 1.0,
    )


def _activations(shape: Shape, load: Workload) -> int:
    """Count what the backward pass reads again: of every layer, or of one."""
    heads = (2 * shape.heads + 2 * shape.kv_heads) * shape.head_dim
    token = 6 * shape.width + 2 * heads + 5 * shape.inner
    layer = load.tokens * token * load.width
    if not load.everything and load.width < WIDE:  # adapters read float32 copies
        inputs = 5 * shape.width + shape.heads * shape.head_dim + shape.inner
        layer += load.tokens * inputs * WIDE
    scores = 4 * shape.heads * load.tokens * load.length * WIDE  # of one layer at a time
    if load.checkpoint:
        kept = shape.layers * load.tokens * shape.width * load.width
        return kept + layer * 3 // 2 + scores
    return shape.layers * layer + scores


def require(found: Plan, free: int) -> None:
    """Refuse a run that cannot fit. Raises: UserError that says what to change."""
    if found.total <= free:
        return
    advice = {
        "weights": "take a smaller or a quantised model",
        "training": "train adapters only: --tune lora",
        "cache": "lower sample.rows_per_chunk or sample.max_tokens",
        "activations": "lower grpo.tokens_per_microbatch",
    }
    largest = max(found.parts(), key=lambda part: part[1])[0]
    raise UserError(
        f"needs about {gigabytes(found.total)} of memory, {gigabytes(free)} are free, and "
        f"most of it is for {largest}: {advice[largest]}"
    )


def free_memory() -> int:
    """Return the bytes that this process may still take, as the machine says it."""
    if xp.name == "mlx":
        from minir1.mlx_memory import working_set

        return working_set() or available_memory() or sys.maxsize
    return available_memory() or sys.maxsize


def peak() -> int:
    """Return the most bytes held so far, by the process or by MLX's arrays."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    held = most if sys.platform == "darwin" else most * 1024
    if xp.name != "mlx":
        return held
    from minir1 import mlx_memory

    return max(held, mlx_memory.peak())


def gigabytes(size: float) -> str:
    """Say a size as people do: 1.6 GB, 340 MB."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(1, round(size / 1e6))} MB"
