"""What can be set in a run, what is it by default, and what did DeepSeek-R1 use?

One frozen dataclass a subject; a preset is a function that returns a RunConfig. "R1:" in a
comment is the published value (DeepSeek-R1, arXiv 2501.12948v2, sections 2.1, 3.2, B.4).
The stages after R1-Zero are in `stage_config.py`; how values are checked and how
`--set a.b=c` works is in `settings.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Protocol

from minir1.grpo_config import GRPOSettings
from minir1.model_config import ModelConfig
from minir1.settings import (
    Count,
    Decay,
    Positive,
    Range,
    Section,
    Share,
    Weight,
    Whole,
    changed,
    flatten,
    override,
)
from minir1.stage_config import (
    AlignmentConfig,
    ColdStartConfig,
    DistillConfig,
    PreferenceConfig,
    ReasoningConfig,
    RejectionConfig,
    StudentRLConfig,
)
from minir1.world.corpus_config import CorpusConfig

__all__ = [
    "CorpusConfig",
    "EvalConfig",
    "GRPOConfig",
    "GRPOSettings",
    "ModelConfig",
    "PretrainConfig",
    "RewardConfig",
    "RunConfig",
    "SampleConfig",
    "TrainConfig",
    "changed",
    "flatten",
    "override",
    "tiny",
]


@dataclass(frozen=True)
class SampleConfig(Section):
    """How completions are drawn while training: from the policy itself, nothing cut off."""

    section: ClassVar[str] = "sample"

    max_tokens: Count = 300  # the cap on a completion; R1: 32,768, later 65,536
    temperature: Positive = 1.0  # R1: 1.0; 0.7 in the last RL stage
    rows_per_chunk: Count = (
        128  # rows that decode together: part of the result, not a thread count
    )


@dataclass(frozen=True)
class RewardConfig(Section):
    """What a completion earns: a sum of parts, or a control that teaches nothing."""

    section: ClassVar[str] = "reward"

    kind: Literal[
        "rule",  # R1's
        "random",  # random and format are controls
        "format",
        "drafts",  # this and all below are weak on purpose: weak_rewards.py
        "last-result",
        "verdict",
        "any-numbers",
        "length",
        "reflective",
        "truncated",
        "penalty",
        "language",
        "noise-30",
        "noise-50",
    ] = "rule"
    accuracy: Weight = 1.0  # for the right answer; R1: 1
    format: Weight = 0.1  # for think and answer tags in order; R1: equal weights
    language: Weight = (
        0.0  # times the share of words in the prompt's language; R1 stage 1: summed
    )
    preference: Weight = 0.0  # times the reward model's score of a general answer


@dataclass(frozen=True)
class GRPOConfig(GRPOSettings):
    """Reinforcement learning in the tiny world."""

    zh_prompts: Share = 0.35  # the share of prompts in Chinese
    program_prompts: Share = 0.0  # the share of prompts about programs, not number puzzles


class TrainConfig(Protocol):
    """What the loop of `rl.py` reads of a configuration."""

    @property
    def seed(self) -> int: ...
    @property
    def threads(self) -> int: ...
    @property
    def sample(self) -> SampleConfig: ...
    @property
    def reward(self) -> Section: ...
    @property
    def grpo(self) -> GRPOSettings: ...


@dataclass(frozen=True)
class PretrainConfig(Section):
    """How the base model is made from nothing."""

    section: ClassVar[str] = "pretrain"

    steps: Whole = 5000  # optimiser updates
    tokens_per_step: Count = 5120  # tokens in an update
    learning_rate: Positive = 3e-3  # at its peak
    warmup: Whole = 50  # steps over which the learning rate rises
    final_fraction: Share = 0.03  # of the peak, where the cosine ends
    tokens_per_microbatch: Count = 900  # tokens in memory at once; changes rounding only
    weight_decay: Weight = 0.05  # on matrices only
    grad_clip: Positive = 1.0  # the largest norm of a gradient
    beta1: Decay = 0.9  # memory of the gradient's mean
    beta2: Decay = 0.95  # memory of the gradient's square


@dataclass(frozen=True)
class EvalConfig(Section):
    """How a checkpoint is measured."""

    section: ClassVar[str] = "evaluation"

    samples: Count = 16  # completions a test problem; R1: 4 to 64
    problems: Annotated[int, Range(1, 500)] = 500  # test problems, none seen in training
    every: Whole = 5  # steps between looks at the validation problems, 0: never
    validation_problems: Annotated[int, Range(1, 250)] = 250  # for choices, never for reports
    validation_samples: Count = 1  # completions a validation problem


@dataclass(frozen=True)
class RunConfig(Section):
    """Everything that decides a run's result, and where it is computed."""

    recipe: Literal["pretrain", "r1-zero", "r1", "all"] = "all"  # which story
    seed: Whole = 0  # every random number is a function of it
    backend: Literal["auto", "numpy", "mlx"] = "auto"  # the engine
    threads: Whole = 0  # 0: all cores; changes no bit of the result
    save_every: Count = 1  # steps between saved states
    keep_every: Whole = 0  # steps between checkpoints kept for later looks, 0: only the last
    model: ModelConfig = field(default_factory=ModelConfig)
    sample: SampleConfig = field(default_factory=SampleConfig)
    reward: RewardConfig = field(default_factory=RewardConfig)
    grpo: GRPOConfig = field(default_factory=GRPOConfig)
    dev1: ColdStartConfig = field(default_factory=ColdStartConfig)
    dev2: ReasoningConfig = field(default_factory=ReasoningConfig)
    dev3: RejectionConfig = field(default_factory=RejectionConfig)
    preference: PreferenceConfig = field(default_factory=PreferenceConfig)
    r1: AlignmentConfig = field(default_factory=AlignmentConfig)
    distilled: DistillConfig = field(default_factory=DistillConfig)
    small: StudentRLConfig = field(default_factory=StudentRLConfig)
    pretrain: PretrainConfig = field(default_factory=PretrainConfig)
    corpus: CorpusConfig = field(default_factory=CorpusConfig)
    evaluation: EvalConfig = field(default_factory=EvalConfig)

    @property
    def title(self) -> str:
        """Name the run after its recipe."""
        return self.recipe

    @property
    def verb(self) -> str:
        """Return what to type to run this recipe."""
        return "pretrain --tiny" if self.recipe == "pretrain" else "train --tiny"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sample.max_tokens >= self.model.max_position_embeddings:
            longest = self.model.max_position_embeddings
            self.sample.refuse(
                "max_tokens", f"less than model.max_position_embeddings={longest}"
            )
        if self.grpo.program_prompts and self.reward.kind not in ("rule", "random", "format"):
            self.grpo.refuse(
                "program_prompts", f"0: reward.kind={self.reward.kind} knows puzzles alone"
            )


def tiny(recipe: str = "all", seed: int = 0) -> RunConfig:
    """Return the settings of `minir1 train --tiny`: minutes on a laptop."""
    chosen: Any = recipe  # checked when the configuration is made
    return RunConfig(recipe=chosen, seed=seed)
