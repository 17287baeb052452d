"""What does each stage of reinforcement learning set? The run's settings, with its own.

The stages differ in how long they are, how fast they learn, whom they ask in which language
and what they pay for; all else is the run's `grpo` section.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from minir1.config import RunConfig


def r1_zero(config: RunConfig) -> RunConfig:
    """Pure reinforcement learning: the run's settings as they are."""
    return config


def dev2(config: RunConfig) -> RunConfig:
    """Reasoning RL: rewards for the answer, the format and one language."""
    settings = config.dev2
    config = _with_rl(
        config,
        steps=settings.steps,
        learning_rate=settings.learning_rate,
        zh_prompts=settings.zh_prompts,
    )
    reward = replace(config.reward, format=settings.format, language=settings.language)
    return replace(config, reward=reward)


def r1(config: RunConfig) -> RunConfig:
    """RL for all scenarios: the reward model's scores beside the rules, less heat."""
    settings = config.r1
    config = _with_rl(
        config,
        steps=settings.steps,
        learning_rate=settings.learning_rate,
        zh_prompts=settings.zh_prompts,
        combine=settings.combine,
        average=settings.average,
    )
    reward = replace(
        config.reward,
        format=settings.format,
        language=settings.language,
        preference=settings.preference,
    )
    sample = replace(config.sample, temperature=settings.temperature)
    return replace(config, reward=reward, sample=sample)


def small_rl(config: RunConfig) -> RunConfig:
    """The student by RL alone."""
    settings = config.small
    return _with_rl(config, steps=settings.steps, learning_rate=settings.learning_rate)


def distilled_rl(config: RunConfig) -> RunConfig:
    """RL after distillation, rewarded as the teacher was."""
    settings, rewarded = config.small, config.dev2
    config = _with_rl(
        config,
        steps=settings.after_steps,
        learning_rate=settings.after_learning_rate,
        zh_prompts=rewarded.zh_prompts,
    )
    reward = replace(config.reward, format=rewarded.format, language=rewarded.language)
    return replace(config, reward=reward)


SETTINGS: dict[str, Callable[[RunConfig], RunConfig]] = {
    "r1-zero": r1_zero,
    "dev2": dev2,
    "r1": r1,
    "small-rl": small_rl,
    "distilled-rl": distilled_rl,
}
# What each stage of reinforcement learning starts from.
STARTS = {
    "r1-zero": "base",
    "dev2": "dev1",
    "r1": "dev3",
    "small-rl": "small-base",
    "distilled-rl": "distilled",
}


def _with_rl(config: RunConfig, **changes: Any) -> RunConfig:
    return replace(config, grpo=replace(config.grpo, **changes))
