"""What can be set in the stages that make R1 out of R1-Zero, and in distillation?

One section a stage, named like the checkpoint that it makes, so that `--set dev2.language=0`
changes the reasoning RL that makes dev2. What a stage does not set is as in `config.py`.
"R1:" in a comment is the published value (DeepSeek-R1, arXiv 2501.12948v2, section B.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from minir1.settings import Count, Positive, Range, Section, Share, Weight, Whole


@dataclass(frozen=True)
class FineTuneConfig(Section):
    """How a model is fine-tuned on written answers: cosine schedule, completions only."""

    epochs: Count = 2  # R1: 2 to 3
    batch: Count = 16  # documents an update; R1: 128, students 64
    learning_rate: Positive = 1e-3  # at its peak; R1: 5e-5, students 2e-5 to 1e-4
    warmup: Whole = 5  # updates over which the learning rate rises
    final_fraction: Share = 0.1  # of the peak, where the cosine ends; R1: 0.1
    grad_clip: Positive = 1.0
    weight_decay: Weight = 0.0


@dataclass(frozen=True)
class ColdStartConfig(FineTuneConfig):
    """dev1: the base, fine-tuned on a few hundred of R1-Zero's answers, made readable."""

    section: ClassVar[str] = "dev1"

    epochs: Count = 3
    problems: Count = 1000  # train problems that R1-Zero is asked
    samples: Count = 1  # answers to each
    traces: Count = 800  # right ones kept and rewritten, at most; R1: thousands


@dataclass(frozen=True)
class ReasoningConfig(Section):
    """dev2: reinforcement learning on problems, with a reward for one language."""

    section: ClassVar[str] = "dev2"

    steps: Whole = 25
    learning_rate: Positive = 2e-4
    format: Weight = 0.5  # weight of the format; R1: 1, as for accuracy
    language: Weight = 0.3  # of language consistency, where well-formed; R1: 1, everywhere
    zh_prompts: Share = 0.5  # the share of prompts in Chinese


@dataclass(frozen=True)
class RejectionConfig(FineTuneConfig):
    """dev3: the base again, fine-tuned on dev2's right answers and on general answers."""

    section: ClassVar[str] = "dev3"

    epochs: Count = 3  # R1: 2 to 3
    start: Literal["base", "dev2"] = "base"  # what is fine-tuned; R1: the base again
    problems: Count = 1700  # train problems that dev2 is asked
    samples: Count = 2  # answers to each
    traces: Whole = 3000  # right ones kept, at most; R1: 600,000
    general: Whole = 1000  # general answers mixed in; R1: 200,000
    zh_prompts: Share = 0.5


@dataclass(frozen=True)
class PreferenceConfig(Section):
    """The reward model: which of two answers to a general prompt is preferred."""

    section: ClassVar[str] = "preference"

    samples: Count = 48  # answers to each general prompt by the base, and as many by dev3
    pairs: Count = 8000  # at most; R1: 66,000
    held_out_pairs: Count = 500  # at most, to measure by
    noise: Annotated[float, Range(0, 0.49)] = 0.1  # labels that are the wrong way round
    epochs: Count = 1  # R1: 1
    batch: Count = 16  # pairs an update; R1: 256
    learning_rate: Positive = 5e-4  # R1: 6e-6
    warmup: Whole = 5
    final_fraction: Share = 0.1
    grad_clip: Positive = 1.0
    weight_decay: Weight = 0.0


@dataclass(frozen=True)
class AlignmentConfig(Section):
    """r1: reinforcement learning for all scenarios, preferences in its last part only."""

    section: ClassVar[str] = "r1"

    steps: Whole = 24  # R1: 1,700 updates
    general_steps: Whole = 14  # of them, with general prompts too: the last; R1: 400
    general_prompts: Count = 64  # general prompts a rollout, beside grpo.prompts problems
    learning_rate: Positive = 3e-4
    temperature: Positive = 1.0  # R1: 0.7
    format: Weight = 1.0  # weight of the format; R1: 1, as for accuracy
    preference: Weight = 1.0  # weight of the reward model's score
    language: Weight = 0.3  # weight of language consistency, problems and general prompts
    zh_prompts: Share = 0.5
    combine: Literal["sum", "normalise"] = "sum"  # sum the rewards, or each one's advantages
    average: Literal["token", "sequence", "constant"] = (
        "sequence"  # a short general answer counts like a long thought; R1: not stated
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.general_steps > self.steps:
            self.refuse("general_steps", f"at most r1.steps={self.steps}")


@dataclass(frozen=True)
class DistillConfig(FineTuneConfig):
    """distilled: a student of a quarter of the size, fine-tuned on the set that made dev3."""

    section: ClassVar[str] = "distilled"

    epochs: Count = 3
    learning_rate: Positive = 2e-3


@dataclass(frozen=True)
class StudentRLConfig(Section):
    """small-rl and distilled-rl: reinforcement learning on the student."""

    section: ClassVar[str] = "small"

    learning_rate: Positive = 5e-4
    after_learning_rate: Positive = 2e-4  # of distilled-rl
    matched: bool = True  # small-rl: steps until distillation's compute is used up
    steps: Whole = 40  # small-rl's steps where not matched
    after_steps: Whole = 20  # distilled-rl's steps; R1: none published
