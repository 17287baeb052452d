"""What can be set when a real model is trained?

The sections that the tiny world has as well are those of `config.py`; what differs is how
the model is asked, and what of it is trained. "R1:" in a comment is the published value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from minir1.config import EvalConfig, GRPOSettings, RunConfig, SampleConfig
from minir1.real_stage_config import (
    RealAlignmentConfig,
    RealColdStartConfig,
    RealReasoningConfig,
    RealRejectionConfig,
)
from minir1.settings import Count, Positive, Range, Section, Weight, Whole, changed

LATER = {  # what R1's recipe has beyond R1-Zero's
    "dev1": RealColdStartConfig,
    "dev2": RealReasoningConfig,
    "dev3": RealRejectionConfig,
    "r1": RealAlignmentConfig,
}


@dataclass(frozen=True)
class PromptConfig(Section):
    """How a question is put to the model, and where its answer is looked for."""

    section: ClassVar[str] = "prompt"

    template: Literal["chat", "r1-zero", "plain"] = "chat"  # R1-Zero: r1-zero
    answer: Literal["tags", "boxed", "last"] = "boxed"  # last: the last number; R1-Zero: tags
    system: str = ""  # the chat template's system message; empty: none, or the template's own

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.system and self.template != "chat":
            self.refuse("system", "prompt.template=chat, which alone has a system message")


@dataclass(frozen=True)
class RealRewardConfig(Section):
    """What a completion earns: a sum of parts, or a control that teaches nothing."""

    section: ClassVar[str] = "reward"

    kind: Literal["rule", "random", "format"] = (
        "rule"  # random and format are controls; R1: rule
    )
    accuracy: Weight = 1.0  # for the right answer; R1: 1
    format: Weight = 0.1  # for an answer where it was asked for; R1: equal weights
    language: Weight = 0.0  # times the share of letters in the question's script


@dataclass(frozen=True)
class LoraConfig(Section):
    """Low-rank adapters beside frozen weights (Hu et al. 2021)."""

    section: ClassVar[str] = "lora"

    rank: Count = 16  # of each adapter
    scale: Positive = 2.0  # what an adapter's output is multiplied by
    layers: Annotated[int, Range(-1)] = -1  # that have adapters, from the top; -1: all

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.layers == 0:
            self.refuse("layers", "1 or more, or -1 for all")


@dataclass(frozen=True)
class RealConfig(Section):
    """Everything that decides what becomes of a real model."""

    recipe: Literal["r1-zero", "r1"] = "r1-zero"  # pure RL, or R1's stages after it
    model: str = ""  # a folder, a .gguf file or a name on the Hub
    task: str = ""  # what is asked: see docs/tasks.md
    seed: Whole = 0  # every random number is a function of it
    backend: Literal["auto", "numpy", "mlx"] = "auto"  # the engine
    threads: Whole = 0  # 0: all cores; changes no bit of the result
    save_every: Count = 10  # steps between saved states
    keep_every: Whole = 0  # steps between checkpoints kept for later looks, 0: only the last
    tune: Literal["full", "lora"] = "full"  # all weights, or adapters alone
    grad_checkpoint: bool = False  # compute activations twice instead of keeping them
    compile: bool = False  # let MLX fuse the update's operations
    importance_cap: Positive = 2.0  # what a token counts for at most, in low precision
    prompt: PromptConfig = field(default_factory=PromptConfig)
    sample: SampleConfig = field(
        default_factory=lambda: SampleConfig(max_tokens=512, rows_per_chunk=64)
    )
    reward: RealRewardConfig = field(default_factory=RealRewardConfig)
    grpo: GRPOSettings = field(
        default_factory=lambda: GRPOSettings(
            steps=100,
            prompts=16,
            learning_rate=1e-5,
            minibatches=1,
            tokens_per_microbatch=1024,
        )
    )
    lora: LoraConfig = field(default_factory=LoraConfig)
    dev1: RealColdStartConfig = field(default_factory=RealColdStartConfig)
    dev2: RealReasoningConfig = field(default_factory=RealReasoningConfig)
    dev3: RealRejectionConfig = field(default_factory=RealRejectionConfig)
    r1: RealAlignmentConfig = field(default_factory=RealAlignmentConfig)
    evaluation: EvalConfig = field(
        default_factory=lambda: EvalConfig(
            samples=4, problems=250, every=10, validation_problems=64
        )
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tune == "full":
            self._refuse_changes(self.lora, LoraConfig(), "--tune lora, which adds adapters")
        for name, section in LATER.items():
            given, usual = getattr(self, name), (section(), _faster(section()))
            if self.recipe == "r1-zero" and given not in usual:
                self._refuse_changes(given, usual[self.tune == "lora"], "--recipe r1")

    def _refuse_changes(self, section: Section, usual: Section, wanted: str) -> None:
        """Refuse settings that would change nothing in this run."""
        for key in changed(section, usual):
            section.refuse(key, f"it left as it is, or {wanted}")

    @property
    def verb(self) -> str:
        """Return what to type to go on with such a run."""
        return "train"

    @property
    def title(self) -> str:
        """Name the run after what it trains and on what."""
        model = Path(self.model).name.lower().removesuffix(".gguf")
        task = Path(self.task).name.lower().removesuffix(".jsonl").removesuffix(".py")
        return re.sub(r"[^\w.]+", "-", f"{model}-{task}")[:100].strip("-.")


def real(
    model: str, task: str, seed: int = 0, tune: str = "full", recipe: str = "r1-zero"
) -> RealConfig:
    """Return the settings of `minir1 train --model … --task …`.

    Adapters learn at ten times the rate: they are few, and start at nothing.
    """
    named: dict[str, Any] = {"tune": tune, "recipe": recipe}  # checked when it is made
    chosen = RealConfig(model=model, task=task, seed=seed, **named)
    if tune == "full":
        return chosen
    faster = {stage: _faster(getattr(chosen, stage)) for stage in ("grpo", *LATER)}
    return replace(chosen, **faster)


def _faster(section: Any) -> Any:
    return replace(section, learning_rate=10 * section.learning_rate)


def read_config(given: object) -> RunConfig | RealConfig:
    """Read a run's configuration: that of a real model says what it is asked."""
    real = isinstance(given, dict) and "task" in given
    return RealConfig.from_dict(given) if real else RunConfig.from_dict(given)
