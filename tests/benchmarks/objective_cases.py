"""Which variants of the loss are compared with TRL's, and on which numbers?

A variant is said in TRL's words; `ours` says it in minir1's. The logits are random, given to
both programs, and nobody's model: what is compared is everything after them.
"""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from minir1.rng import generator

PROMPTS, GROUP, LONGEST, CAP, WORDS = 3, 4, 8, 10, 12
EOS = 2  # the end token of tests/fixtures/small-base, on which TRL's trainer is built
BETA = 0.3
AVERAGES = {"grpo": "sequence", "bnpo": "token", "dapo": "token", "dr_grpo": "constant"}
KLS = ("none", "k3 ratio", "k3")


@dataclass(frozen=True)
class Variant:
    """One objective: options of TRL's GRPOConfig, and which KL."""

    loss_type: str
    scale_rewards: str = "group"
    kl: str = "none"  # or "k3 ratio" (TRL's use_bias_correction_kl), or "k3"
    num_iterations: int = 2  # 1: the scorer is the sampler, every ratio is one
    epsilon_high: float = 0.2
    mask_truncated_completions: bool = False
    micro_batches: int = 1

    @property
    def name(self) -> str:
        """Say it in a few words."""
        parts = [self.loss_type, f"scale {self.scale_rewards}"]
        parts += [] if self.kl == "none" else [self.kl]
        parts += ["ratio = 1"] if self.num_iterations == 1 else [f"0.8 to {self.bound:g}"]
        parts += ["truncated rows masked"] if self.mask_truncated_completions else []
        parts += ["two micro-batches"] if self.micro_batches == 2 else []
        return ", ".join(parts)

    @property
    def bound(self) -> float:
        """The upper edge of the trust region."""
        return 1 + self.epsilon_high

    @property
    def comparable(self) -> bool:
        """Whether TRL means the same: its bnpo averages each micro-batch by itself."""
        return self.loss_type != "bnpo" or self.micro_batches == 1

    def trl(self) -> dict[str, Any]:
        """The options of TRL's GRPOConfig."""
        rows = PROMPTS * GROUP // self.micro_batches
        return {
            "loss_type": self.loss_type,
            "scale_rewards": self.scale_rewards,
            "beta": 0.0 if self.kl == "none" else BETA,
            "use_bias_correction_kl": self.kl == "k3 ratio",
            "num_iterations": self.num_iterations,
            "epsilon": 0.2,
            "epsilon_high": self.epsilon_high,
            "mask_truncated_completions": self.mask_truncated_completions,
            "per_device_train_batch_size": rows,
            "gradient_accumulation_steps": self.micro_batches,
            "num_generations": GROUP,
            "max_completion_length": CAP,
        }


def variants() -> list[Variant]:
    """Every combination of what both have, then the special cases."""
    scales, trusts = ("group", "none"), ((1, 0.2), (2, 0.2), (2, 0.28))
    grid = itertools.product(AVERAGES, scales, KLS, trusts)
    plain = [Variant(loss, scale, kl, *trust) for loss, scale, kl, trust in grid]
    masked = [
        Variant(loss, kl="k3 ratio", mask_truncated_completions=True) for loss in AVERAGES
    ]
    cut = [Variant(loss, kl="k3 ratio", micro_batches=2) for loss in AVERAGES]
    return plain + masked + cut


def numbers() -> dict[str, np.ndarray]:
    """Three groups of four completions, lengths 1 to 8, ratios on every side of the clip.

    The last group is flat; five completions are cut off before their end token.

    Shapes: rewards (P, G), lengths (B), tokens (B, T), logits (B, T, V) each
    """
    rng = generator(0, "benchmarks", "objective")
    lengths = np.array([5, 1, 8, 3, 2, 7, 1, 4, 6, 3, 8, 2])
    rows = len(lengths)
    tokens = rng.integers(3, WORDS, (rows, LONGEST))
    ends = np.array([1, 1, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0], bool)
    tokens[ends, lengths[ends] - 1] = EOS
    base = 2 * rng.standard_normal((rows, LONGEST, WORDS))
    shapes = base.shape
    return {
        "rewards": np.array([[1.1, 0, 0.1, 0.1], [0, 0.1, 1.1, 1.1], [0.1] * 4], np.float32),
        "lengths": lengths,
        "tokens": tokens,
        "new": base.astype(np.float32),
        "old": (base + 0.3 * rng.standard_normal(shapes)).astype(np.float32),
        "reference": (base + 0.5 * rng.standard_normal(shapes)).astype(np.float32),
    }
