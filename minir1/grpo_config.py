"""What can be set in reinforcement learning, whatever is asked and whichever the method?

The comments give R1's published value. What a method brings along is in `methods.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, Literal

from minir1 import methods
from minir1.methods import METHODS, Method
from minir1.settings import Count, Positive, Range, Section, Share, Weight, Whole


@dataclass(frozen=True)
class GRPOSettings(Section):
    """Reinforcement learning with group-relative advantages, whatever is asked."""

    section: ClassVar[str] = "grpo"

    steps: Whole = 40  # rollouts; R1-Zero: 10,400 updates, 16 a rollout
    objective: methods.Name = "grpo"  # the method; brings its paper's settings; R1: grpo
    prompts: Count = 32  # P, prompts a rollout; R1: 512 (32 an update)
    group: Annotated[int, Range(2)] = 8  # G, completions a prompt, compared together; R1: 16
    extra_draws: Whole = 0  # rollouts more at most, to replace groups without spread; R1: none
    learning_rate: Positive = 5e-4  # R1: 3e-6
    warmup: Whole = 3  # steps over which the learning rate rises; R1: not disclosed
    final_fraction: Share = 0.1  # of it, where its linear fall ends; R1: not disclosed
    clip_low: Positive = 0.2  # the ratio may fall to 1 - this; R1 stage 1: 10, so never clipped
    clip_high: Positive = 0.2  # the ratio may rise to 1 + this; R1 stage 1: 10
    scale: Literal["std", "batch", "none"] = "std"  # what advantages are divided by; R1: std
    combine: Literal["sum", "normalise"] = "sum"  # rewards, or each one's advantages
    average: Literal["token", "sequence", "constant"] = "token"  # of the loss; R1: not stated
    overlong: Share = 0.0  # last part of the cap where length is charged for; R1: none
    truncated: Literal["taught", "left-out"] = "taught"  # answers that were cut off; R1: taught
    kl_weight: Weight = 0.0  # the pull to the reference policy; R1: 0.001
    kl_estimator: Literal["k2", "k3"] = "k2"  # k2 has the gradient of the reverse KL; R1: k3
    inner_steps: Count = 1  # passes over a rollout; R1: 1
    minibatches: Count = 2  # optimiser updates a pass; R1: 16
    reference_refresh: Whole = (
        0  # steps until the policy is the new reference, 0: never; R1: 400
    )
    grad_clip: Positive = 1.0  # the largest norm of a gradient; R1: not disclosed
    weight_decay: Weight = 0.0  # R1: not disclosed
    tokens_per_microbatch: Count = 1280  # tokens in memory at once; changes rounding only

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.minibatches > self.prompts:
            self.refuse(
                "minibatches", f"at most grpo.prompts={self.prompts}: groups stay whole"
            )
        chosen, usual = f"grpo.objective={self.objective}", _defaults()
        for name in self.method.fixed:
            if getattr(self, name) != self.method.brings[name]:
                self.refuse(name, f"{self.method.brings[name]}, as {chosen} has it")
        for name in self.method.unused:
            if getattr(self, name) != usual[name]:
                self.refuse(name, f"it left out: {chosen} has no use for it")

    @property
    def method(self) -> Method:
        """What the chosen method does to the other settings."""
        return METHODS[self.objective]

    def brings(self, name: str, value: object) -> Mapping[str, Any]:
        """Say which settings another value of one sets too: a method's own, the rest usual."""
        if name != "objective" or value == self.objective or value not in METHODS:
            return {}
        usual = _defaults()
        theirs = {key for method in METHODS.values() for key in method.brings}
        return {key: usual[key] for key in theirs} | dict(METHODS[str(value)].brings)

    def without_use(self) -> tuple[str, ...]:
        """Name the settings that the method never reads."""
        return self.method.unused


def _defaults() -> dict[str, Any]:
    return {field.name: field.default for field in fields(GRPOSettings)}
