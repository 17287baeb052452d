"""How are questions put, and what do the answers earn?

Between the sampler, which knows tokens, and the rewards, which know text: a question becomes
`group` answers as tokens and as text, and each answer is paid. Used by training and by
evaluation alike, so both ask in the same way.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from minir1 import behaviour, rewards
from minir1.config import RunConfig
from minir1.rng import uniforms
from minir1.rollout import Rollout, sample
from minir1.tokenizer import WordTokenizer
from minir1.world.questions import Question


@dataclass(frozen=True)
class Graded:
    """A rollout, what was asked, and what each completion earned.

    Shapes: questions [P], samples [B], rewards (P, G)
    """

    questions: list[Question]
    rollout: Rollout
    samples: list[behaviour.Sample]
    rewards: np.ndarray


def ask(
    params: dict[str, Any],
    config: RunConfig,
    tokenizer: WordTokenizer,
    questions: list[Question],
    group: int,
    address: tuple[int, str, int],
) -> tuple[Rollout, list[behaviour.Sample]]:
    """Sample `group` answers to every question; return them as tokens and as text."""
    prompts = [tokenizer.encode(question.prompt) for question in questions]
    rollout = sample(
        params,
        config.model,
        prompts,
        group,
        config.sample,
        address,
        tokenizer.eos_id,
        tokenizer.pad_id,
        config.threads,
    )
    samples = [
        behaviour.Sample(
            problem=questions[i // group].problem,
            language=questions[i // group].language,
            completion=tokenizer.decode(rollout.completion(i)),
            completion_tokens=int(rollout.completion_lengths[i]),
            finished=bool(rollout.finished[i]),
        )
        for i in range(len(rollout.tokens))
    ]
    return rollout, samples


def grade(
    samples: list[behaviour.Sample], config: RunConfig, address: tuple[int, str, int]
) -> np.ndarray:
    """Pay every completion. A coin of its own is what the random control pays by.

    Shapes: samples [B] -> (P, G)
    """
    seed, stage, step = address
    names = [(i, 0) for i in range(len(samples))]
    coins = uniforms(seed, stage + "/coins", step, names, 1)[:, 0]
    paid = [
        rewards.reward(
            s.problem,
            s.completion,
            s.finished,
            s.language,
            config.reward,
            float(coin),
        )[0]
        for s, coin in zip(samples, coins, strict=True)
    ]
    return np.array(paid, np.float64).reshape(-1, config.grpo.group)


def describe(graded: Graded) -> dict[str, float]:
    """Sum up one rollout under the names of metrics.jsonl."""
    seen = behaviour.describe(graded.samples)
    mask = graded.rollout.completion_mask
    return {
        "reward": float(graded.rewards.mean()),
        "accuracy": seen["accuracy"],
        "format_rate": seen["format_rate"],
        "completion_tokens": seen["completion_tokens"],
        "attempts": seen["attempts_per_answer"],
        "reflections": seen["reflections_per_answer"],
        "language_consistency": seen["language_consistency"],
        "mixed_language_rate": seen["mixed_language_rate"],
        "truncated": seen["truncated"],
        "entropy": float((graded.rollout.entropy * mask).sum() / mask.sum()),
    }
