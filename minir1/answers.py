"""How are questions put, and what do the answers earn?

Between the sampler, which knows tokens, and the rewards, which know text: a question becomes
`group` answers as tokens and as text, and each answer is paid. Problems are paid by rules,
general prompts by a reward model. Used by training and by evaluation alike, so both ask in
the same way.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from minir1 import behaviour, conversation, grpo, rewards
from minir1.config import RunConfig, TrainConfig
from minir1.rng import uniforms
from minir1.rollout import Rollout, sample
from minir1.tokenizer import WordTokenizer
from minir1.world.general import GeneralPrompt
from minir1.world.program_questions import ProgramQuestion
from minir1.world.questions import Question

Asked = Question | ProgramQuestion | GeneralPrompt
Solution = behaviour.Sample | behaviour.ProgramSample  # an answer that rules can judge
Sample = Solution | conversation.GeneralSample
Parts = dict[str, np.ndarray]  # kind of reward -> (P, G), as paid, not yet weighted


class Judge(Protocol):
    """What pays for answers to general prompts: a reward model."""

    def reward(
        self,
        prompts: Sequence[GeneralPrompt],
        completions: Sequence[str],
        finished: Sequence[bool],
        threads: int = 0,
    ) -> np.ndarray: ...


@dataclass(frozen=True)
class Graded:
    """A rollout, what was asked, and what each completion earned.

    discarded: what was sampled besides and is not trained on (`resampling.py`).

    Shapes: questions [P], samples [B], rewards (P, G) = sum over parts of weight · part
    """

    questions: Sequence[Any]
    rollout: Rollout
    samples: Sequence[Any]
    rewards: np.ndarray
    parts: Parts = field(default_factory=dict)
    discarded: Rollout | None = None


def ask(
    params: dict[str, Any],
    config: RunConfig,
    tokenizer: WordTokenizer,
    questions: Sequence[Asked],
    group: int,
    address: tuple[int, str, int],
    forbidden: Sequence[int] = (),
) -> tuple[Rollout, list[Any]]:
    """Sample `group` answers to every question; return them as tokens and as text.

    Forbidden are the ids of words that no answer may hold: for evaluation only.
    """
    prompts = [tokenizer.encode(question.prompt) for question in questions]
    rollout = sample(
        params,
        config.model,
        prompts,
        group,
        config.sample,
        address,
        tokenizer.eos_ids,
        tokenizer.pad_id,
        config.threads,
        forbidden=forbidden,
    )
    samples = [
        _sample(
            questions[i // group],
            tokenizer.decode(rollout.completion(i)),
            int(rollout.completion_lengths[i]),
            bool(rollout.finished[i]),
        )
        for i in range(len(rollout.tokens))
    ]
    return rollout, samples


def _sample(question: Asked, completion: str, tokens: int, finished: bool) -> Sample:
    said = completion, tokens, finished
    if isinstance(question, GeneralPrompt):
        return conversation.GeneralSample(question, *said)
    if isinstance(question, ProgramQuestion):
        return behaviour.ProgramSample(question.problem, question.language, *said)
    return behaviour.Sample(question.problem, question.language, *said)


def grade(
    samples: Sequence[Sample],
    config: RunConfig,
    address: tuple[int, str, int],
    judge: Judge | None = None,
    group: int | None = None,
) -> Parts:
    """Pay every completion, each kind of reward for itself.

    A coin of its own is what the random control pays by. General prompts earn what the
    judge says, and the format and the language of their answers. A group has G samples, by
    default as many as in training.

    Shapes: samples [B] -> (P, G) each
    """
    seed, stage, step = address
    names = [(i, 0) for i in range(len(samples))]
    coins = uniforms(seed, stage + "/coins", step, names, 1)[:, 0]
    paid = [_paid(s, config, float(coin)) for s, coin in zip(samples, coins, strict=True)]
    general = [i for i, s in enumerate(samples) if isinstance(s, conversation.GeneralSample)]
    if general and judge is not None:
        said: list[Any] = [samples[i] for i in general]
        scores = judge.reward(
            [s.prompt for s in said],
            [s.completion for s in said],
            [s.finished for s in said],
            config.threads,
        )
        for i, score in zip(general, scores, strict=True):
            paid[i]["preference"] = float(score)
    kinds = dict.fromkeys(kind for amounts in paid for kind in amounts)
    size = group or config.grpo.group
    return {
        kind: np.array([a.get(kind, 0.0) for a in paid]).reshape(-1, size) for kind in kinds
    }


def _paid(sample: Sample, config: RunConfig, coin: float) -> dict[str, float]:
    if isinstance(sample, conversation.GeneralSample):
        form = rewards.general_format(sample.completion, sample.finished)
        language = form * conversation.language_consistency(sample)
        return {"format": form, "language": language}
    s, settings = sample, config.reward
    paid, _ = rewards.pay(s.problem, s.completion, s.finished, s.language, settings, coin)
    return paid


def total(parts: Parts, weights: dict[str, float]) -> np.ndarray:
    """Sum the kinds of reward, each with its weight."""
    return np.sum([weights[kind] * paid for kind, paid in parts.items()], axis=0)


def advantages(graded: Graded, config: TrainConfig) -> np.ndarray:
    """Compare every completion with its group: by the sum of its rewards, or kind by kind.

    Shapes: -> (P, G)
    """
    if config.grpo.combine == "sum":
        return grpo.group_advantages(graded.rewards, config.grpo.scale)
    weights = rewards.part_weights(config.reward)
    return grpo.summed_advantages(graded.parts, weights, config.grpo.scale)


def describe(graded: Graded) -> dict[str, float]:
    """Sum up one rollout under the names of metrics.jsonl."""
    mask = graded.rollout.completion_mask
    solved = [s for s in graded.samples if isinstance(s, Solution)]
    said = [s for s in graded.samples if isinstance(s, conversation.GeneralSample)]
    entropy = float((graded.rollout.entropy * mask).sum() / mask.sum())
    return {
        "reward": float(graded.rewards.mean()),
        **_reasoning(solved),
        **_by_kind(solved),
        **(_conversing(graded, said) if said else {}),
        "entropy": entropy,
    }


def _reasoning(samples: Sequence[Solution]) -> dict[str, float]:
    seen = behaviour.describe(samples)
    return {
        "accuracy": seen["accuracy"],
        "format_rate": seen["format_rate"],
        "completion_tokens": seen["completion_tokens"],
        "attempts": seen["attempts_per_answer"],
        "reflections": seen["reflections_per_answer"],
        "language_consistency": seen["language_consistency"],
        "mixed_language_rate": seen["mixed_language_rate"],
        "truncated": seen["truncated"],
    }


def _by_kind(samples: Sequence[Solution]) -> dict[str, float]:
    """Tell the accuracy on programs from that on number puzzles, where both were asked."""
    right: dict[str, list[float]] = {}
    for s in samples:
        name = "program" if isinstance(s, behaviour.ProgramSample) else "puzzle"
        paid = rewards.accuracy(s.problem, s.completion, s.finished)
        right.setdefault(f"{name}_accuracy", []).append(paid)
    return {name: float(np.mean(r)) for name, r in right.items()} if len(right) > 1 else {}


def _conversing(
    graded: Graded, samples: Sequence[conversation.GeneralSample]
) -> dict[str, float]:
    """Sum up the general answers; what no prompt of the rollout asked for is left out."""
    seen = conversation.describe(samples)
    rows = [isinstance(q, GeneralPrompt) for q in graded.questions]
    preferred = float(graded.parts["preference"][rows].mean())
    told = {name: value for name, value in seen.items() if value is not None}
    return {**told, "preference_reward": preferred}
