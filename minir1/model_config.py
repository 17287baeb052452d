"""What shape is the decoder, and how do Hugging Face's config.json files say it?

Three architectures that are one computation: Llama; Qwen 2 (biases on the query, key and
value projections); Qwen 3 (queries and keys normalised). A variant that minir1 does not
compute is refused here, by name. The computation itself is in `model.py`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal

import numpy as np

from minir1.errors import UserError, shorten
from minir1.settings import Count, Positive, Section


@dataclass(frozen=True)
class ModelConfig(Section):
    """The shape of the decoder, under Hugging Face's names."""

    section: ClassVar[str] = "model"
    ARCHITECTURES: ClassVar[dict[str, str]] = {
        "llama": "LlamaForCausalLM",
        "qwen2": "Qwen2ForCausalLM",
        "qwen3": "Qwen3ForCausalLM",
    }

    model_type: Literal["llama", "qwen2", "qwen3"] = "llama"  # R1: deepseek_v3
    vocab_size: Count = 256  # rows of the embedding; R1: 129,280
    hidden_size: Count = 128  # C, the width of the residual stream; R1: 7,168
    intermediate_size: Count = 256  # the width inside the feed-forward layer; R1: experts
    num_hidden_layers: Count = 3  # L; R1: 61
    num_attention_heads: Count = 4  # H, heads of queries; R1: 128
    num_key_value_heads: Count = 2  # K, heads of keys and values, each shared by H / K queries
    head_dim: Count = 32  # D, the width of a head
    rms_norm_eps: Positive = 1e-5  # added to the mean square before its root
    rope_theta: Positive = 10000.0  # the base of the rotary wavelengths
    tie_word_embeddings: bool = True  # the output layer is the embedding, transposed; R1: no
    max_position_embeddings: Count = 512  # the longest sequence, prompt and completion together

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_attention_heads % self.num_key_value_heads:
            self.refuse(
                "num_key_value_heads",
                f"a divisor of num_attention_heads={self.num_attention_heads}",
            )
        if self.head_dim % 2:
            self.refuse("head_dim", "an even number: rotary positions turn pairs")

    @property
    def attention_bias(self) -> bool:
        """Say whether the query, key and value projections have a bias (Qwen 2 and 2.5)."""
        return self.model_type == "qwen2"

    @property
    def qk_norm(self) -> bool:
        """Say whether queries and keys are normalised a head (Qwen 3)."""
        return self.model_type == "qwen3"

    @property
    def rope_periods(self) -> tuple[float, ...] | None:
        """Return how many positions each pair takes to turn by one radian; None: by the base.

        Shapes: (D/2)
        """
        return None

    @classmethod
    def from_dict(cls, data: object) -> ModelConfig:
        """Make the shape from a dict that names every key; stretched waves bring their own."""
        stretched = isinstance(data, dict) and "rope_type" in data
        if cls is ModelConfig and stretched:
            return ScaledConfig.from_dict(data)
        return super().from_dict(data)

    @classmethod
    def from_hf(cls, config: dict[str, Any]) -> ModelConfig:
        """Read the contents of a Hugging Face config.json.

        Raises: UserError for an architecture or a variant that minir1 does not compute.
        """
        kind = config.get("model_type")
        if not isinstance(kind, str) or kind not in cls.ARCHITECTURES:
            known = ", ".join(cls.ARCHITECTURES)
            raise UserError(f"model_type is {shorten(repr(kind))}: minir1 computes {known}")
        rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
        if not isinstance(rope, dict):
            raise UserError(f"rope_parameters is {shorten(rope)}: wanted an object")
        for key, plain, got in _variants(config, rope):
            if got not in (None, plain):
                raise UserError(
                    f"{key} is {shorten(repr(got))}: minir1 computes only {plain!r}"
                )
        kept = {name: rope[name] for name in ROPE_KEYS if name in rope}
        given = HF_DEFAULTS | {k: v for k, v in {**config, **kept}.items() if v is not None}
        for name in HF_REQUIRED:
            if name not in given:
                raise UserError(f"{name} is missing")
            if not isinstance(given[name], int) or given[name] < 1:
                raise UserError(
                    f"{name} is {shorten(repr(given[name]))}: wanted a whole number"
                )
        heads = given["num_attention_heads"]
        given.setdefault("num_key_value_heads", heads)
        # A silent qwen3 means 128, whatever the width.
        given.setdefault("head_dim", 128 if kind == "qwen3" else given["hidden_size"] // heads)
        given["rope_type"] = rope.get("rope_type", rope.get("type"))
        wanted = ScaledConfig.WANTED.get(given["rope_type"])
        if wanted is None:
            return ModelConfig(
                **{field.name: given[field.name] for field in fields(ModelConfig)}
            )
        for name in wanted:
            if name not in given:
                raise UserError(f"rope_parameters has no {name}")
        names = [field.name for field in fields(ScaledConfig) if field.name in given]
        return ScaledConfig(**{name: given[name] for name in names})

    def to_hf(self, bos: int | None, eos: int | None, pad: int | None) -> dict[str, Any]:
        """Return a config.json that transformers (4 and 5) and mlx-lm read.

        The rotary base is written twice: `rope_parameters` for transformers 5, `rope_theta`
        for everything before it.
        """
        shape = {field.name: getattr(self, field.name) for field in fields(ModelConfig)}
        return {
            "architectures": [self.ARCHITECTURES[self.model_type]],
            **shape,
            "rope_parameters": {"rope_type": "default", "rope_theta": self.rope_theta},
            "hidden_act": "silu",
            "attention_bias": self.attention_bias,
            "attention_dropout": 0.0,
            "bos_token_id": bos,
            "eos_token_id": eos,
            "pad_token_id": pad,
            "use_cache": True,
        }


@dataclass(frozen=True)
class ScaledConfig(ModelConfig):
    """A decoder whose rotary wavelengths were stretched to reach further."""

    WANTED: ClassVar[dict[object, tuple[str, ...]]] = {  # what each kind of stretching needs
        "linear": ("factor",),
        "llama3": (
            "factor",
            "low_freq_factor",
            "high_freq_factor",
            "original_max_position_embeddings",
        ),
    }

    rope_type: Literal["linear", "llama3"] = "llama3"
    factor: Positive = 8.0  # how much longer the longest waves become
    low_freq_factor: Positive = 1.0  # waves with fewer turns a context than this: stretched
    high_freq_factor: Positive = 4.0  # waves with more turns a context than this: kept
    original_max_position_embeddings: Count = 8192  # that context

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.high_freq_factor <= self.low_freq_factor:
            self.refuse("high_freq_factor", f"more than low_freq_factor={self.low_freq_factor}")

    @property
    def rope_periods(self) -> tuple[float, ...]:
        """Stretch the waves: all by the factor (linear), or only the long ones (llama3).

        Source: Chen et al. 2023 (position interpolation); Llama 3.1's reference code
        """
        return _stretched(self)

    def to_hf(self, bos: int | None, eos: int | None, pad: int | None) -> dict[str, Any]:
        """Return a config.json that transformers (4 and 5) and mlx-lm read."""
        names = ("rope_type", *self.WANTED[self.rope_type])
        scaling = {name: getattr(self, name) for name in names}
        both = {"rope_theta": self.rope_theta, **scaling}
        return {
            **super().to_hf(bos, eos, pad),
            "rope_parameters": both,
            "rope_scaling": scaling,
        }


@functools.cache
def _stretched(shape: ScaledConfig) -> tuple[float, ...]:
    """Return the stretched periods; between short and long waves, frequencies are blended.

    Shapes: (D/2)
    """
    half = shape.head_dim // 2
    periods = shape.rope_theta ** (np.arange(half) / half)
    low, high = shape.low_freq_factor, shape.high_freq_factor
    turns = shape.original_max_position_embeddings / (2 * np.pi * periods)
    kept = np.clip((turns - low) / (high - low), 0, 1)  # 1: not stretched
    if shape.rope_type == "linear":
        kept = np.zeros(half)
    return tuple((periods / ((1 - kept) / shape.factor + kept)).tolist())


ROPE_KEYS = ("rope_theta", *ScaledConfig.WANTED["llama3"])

HF_REQUIRED = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
)

# What transformers assumes where config.json is silent.
HF_DEFAULTS: dict[str, Any] = {
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
    "tie_word_embeddings": False,
    "max_position_embeddings": 2048,
}


def _variants(config: dict[str, Any], rope: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """List (key, the only value computed here, the value given) of the variants we lack."""
    rope_type = rope.get("rope_type", rope.get("type"))
    if isinstance(rope_type, str) and rope_type in ScaledConfig.WANTED:
        rope_type = "default"
    biased = None if config["model_type"] == "qwen2" else config.get("attention_bias")
    return [
        ("rope_type", "default", rope_type),
        ("hidden_act", "silu", config.get("hidden_act")),
        ("attention_bias", False, biased),
        ("mlp_bias", False, config.get("mlp_bias")),
        ("use_sliding_window", False, config.get("use_sliding_window")),
        ("quantization_config", None, config.get("quantization_config")),
        ("quantization", None, config.get("quantization")),
    ]
